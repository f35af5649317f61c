import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { ExitReason } from './arch/exits.js';
import { PAGE_BYTES } from './arch/paging.js';
import { CS } from './arch/registers.js';
import type { Account } from './cost/keys.js';
import { repriceCounts } from './cost/ledger.js';
import type { Counts } from './cost/ledger.js';
import type { CpuProfile } from './cost/profile.js';
import { findProfile } from './cost/catalog.js';
import { disassembleGuest } from './disassembly.js';
import { describeInputs, loadInputs } from './inputs.js';
import type { GuestInputs } from './inputs.js';
import type { PhysicalMemory } from './platform/memory.js';
import { DEFAULT_ENGINE } from './machine.js';
import type { Engine, GuestState, Machine, RunLimits } from './machine.js';
import { reportAbsences } from './absences.js';
import type { Absences } from './absences.js';
import { findOracle } from './vmm/hybrid/find-oracle.js';
import type { CreatePolicy } from './vmm/hybrid/policy.js';
import { createVmm } from './vmm/catalog.js';
import type { Technique } from './vmm/catalog.js';
import { changedSwitches } from './vmm/switch-values.js';
import type { Switches } from './vmm/switches.js';
import type { ShadowStatistics } from './vmm/shadow-statistics.js';
import type { ExitRow, GuestStop, Vmm } from './vmm/vmm.js';

/** Changes when the same image and configuration may give other figures; part of every hash. */
export const ENGINE_VERSION = 1;

/** How a run ended. `triple-fault` and `budget` are the guest's failures, `interrupted` is the user's wish. */
export type Outcome = 'halted' | 'exit' | 'triple-fault' | 'budget' | 'interrupted';

export interface RunConfiguration {
  technique: Technique;
  profile: CpuProfile;
  /** The guest's physical memory: a multiple of 4096. */
  memoryBytes: number;
  /** From the start of the guest. A run without an end stops here, with outcome `budget`. */
  limits: Required<RunLimits>;
  /** Those that differ from the defaults. */
  switches: Partial<Switches>;
}

export interface RunOptions extends GuestInputs {
  technique?: Technique;
  /** A profile or the name of one. */
  profile?: CpuProfile | string;
  memoryBytes?: number;
  limits?: RunLimits;
  /** Mechanisms of the monitor to switch or size otherwise: see vmm/switches.ts. */
  switches?: Partial<Switches>;
  /** For `hybrid`: decides in place of the policies that the switch names. */
  policy?: CreatePolicy;
  /** Called with each byte that the guest sends over the serial line, as it is sent. */
  onConsole?: (byte: number) => void;
  /** Called after each slice of the run; true asks for a stop at this instruction boundary. */
  onProgress?: (progress: { instructions: number; cycles: number }) => boolean;
  /** How instructions are executed: changes how long the run takes, no figure and no hash. */
  engine?: Engine;
  /** Keep the newest trace events in `vmm.host.trace`; changes no figure. */
  trace?: boolean;
}

export const DEFAULTS = {
  technique: 'native',
  profile: 'pentium4-672',
  memoryBytes: 64 << 20,
  instructions: 1_000_000_000,
} as const;

/** All that a run gave, as plain data. */
export interface RunResult {
  technique: Technique;
  /** Those that differ from the defaults. */
  switches: Partial<Switches>;
  profile: string;
  outcome: Outcome;
  /** The outcome in words: where it stopped and, for a failure, what to look at. */
  detail: string;
  /** The byte written to port 0xF4, or null. */
  exitCode: number | null;
  /** What the guest sent over the serial line. */
  console: string;
  /** What it wrote to the debug port 0xE9. */
  debugConsole: string;
  /** Its screen in text mode: 25 lines, spaces at their ends left out. Null when nothing is on it. */
  screen: readonly string[] | null;
  /** What it asked for and this computer has not. */
  absent: Absences;
  /** Executed by the physical processor, the guest's and translated ones alike. */
  instructions: number;
  cycles: number;
  /** They sum to `cycles`. */
  accounts: Readonly<Record<Account, number>>;
  counts: Counts;
  exits: Readonly<Partial<Record<ExitReason, ExitRow>>>;
  /** The same by monitor, named by technique, where the guest had more than one. */
  exitsByHalf?: Readonly<Record<string, RunResult['exits']>>;
  /** The run read the clock or took timed interrupts, so other prices could have changed what it did. */
  timeDependent: boolean;
  /** The guest's registers at the end. */
  state: GuestState;
  /** SHA-256 over the guest's memory at the end. */
  memoryDigest: string;
  /** SHA-256 over its disk at the end; null without one. */
  diskDigest: string | null;
  /** SHA-256 over engine version, image, configuration and everything above. */
  hash: string;
  /** What the shadow page tables have done; null without any. It follows from what is in the hash. */
  memory: ShadowStatistics | null;
}

const SLICE_INSTRUCTIONS = 1 << 20;

/** A guest that has been loaded and can be run, looked at, and run on. */
export class GuestRun {
  readonly configuration: RunConfiguration;
  readonly vmm: Vmm;
  private readonly inputs: ReturnType<typeof describeInputs>;
  private stop: GuestStop | null = null;

