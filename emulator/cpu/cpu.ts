import type { CpuFeature } from '../arch/cpuid.js';
import type { TableState } from '../arch/descriptors.js';
import type { SegmentIndex } from '../arch/registers.js';
import { CPL_I32 } from '../arch/state.js';
import type { Ledger } from '../cost/ledger.js';
import type { CpuProfile } from '../cost/profile.js';
import type { ExecutionContext, OptionalInstruction } from '../isa/context.js';
import type { Operation, PortWidth } from '../isa/operation.js';
import { X87Unit } from '../isa/x87/unit.js';
import type { PortBus } from '../platform/bus.js';
import type { Clock } from '../platform/clock.js';
import type { PhysicalMemory } from '../platform/memory.js';
import type { TraceRecorder } from '../trace/recorder.js';
import { ATTENTION_HOLDS_TRAPS, POLL_INTERRUPT, POLL_NMI, POLL_VIRTUAL } from './attention.js';
import type { CompiledLayout } from './jit/layout.js';
import { NoSvm } from './no-svm.js';
import * as control from './control.js';
import { cpuid } from './cpuid.js';
import { DebugUnit } from './debug-unit.js';
import * as descriptorQuery from './descriptor-query.js';
import { Executor } from './execute.js';
import * as fastCall from './fast-call.js';
import * as farTransfer from './far-transfer.js';
import * as flagControl from './flag-control.js';
import { Restart, VmExit } from './fault.js';
import { interruptReturn } from './interrupt-return.js';
import { Msrs } from './msr.js';
import { optionalInstruction } from './optional-instructions.js';
import * as ports from './ports.js';
import type {
  Event,
  Monitoring,
  NestedAccess,
  NestedTranslation,
  Processor,
  RunLimits,
  StepResult,
  Stop,
  TransferPlaces,
} from './processor.js';
import { QuickTransfer } from './quick-transfer.js';
import { Registers } from './registers.js';
import { reset } from './reset.js';
import * as segmentation from './segmentation.js';
import type { SvmUnit } from './svm-hooks.js';
import type { TlbHistory } from './tlb.js';
import type { TlbArea } from './tlb-area.js';

export { X87Unit };
export type { X87State } from '../isa/x87/unit.js';

/** What may end or interrupt guest mode. */
const POLL_OUTSIDE = POLL_INTERRUPT | POLL_NMI | POLL_VIRTUAL;

/** What a processor is wired to. */
export interface CpuParts {
  profile: CpuProfile;
  memory: PhysicalMemory;
  /** Where its state area starts in the buffer behind `memory`; a multiple of 8. */
  stateOffsetBytes: number;
  /** What its work is charged to. */
  ledger: Ledger;
  /** The time that it sees: of the machine, or for a virtual processor of its host. */
  clock: Clock;
  /** Its coprocessor: the one in its own state area, or for a virtual processor that of its host. */
  x87: X87Unit;
  ports: PortBus;
  trace: TraceRecorder;
  /** The interrupt-acknowledge cycle. @returns the vector. */
  acknowledgeInterrupt(): number;
  /** The local APIC, as IA32_APIC_BASE and CPUID show it. */
  readonly localApic: ApicBase;
  /** What compiled code works on; null: the processor only interprets. */
  readonly compiled: CompiledLayout | null;
}

/** The parts of a local APIC that are registers of the processor. */
export interface ApicBase {
  /** IA32_APIC_BASE 31:0. */
  readonly base: number;
  /** @returns false for a value that the register does not take. */
  setBase(value: number): boolean;
  readonly enabled: boolean;
  /** Bits 7:4 of the task-priority register, which CR8 shows. */
  taskPriorityClass: number;
}

/**
 * The processor: the parts list. Registers and memory access are inherited, every other subject has a file of its
 * own; the methods here only say which. Instruction handlers see it as ExecutionContext, owners as Processor.
 */
