import { COST_KEYS, GuestRun } from '../../emulator/index.js';
import type {
  CostKey,
  CpuProfile,
  ExitReason,
  RunResult,
  Switches,
  Technique,
} from '../../emulator/index.js';
import {
  assembleGuest,
  checkParameters,
  guestDisk,
  guestParameters,
  guestPath,
  guestSource,
} from '../guests.js';

/** Counts by cost key, summed over the accounts; fractions when they are per operation. */
export type KeyCounts = Readonly<Record<CostKey, number>>;

/** What one more of an operation costs: the slope between two runs that differ only in how often they do it. */
export interface Slope {
  cycles: number;
  counts: KeyCounts;
  /** Exits per operation. */
  exits: number;
}

/** Which guest, under what, and the parameter that says how often. */
export interface SlopeOf {
  guest: string;
  technique: Technique;
  parameter: string;
  /** Low and high value of the parameter; low is past all warming up. */
  between: readonly [number, number];
  /** Other parameters of the guest. */
  parameters?: Readonly<Record<string, number>>;
  /** Of the monitor. */
  switches?: Partial<Switches>;
}

const MEMORY_BYTES = 32 << 20;
const LIMITS = { instructions: 2_000_000_000 };

/** Runs guests and keeps what they gave, so that no run is made twice. */
export class Measurements {
  private readonly runs = new Map<string, RunResult>();

  /**
   * @param onRun is told about each run before it is made.
   * @param make makes it.
   */
  constructor(
    readonly profile: CpuProfile,
    private readonly onRun: (what: string) => void = () => undefined,
    private readonly make: typeof runGuest = runGuest,
  ) {}

  /** The same on another processor, told of its runs as this one is. */
  with(profile: CpuProfile): Measurements {
    return new Measurements(profile, this.onRun, this.make);
  }

  /** @throws Error when the guest does not assemble or does not end by itself. */
  run(
    guest: string,
    technique: Technique,
    parameters: Readonly<Record<string, number>>,
    switches: Partial<Switches> = {},
  ): RunResult {
    const chosen = Object.entries({ ...parameters, ...switches }).map(([name, value]) => `${name}=${value}`);
    const key = [guest, technique, ...chosen].join(' ');
    const known = this.runs.get(key);
    if (known) return known;
    this.onRun(key);
    const result = this.make(guest, technique, parameters, { profile: this.profile, switches });
    if (result.outcome !== 'exit' && result.outcome !== 'halted')
      throw new Error(`${key}: the guest did not come to its end: ${result.detail}`);
    this.runs.set(key, result);
    return result;
  }

  slope({ guest, technique, parameter, between: [low, high], parameters = {}, switches }: SlopeOf): Slope {
    const [few, many] = [low, high].map((times) =>
      this.run(guest, technique, { ...parameters, [parameter]: times }, switches),
    );
    const per = (after: number, before: number) => (after - before) / (high - low);
    const counts = Object.fromEntries(
      COST_KEYS.map((key) => [key, per(total(many, key), total(few, key))]),
    ) as Record<CostKey, number>;
    return { cycles: per(many.cycles, few.cycles), counts, exits: per(exitsOf(many), exitsOf(few)) };
  }
}

/** How many runs `measure` takes, found out by a stand-in whose runs give nothing. */
export function countRuns(profile: CpuProfile, measure: (measurements: Measurements) => unknown): number {
  let runs = 0;
  const nothing = { outcome: 'exit', cycles: 0, counts: {}, exits: {} } as unknown as RunResult;
  measure(
    new Measurements(
      profile,
      () => runs++,
      () => nothing,
    ),
  );
  return runs;
}

function runGuest(
  guest: string,
  technique: Technique,
  parameters: Readonly<Record<string, number>>,
  options: { profile: CpuProfile; switches: Partial<Switches> },
): RunResult {
  const disk = guestDisk(guestSource(guest), guestPath(guest));
  return new GuestRun(image(guest, parameters), {
    ...(disk && { disk }),
    ...options,
    technique,
    memoryBytes: MEMORY_BYTES,
    limits: LIMITS,
  }).run();
}

/** Cycles that `counts` cost at the prices of a profile. */
export function priceOf(counts: KeyCounts, { prices }: CpuProfile): number {
  return COST_KEYS.reduce((sum, key) => sum + counts[key] * prices[key].value, 0);
}

/** One slope less another: an operation without the loop around it. */
export function less(slope: Slope, loop: Slope): Slope {
  const counts = Object.fromEntries(
    COST_KEYS.map((key) => [key, slope.counts[key] - loop.counts[key]]),
  ) as Record<CostKey, number>;
  return { cycles: slope.cycles - loop.cycles, counts, exits: slope.exits - loop.exits };
}

/** How often a run was charged for a key, whoever paid. */
export function total({ counts }: RunResult, key: CostKey): number {
  return Object.values(counts).reduce((sum, account) => sum + (account[key] ?? 0), 0);
}

function exitsOf({ exits }: RunResult): number {
  return Object.keys(exits).reduce((sum, reason) => sum + (exits[reason as ExitReason]?.count ?? 0), 0);
}

function image(name: string, parameters: Readonly<Record<string, number>>): Uint8Array {
  const source = guestSource(name);
  checkParameters(name, guestParameters(source), parameters);
  const { bytes, diagnostics } = assembleGuest(source, guestPath(name), parameters);
  if (diagnostics.length > 0) throw new Error(`${name}:${diagnostics[0].line}: ${diagnostics[0].message}`);
  return bytes;
}
