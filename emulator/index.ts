/** The public door of the emulator: what the kernel, the command line and notebooks may use. */
export { assemble, formatDiagnostics, formatListing } from './asm/index.js';
export type { Assembly, AssemblyOptions, Diagnostic, ListingLine } from './asm/index.js';
export { didYouMean } from './asm/suggest.js';
export { assemblerWords } from './asm/words.js';
export type { RegisterWord } from './asm/words.js';
export { EXIT_REASONS } from './arch/exits.js';
export type { ExitReason } from './arch/exits.js';
export { CS, GPR_NAMES, SEGMENT_NAMES } from './arch/registers.js';
export type { SegmentIndex } from './arch/registers.js';
export { findProfile, profiles } from './cost/catalog.js';
export type { ProfileName } from './cost/catalog.js';
export { ACCOUNTS, COST_KEYS } from './cost/keys.js';
export type { Account, CostKey } from './cost/keys.js';
export { TICKS_PER_CYCLE } from './cost/ledger.js';
export type { Counts } from './cost/ledger.js';
export type { CpuProfile, Price } from './cost/profile.js';
export { INSTRUCTION_TABLE } from './isa/table.js';
export type { InstructionRow } from './isa/operation.js';
export { audit, LISTED, withListed } from './audit.js';
export type { AuditOptions, AuditResult, AuditRow } from './audit.js';
export type { Absences } from './absences.js';
export type { GuestInputs } from './inputs.js';
export { Debugger } from './debug/debugger.js';
export type { DebugStop } from './debug/debugger.js';
export { bitNames } from './debug/bit-names.js';
export type { BitNamed } from './debug/bit-names.js';
export { descriptorTables } from './debug/descriptor-tables.js';
export type { DescriptorView } from './debug/descriptor-tables.js';
export { disassembleGuest, Symbols } from './disassembly.js';
export type { CodeLine } from './disassembly.js';
export { pageTree, pageWays } from './debug/page-tables.js';
export type { MonitorEntryView, PageDirectory, PageRange, PageWays, TlbView } from './debug/page-tables.js';
export type { Agreement, NestedStanding, ShadowStanding } from './debug/translation-views.js';
export { vmcbFields } from './debug/vmcb-fields.js';
export type { VmcbFieldView } from './debug/vmcb-fields.js';
export { checkPoint } from './debug/points.js';
export type { BreakPoint } from './debug/points.js';
export { DEFAULT_ENGINE, ENGINES, Machine } from './machine.js';
export type { PageEntryView, PageWalkView, TlbEntry } from './machine.js';
export type { Engine, GuestState, Processor, Stop } from './machine.js';
export { ImageError } from './platform/image.js';
export { DEFAULTS, ENGINE_VERSION, GuestRun, reprice, runImage } from './run.js';
export type { Outcome, RunConfiguration, RunOptions, RunResult } from './run.js';
export { runSeveral } from './run-several.js';
export type { GuestOfSeveral, GuestShare, SeveralResult, SeveralRunOptions } from './run-several.js';
export type { TraceEvent } from './trace/events.js';
export { techniques, usableTechniques } from './vmm/catalog.js';
export type { Technique } from './vmm/catalog.js';
export { SWITCHES } from './vmm/switches.js';
export type { SwitchName, SwitchRow, Switches, SwitchValue } from './vmm/switches.js';
export { applies, checkSwitches, describeValues, parseSwitch } from './vmm/switch-values.js';
export { exitFlame } from './vmm/exit-flame.js';
export type { FlameNode } from './vmm/exit-flame.js';
export {
  diffExits,
  exitHistogram,
  exitStatistics,
  exitsByInterval,
  exitsBySymbol,
} from './vmm/exit-statistics.js';
export type { ExitBin, ExitDifference, ExitStatistics, Exits } from './vmm/exit-statistics.js';
export { LANES, traceLanes } from './vmm/trace-lanes.js';
export type { Lane, LaneOptions, LaneSpan, TraceLanes } from './vmm/trace-lanes.js';
export type { ExitRow } from './vmm/vmm.js';
export type { ShadowStatistics } from './vmm/shadow-statistics.js';
export { HybridVmm } from './vmm/hybrid/hybrid-vmm.js';
export type { CreatePolicy, Half, Policy, SeenExit } from './vmm/hybrid/policy.js';
export { BinaryTranslationVmm } from './vmm/software/binary-translation.js';
export type { TranslationStatistics } from './vmm/software/statistics.js';
export { standing } from './vmm/software/translations.js';
export type { Translations, TranslationView } from './vmm/software/translations.js';