export class Cpu extends Registers implements ExecutionContext, Processor {
  readonly ledger: Ledger;
  readonly msrs: Msrs;
  readonly x87: X87Unit;
  /** What CPUID offers. */
  readonly features: ReadonlySet<CpuFeature>;
  readonly vmExit = new VmExit();
  readonly restart = new Restart();
  private readonly executor: Executor;
  readonly quickTransfer = new QuickTransfer(this);
  readonly debugUnit: DebugUnit;
  /** SVM (cpu/svm.ts), put in by the machine; without it SVM instructions are undefined. */
  svmUnit: SvmUnit = new NoSvm(this);
  /** Between VMRUN and #VMEXIT: intercepts apply. */
  guestMode = false;
  /** MONITOR has set up an address and MWAIT not used it yet. */
  monitorArmed = false;
  private sensitive = false;
  /** `sensitiveTraps` can be on: what is decoded has to look. */
  guardsSensitive = false;
  /** The event whose delivery is under way, or null. */
  delivering: Event | null = null;
  /** Offset of the instruction after the one that was intercepted, valid when `completeExit` is called. */
  nextEip = 0;
  /** The instruction that was intercepted, valid then too; null when the exit is no instruction's. */
  interceptedOperation: Operation | null = null;
  constructor(readonly parts: CpuParts) {
    super(parts.memory, parts.stateOffsetBytes, parts.ledger, parts.profile, tlbArea(parts.compiled));
    this.ledger = parts.ledger;
    this.msrs = new Msrs();
    this.x87 = parts.x87;
    this.features = new Set(parts.profile.features);
    this.executor = new Executor(this, parts);
    parts.ledger.settle = () => this.executor.sync();
    this.debugUnit = new DebugUnit(this);
    this.reload();
  }

  // --- running

  /** Runs until something of Stop happens. @param monitoring null: no monitor owns the processor. */
  run(limits: RunLimits, monitoring: Monitoring | null): Stop {
    return this.executor.run(limits, monitoring);
  }

  step(): StepResult {
    return this.executor.step();
  }

  deliver(event: Event): StepResult {
    return this.executor.deliver(event);
  }

  takeTransfer(): TransferPlaces | null {
    return this.quickTransfer.takePlaces();
  }

  /** As its reset pin leaves it. */
  reset(): void {
    reset(this);
  }

  /** Brings the ledger's rows up to date with what has been executed. */
  sync(): void {
    this.executor.sync();
  }

  restartFetch(): void {
    this.executor.restartFetch();
  }

  /** For an access to a device by way of memory: returns when the time is exact. @throws Restart for the run loop. */
  requireExactTime(): void {
    this.executor.requireExactTime();
  }

  /** For an access that a breakpoint watches: returns when the instruction is alone. @throws Restart for the run loop. */
  requireStep(): void {
    this.executor.requireStep();
  }

  debugRegistersChanged(): void {
    this.debugUnit.registersChanged();
  }

  /** Instructions that are sensitive without being privileged raise #GP(0) outside of ring 0. */
  get sensitiveTraps(): boolean {
    return this.sensitive;
  }
  set sensitiveTraps(value: boolean) {
    this.sensitive = value;
    if (!value || this.guardsSensitive) return;
    this.guardsSensitive = true;
    this.executor.forgetCode();
  }

  /** The A20 gate has changed. @param mask what every physical address is ANDed with. */
  setAddressMask(mask: number): void {
    this.mmu.addressMask = mask;
    this.rightsChanged();
  }

  /** Recomputes all that is derived from the state area, after the area or a group of registers was replaced. */
  reload(): void {
    this.setCpl(this.s32[CPL_I32]);
    this.flagsChanged();
    this.deriveSegments(this.alignmentChecks);
    this.rightsChanged();
    this.debugRegistersChanged();
  }

  /** Compiled code has exchanged privilege, segments and flags in the state area. */
  segmentationChanged(): void {
    this.deriveSegments();
    this.setCpl(this.s32[CPL_I32]);
    this.flagsChanged();
  }

  /** The instruction under execution has happened: a fault from here on is the next one's. */
  completeInstruction(): void {
    this.executor.completeInstruction();
  }

  // --- registers