  /**
   * Builds the machine and its monitor and loads `image` (multiboot 1, Linux, ROM or flat: see platform/image.ts).
   * @param create builds another kind of monitor than the technique's own.
   * @throws ImageError when the image, its RAM disk or the drive is malformed or does not fit; RangeError for an
   *   unknown technique, profile or switch, for a limit that is none, and for a key that there is not.
   */
  constructor(
    image: Uint8Array,
    private readonly options: RunOptions = {},
    create: typeof createVmm = createVmm,
  ) {
    const { profile = DEFAULTS.profile, limits, switches = {}, engine = DEFAULT_ENGINE } = options;
    this.configuration = {
      technique: options.technique ?? DEFAULTS.technique,
      profile: typeof profile === 'string' ? findProfile(profile) : profile,
      memoryBytes: options.memoryBytes ?? DEFAULTS.memoryBytes,
      limits: limitsOf(limits),
      switches: changedSwitches(switches),
    };
    // As given, so that a switch which the technique has not is refused even at its default.
    const { technique } = this.configuration;
    const isOracle = technique === 'hybrid' && switches.policy === 'oracle';
    const policy = options.policy ?? (isOracle ? recordedOracle(image, options) : undefined);
    this.vmm = create(technique, {
      ...this.configuration,
      switches,
      engine,
      ...(policy && { policy }),
    });
    loadInputs(this.vmm.guest, image, options);
    this.inputs = describeInputs(image, options);
    if (options.onConsole) this.vmm.guest.platform.uart.output.onOutput = options.onConsole;
    this.vmm.host.trace.enabled = options.trace ?? false;
  }

  /** Runs until the guest ends, a limit of the configuration is reached or onProgress asks for a stop. Can be called again after the latter. */
  run(): RunResult {
    this.go();
    return this.result();
  }

  /** As {@link run}, without the result, for which all of memory is looked at. */
  go(): GuestStop {
    const { host } = this.vmm;
    const { limits } = this.configuration;
    for (;;) {
      const left = limits.instructions - host.cpu.instructions;
      const leftCycles = limits.cycles - host.ledger.cycles;
      this.stop = this.vmm.run({ instructions: Math.min(left, SLICE_INSTRUCTIONS), cycles: leftCycles });
      if (this.stop.kind !== 'budget') break;
      if (host.cpu.instructions >= limits.instructions || host.ledger.cycles >= limits.cycles) break;
      if (this.options.onProgress?.({ instructions: host.cpu.instructions, cycles: host.ledger.cycles })) {
        this.stop = { kind: 'requested' };
        break;
      }
    }
    return this.stop;
  }

  /**
   * Runs once with limits of its own, within those of the configuration: for whoever steers the run. Needs no end of the guest, and
   * asks nobody for progress.
   */
  advance(limits: RunLimits = {}): GuestStop {
    const { host } = this.vmm;
    const most = this.configuration.limits;
    this.stop = this.vmm.run({
      instructions: Math.min(limits.instructions ?? Infinity, most.instructions - host.cpu.instructions),
      cycles: Math.min(limits.cycles ?? Infinity, most.cycles - host.ledger.cycles),
    });
    return this.stop;
  }

  /** For whoever steers the run and has been asked to stop it: the result says so, and the run can be advanced again. */
  stopOnRequest(): GuestStop {
    this.stop = { kind: 'requested' };
    return this.stop;
  }

  /** Instructions executed so far, those that a monitor emulated too: where in its run the guest stands. */
  get position(): number {
    const { host, guest } = this.vmm;
    return host.cpu.instructions + (guest === host ? 0 : guest.cpu.instructions);
  }

  /** What the run has given so far. @throws Error before the first {@link run}. */
  result(): RunResult {
    if (!this.stop) throw new Error('the guest has not run yet: call run() first');
    const { host, guest } = this.vmm;
    const { technique, profile, memoryBytes, limits, switches } = this.configuration;
    const described = {
      technique,
      switches,
      profile: profile.name,
      ...describe(this.stop, this.configuration, host.cpu.instructions, guest),
      console: guest.platform.console.uart,
      debugConsole: guest.platform.console.debugPort,
      screen: shownScreen(guest.platform.vga.lines()),
      absent: reportAbsences(host, guest),
      instructions: host.cpu.instructions,
      cycles: host.ledger.cyclesExact,
      accounts: host.ledger.accounts(),
      counts: host.ledger.snapshot(),
      exits: Object.fromEntries(this.vmm.exits),
      ...(this.vmm.exitsByHalf && { exitsByHalf: plainExits(this.vmm.exitsByHalf) }),
      timeDependent: host.clock.observed,
      state: guest.state(),
      memoryDigest: digestMemory(guest.memory),
      diskDigest: digestDisk(guest.platform.ide.attached?.bytes),
    };
    const hashed = {
      engine: ENGINE_VERSION,
      inputs: this.inputs,
      configuration: { technique, profile, memoryBytes, limits },
      described,
    };
    const hash = bytesToHex(sha256(utf8ToBytes(canonicalJson(hashed))));
    return { ...described, hash, memory: this.vmm.shadowStatistics };
  }
}

