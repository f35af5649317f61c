import { reportAbsences } from './absences.js';
import type { ExitReason } from './arch/exits.js';
import { findProfile } from './cost/catalog.js';
import type { Account } from './cost/keys.js';
import type { Counts } from './cost/ledger.js';
import type { CpuProfile } from './cost/profile.js';
import { loadInputs } from './inputs.js';
import type { GuestInputs } from './inputs.js';
import type { Engine, RunLimits } from './machine.js';
import { DEFAULTS, describe, digestMemory, limitsOf, shownScreen } from './run.js';
import type { RunResult } from './run.js';
import type { Technique } from './vmm/catalog.js';
import { Several } from './vmm/several.js';
import type { Member } from './vmm/several.js';
import type { Switches } from './vmm/switches.js';
import type { ExitRow, GuestStop } from './vmm/vmm.js';

/** One of the guests that share a machine. */
export interface GuestOfSeveral extends GuestInputs {
  image: Uint8Array;
}

export interface SeveralRunOptions {
  technique?: Technique;
  /** A profile or the name of one. */
  profile?: CpuProfile | string;
  /** Of each guest. */
  memoryBytes?: number;
  switches?: Partial<Switches>;
  engine?: Engine;
  /** Longest turn, in cycles of the machine. */
  sliceCycles?: number;
  /** From the start, over all guests. */
  limits?: RunLimits;
  /** Asked between two stretches of the run; true stops it. */
  onProgress?: (progress: { instructions: number; cycles: number }) => boolean;
}

/** What one guest gave, and its share of the machine. What it shows of itself is as in {@link RunResult}. */
export interface GuestShare extends Pick<
  RunResult,
  | 'outcome'
  | 'detail'
  | 'exitCode'
  | 'console'
  | 'debugConsole'
  | 'screen'
  | 'absent'
  | 'state'
  | 'memoryDigest'
> {
  turns: number;
  /** In its turns: its own, and its monitor's for it. */
  cycles: number;
  accounts: Readonly<Record<Account, number>>;
  exits: Readonly<Partial<Record<ExitReason, ExitRow>>>;
}

/** What a machine with several guests gave, as plain data. */
export interface SeveralResult {
  technique: Technique;
  profile: string;
  sliceCycles: number;
  guests: readonly GuestShare[];
  /** Executed by the physical processor for all of them. */
  instructions: number;
  /** Of the machine: all guests, changes from one to another, and waiting. */
  cycles: number;
  accounts: Readonly<Record<Account, number>>;
  counts: Counts;
  /** Between turns: in changes from one guest to another, and while all of them waited. */
  betweenCycles: number;
}

/** About a quarter of a millisecond on the default processor. */
const SLICE_CYCLES = 1_000_000;
const STRETCH_INSTRUCTIONS = 1 << 20;

/**
 * Runs guests on one machine, each in a virtual machine of its own, in turns.
 * @throws ImageError for an image that is malformed or does not fit; RangeError for what {@link Several} refuses, and for a limit that is none.
 */
export function runSeveral(
  guests: readonly GuestOfSeveral[],
  options: SeveralRunOptions = {},
): SeveralResult {
  const {
    technique = 'binary-translation',
    profile: named = DEFAULTS.profile,
    memoryBytes = DEFAULTS.memoryBytes,
    sliceCycles = SLICE_CYCLES,
    switches = {},
    engine,
  } = options;
  const profile = typeof named === 'string' ? findProfile(named) : named;
  const count = guests.length;
  const several = new Several({ technique, count, sliceCycles, profile, memoryBytes, switches, engine });
  guests.forEach(({ image, ...inputs }, index) =>
    loadInputs(several.members[index].vmm.guest, image, inputs),
  );
  const limits = limitsOf(options.limits);
  const { host } = several;
  let reason: GuestStop = { kind: 'budget', budget: 'instructions' };
  for (;;) {
    const instructions = limits.instructions - host.cpu.instructions;
    const cycles = limits.cycles - host.ledger.cyclesExact;
    if (cycles <= 0) reason = { kind: 'budget', budget: 'cycles' };
    if (instructions <= 0 || cycles <= 0) break;
    const stop = several.run({ instructions: Math.min(instructions, STRETCH_INSTRUCTIONS), cycles });
    const progress = { instructions: host.cpu.instructions, cycles: host.ledger.cyclesExact };
    if (stop === 'ended') break;
    reason = { kind: 'requested' };
    if (stop === 'requested' || options.onProgress?.(progress)) break;
    reason = { kind: 'budget', budget: 'instructions' };
  }
  const shares = several.members.map((_, index) => several.look(index, (member) => share(member, reason)));
  const cycles = host.ledger.cyclesExact;
  return {
    technique,
    profile: profile.name,
    sliceCycles,
    guests: shares,
    instructions: host.cpu.instructions,
    cycles,
    accounts: host.ledger.accounts(),
    counts: host.ledger.snapshot(),
    betweenCycles: shares.reduce((left, { cycles }) => left - cycles, cycles),
  };

  /** @param left why one that has not ended has not. */
  function share({ vmm, stop, turns, cycles }: Member, left: GuestStop): GuestShare {
    const { guest } = vmm;
    const { console } = guest.platform;
    return {
      ...describe(stop ?? left, { limits }, host.cpu.instructions, guest),
      console: console.uart,
      debugConsole: console.debugPort,
      screen: shownScreen(guest.platform.vga.lines()),
      absent: reportAbsences(guest, guest),
      state: guest.state(),
      memoryDigest: digestMemory(guest.memory),
      turns,
      cycles: Object.values(cycles).reduce((sum, each) => sum + each, 0),
      accounts: { ...cycles },
      exits: Object.fromEntries(vmm.exits),
    };
  }
}