  /** Not of a deprivileged guest: its monitor has the virtual processor execute what trapped, and that counts. */
  override noteMissing(what: string): void {
    if (!this.executor.monitored) super.noteMissing(what);
  }
  get instructionEip(): number {
    return this.executor.instructionEip;
  }

  pushFlagsImage(operandBytes: 2 | 4): number {
    return flagControl.pushFlagsImage(this, operandBytes);
  }
  popFlagsImage(value: number, operandBytes: 2 | 4): void {
    flagControl.popFlagsImage(this, value, operandBytes);
  }
  clearInterruptFlag(): void {
    flagControl.clearInterruptFlag(this);
  }
  setInterruptFlag(): void {
    flagControl.setInterruptFlag(this);
  }

  get cr8(): number {
    return this.guestMode ? this.svmUnit.taskPriority : this.parts.localApic.taskPriorityClass;
  }
  set cr8(value: number) {
    if (this.guestMode) this.svmUnit.taskPriority = value;
    else this.parts.localApic.taskPriorityClass = value;
  }

  msr(index: number): number {
    return this.msrs.read(this, index);
  }
  setMsr(index: number, value: number): void {
    this.msrs.write(this, index, value);
  }

  get timeStampOffset(): bigint {
    return this.msrs.timeStampOffset;
  }

  copyFrom(other: Processor): void {
    if (!(other instanceof Cpu)) throw new TypeError('a processor can copy only from one of its own kind');
    const x87 = other.x87.image();
    this.u8.set(other.u8);
    this.x87.setImage(x87);
    this.msrs.copyFrom(other.msrs);
    this.halted = other.halted;
    this.interruptShadow = other.interruptShadow;
    this.setAttention(ATTENTION_HOLDS_TRAPS, (other.attention & ATTENTION_HOLDS_TRAPS) !== 0);
    this.nmiBlocked = other.nmiBlocked;
    this.debugUnit.copyFrom(other.debugUnit);
    this.reload();
  }

  get nestedPaging(): boolean {
    return this.mmu.usesNested;
  }
  get globalInterrupts(): boolean {
    return this.svmUnit.globalInterrupts;
  }
  get guestEventPending(): boolean {
    return this.guestMode && (this.pollAttention & POLL_OUTSIDE) !== 0;
  }
  pollGuestMode(): StepResult | null {
    return this.guestMode && this.pollAttention !== 0 ? this.executor.pollGuestMode() : null;
  }

  // --- translation

  translateNested(gpa: number, access: NestedAccess): NestedTranslation | null {
    return this.mmu.translateNested(gpa, access);
  }
  translate(linear: number, access: { write: boolean; user: boolean; fetch: boolean }): number | null {
    return this.mmu.probe(linear, access);
  }
  flushTlb(): void {
    this.mmu.flushAll();
    this.restartFetch();
  }
  refreshTranslation(): void {
    if (this.mmu.usesPointers) this.mmu.loadPointers(this.cr3);
    this.flushTlb();
  }
  invalidateLinear(linear: number): void {
    this.mmu.tlb.invalidatePage(linear);
    this.restartFetch();
  }
  get pageDirectories(): readonly (number | null)[] {
    return this.mmu.pageDirectories;
  }
  get addressMask(): number {
    return this.mmu.addressMask;
  }
  get tlbHistory(): TlbHistory {
    return this.mmu.tlb;
  }

  // --- control transfers

  jumpNear(target: number): void {
    farTransfer.jumpNear(this, target);
  }
  farJump(selector: number, offset: number, operandBytes: 2 | 4): void {
    farTransfer.farJump(this, selector, offset, operandBytes);
  }
  farCall(selector: number, offset: number, operandBytes: 2 | 4): void {
    farTransfer.farCall(this, selector, offset, operandBytes);
  }
  farReturn(operandBytes: 2 | 4, popBytes: number): void {
    farTransfer.farReturn(this, operandBytes, popBytes);
  }
  interruptReturn(operandBytes: 2 | 4): void {
    interruptReturn(this, operandBytes);
  }
  softwareInterrupt(vector: number, kind: 'int' | 'int3' | 'into' | 'int1'): void {
    this.executor.softwareInterrupt(vector, kind);
  }
  sysenter(): void {
    fastCall.sysenter(this);
  }
  sysexit(): void {
    fastCall.sysexit(this);
  }
  syscall(): void {
    fastCall.syscall(this);
  }
  sysret(): void {
    fastCall.sysret(this);
  }
  halt(): void {
    control.halt(this);
  }
  pause(): void {
    if (this.guestMode) this.svmUnit.interceptPause();
  }
  endIteration(): boolean {
    return this.executor.endIteration();
  }