function plainExits(byHalf: NonNullable<Vmm['exitsByHalf']>): NonNullable<RunResult['exitsByHalf']> {
  return Object.fromEntries(Object.entries(byHalf).map(([half, exits]) => [half, Object.fromEntries(exits)]));
}

/** The oracle of one guest: what it has to know is found out by running the guest, several times; nobody is told of that. */
function recordedOracle(image: Uint8Array, options: RunOptions): CreatePolicy {
  const quiet = { onConsole: () => {}, onProgress: () => false, trace: false };
  return findOracle((policy) => {
    const run = new GuestRun(image, { ...options, ...quiet, policy });
    run.run();
    return run.vmm.host.ledger.ticks;
  });
}

/** Loads and runs an image to its end. See {@link GuestRun} for errors. */
export function runImage(image: Uint8Array, options: RunOptions = {}): RunResult {
  return new GuestRun(image, options).run();
}

/**
 * A run's cycles under other prices, without running again.
 * @param profile another processor; of it only the prices count.
 */
export function reprice(
  run: RunResult,
  profile: CpuProfile,
): { cycles: number; accounts: Record<Account, number> } {
  const accounts = repriceCounts(run.counts, profile);
  return { accounts, cycles: Object.values(accounts).reduce((sum, cycles) => sum + cycles, 0) };
}

/**
 * Limits of a run with what is so unless told.
 * @throws RangeError for one that no count ever reaches
 */
export function limitsOf(given: RunLimits = {}): Required<RunLimits> {
  for (const [name, limit] of Object.entries(given) as [string, unknown][]) {
    if (limit !== undefined && !(typeof limit === 'number' && limit >= 0))
      throw new RangeError(`limits.${name} is ${String(limit)}: expected a number from 0`);
  }
  const { instructions = DEFAULTS.instructions, cycles = Number.MAX_SAFE_INTEGER } = given;
  return { instructions, cycles };
}

/** How a run ended, as data and in words. */
export function describe(
  stop: GuestStop,
  { limits }: Pick<RunConfiguration, 'limits'>,
  instructions: number,
  guest: Machine,
): Pick<RunResult, 'outcome' | 'detail' | 'exitCode'> {
  switch (stop.kind) {
    case 'halted':
      return {
        outcome: 'halted',
        exitCode: null,
        detail: stop.because ?? 'halted with nothing left that could wake it',
      };
    case 'exit':
      return { outcome: 'exit', exitCode: stop.code, detail: `wrote ${stop.code} to the exit port 0xf4` };
    case 'tripleFault':
      return {
        outcome: 'triple-fault',
        exitCode: null,
        detail: `triple fault at eip 0x${stop.eip.toString(16)}: ${stop.chain.join(', then ')}`,
      };
    case 'budget':
      return {
        outcome: 'budget',
        exitCode: null,
        detail:
          `still running after ${stop.budget === 'cycles' ? limits.cycles : instructions} ${stop.budget}, ` +
          `at ${whereIs(guest)}: raise the limit on ${stop.budget} or look at where it loops`,
      };
    case 'requested':
    case 'breakpoint':
      return {
        outcome: 'interrupted',
        exitCode: null,
        detail: 'stopped on request at an instruction boundary',
      };
  }
}

/** The instruction that a guest would execute next. */
function whereIs(guest: Machine): string {
  const { eip } = guest.state();
  const [line] = disassembleGuest(guest, guest.cpu.segment(CS).base + eip, 1);
  return `eip 0x${eip.toString(16)} (${line?.text ?? 'no instruction can be read there'})`;
}

export function shownScreen(lines: readonly string[]): readonly string[] | null {
  const shown = lines.map((line) => line.trimEnd());
  return shown.every((line) => line === '') ? null : shown;
}

function digestDisk(bytes: Uint8Array | undefined): string | null {
  return bytes ? bytesToHex(sha256(bytes)) : null;
}

/** Pages of zeros do not count, so guests with little memory in use are digested in no time. */
export function digestMemory(memory: PhysicalMemory): string {
  const hash = sha256.create();
  const { u8, sizeBytes } = memory;
  const words = new Uint32Array(u8.buffer, u8.byteOffset, sizeBytes / Uint32Array.BYTES_PER_ELEMENT);
  for (let gpa = 0; gpa < sizeBytes; gpa += PAGE_BYTES) {
    if (isZero(words, gpa / Uint32Array.BYTES_PER_ELEMENT)) continue;
    hash.update(utf8ToBytes(`${gpa}:`));
    hash.update(u8.subarray(gpa, gpa + PAGE_BYTES));
  }
  return bytesToHex(hash.digest());
}

/** Of the page that starts at this word. Four words are tested at once, as nearly all pages of most guests are zero. */
function isZero(words: Uint32Array, first: number): boolean {
  const end = first + PAGE_BYTES / Uint32Array.BYTES_PER_ELEMENT;
  for (let at = first; at < end; at += 4)
    if ((words[at] | words[at + 1] | words[at + 2] | words[at + 3]) !== 0) return false;
  return true;
}

/** JSON with sorted keys: one text for one value. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