  // --- segments

  loadSegment(segment: SegmentIndex, selector: number): void {
    segmentation.loadSegment(this, segment, selector);
  }
  readSelector(segment: SegmentIndex): number {
    return segmentation.readSelector(this, segment);
  }
  accessRights(selector: number): number | null {
    return descriptorQuery.accessRights(this, selector);
  }
  segmentLimit(selector: number): number | null {
    return descriptorQuery.segmentLimit(this, selector);
  }
  verifySegment(selector: number, forWriting: boolean): boolean {
    return descriptorQuery.verifySegment(this, selector, forWriting);
  }
  loadLocalDescriptorTable(selector: number): void {
    segmentation.loadLocalDescriptorTable(this, selector);
  }
  loadTaskRegister(selector: number): void {
    segmentation.loadTaskRegister(this, selector);
  }
  readTable(table: 'gdtr' | 'idtr'): TableState {
    if (this.guestMode) this.svmUnit.interceptInstruction(`${table}.read`);
    return this.table(table);
  }
  writeTable(table: 'gdtr' | 'idtr', base: number, limit: number): void {
    this.requireCpl0();
    this.setTable(table, { base, limit });
  }

  // --- system registers

  readControl(register: number): number {
    return control.readControl(this, register);
  }
  writeControl(register: number, value: number): void {
    control.writeControl(this, register, value);
  }
  readDebug(register: number): number {
    return control.readDebug(this, register);
  }
  writeDebug(register: number, value: number): void {
    control.writeDebug(this, register, value);
  }
  readMachineStatusWord(): number {
    return control.readMachineStatusWord(this);
  }
  loadMachineStatusWord(value: number): void {
    control.loadMachineStatusWord(this, value);
  }
  clearTaskSwitched(): void {
    control.clearTaskSwitched(this);
  }
  readMsr(): void {
    this.msrs.execute(this, false);
  }
  writeMsr(): void {
    this.msrs.execute(this, true);
  }
  readTimeStamp(): void {
    control.readTimeStamp(this);
  }
  readPerformanceCounter(): void {
    control.readPerformanceCounter(this);
  }
  cpuid(): void {
    cpuid(this);
  }
  invalidatePage(segment: SegmentIndex, offset: number): void {
    control.invalidatePage(this, segment, offset);
  }
  flushCaches(kind: 'invd' | 'wbinvd'): void {
    this.requireCpl0();
    if (this.guestMode) this.svmUnit.interceptInstruction(kind);
  }
  intercept(op: Operation): void {
    if (this.guestMode) this.svmUnit.interceptOperation(op);
  }
  optional(mnemonic: OptionalInstruction, segment: SegmentIndex): void {
    optionalInstruction(this, mnemonic, segment);
  }
  svm(mnemonic: Parameters<ExecutionContext['svm']>[0]): void {
    this.svmUnit.execute(mnemonic);
  }
  coprocessor(kind: Parameters<ExecutionContext['coprocessor']>[0], form: string): boolean {
    return control.coprocessor(this, kind, form);
  }

  // --- ports

  requirePort(port: number, width: PortWidth, direction: 'in' | 'out'): void {
    ports.requirePort(this, port, width, direction);
  }
  portIn(port: number, width: PortWidth): number {
    return ports.portIn(this, port, width);
  }
  portOut(port: number, width: PortWidth, value: number): void {
    ports.portOut(this, port, width, value);
  }
}

function tlbArea(layout: CompiledLayout | null): TlbArea | undefined {
  return layout === null ? undefined : { buffer: layout.memory.buffer, places: layout.tlb };
}
