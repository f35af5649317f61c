import type { ExitReason } from '../arch/exits.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { TraceEvent } from '../trace/events.js';
import { ExitCounts } from './exit-counts.js';
import type { ExitRow } from './vmm.js';

/** Exits by reason, as a run ends with them. */
export type Exits = Readonly<Partial<Record<ExitReason, ExitRow>>>;

/** One row of the table that `perf kvm stat report` shows. */
export interface ExitStatistics {
  reason: ExitReason;
  count: number;
  /** Of all exits, from 0 to 1. */
  countShare: number;
  /** From exit to resumption. */
  cycles: number;
  /** Of the cycles of all exits, from 0 to 1. */
  cycleShare: number;
  minCycles: number;
  meanCycles: number;
  maxCycles: number;
}

/** Exits as `perf kvm stat` shows them, the dearest first. */
export function exitStatistics(exits: Exits): ExitStatistics[] {
  const rows = Object.entries(exits) as [ExitReason, ExitRow][];
  const total = { count: 0, cycles: 0 };
  for (const [, { count, cycles }] of rows) {
    total.count += count;
    total.cycles += cycles;
  }
  return rows
    .map(([reason, row]) => ({
      reason,
      ...row,
      countShare: row.count / total.count,
      cycleShare: total.cycles === 0 ? 0 : row.cycles / total.cycles,
      meanCycles: row.cycles / row.count,
    }))
    .sort((a, b) => b.cycles - a.cycles || a.reason.localeCompare(b.reason));
}

/** How exits of one reason differ between two runs: `b` less `a`. */
export interface ExitDifference {
  reason: ExitReason;
  /** In `a` and in `b`; 0 where the reason never happened. */
  counts: readonly [number, number];
  countDelta: number;
  cycleDelta: number;
  /** Of the mean; null where one of the runs has none. */
  meanCycleDelta: number | null;
}

/** What changed from run `a` to run `b`, the largest change of cycles first; reasons that did not change are left out. */
export function diffExits(a: Exits, b: Exits): ExitDifference[] {
  const reasons = new Set([...Object.keys(a), ...Object.keys(b)] as ExitReason[]);
  const none = { count: 0, cycles: 0 };
  return [...reasons]
    .map((reason) => {
      const before = a[reason] ?? none;
      const after = b[reason] ?? none;
      const both = before.count > 0 && after.count > 0;
      return {
        reason,
        counts: [before.count, after.count] as const,
        countDelta: after.count - before.count,
        cycleDelta: after.cycles - before.cycles,
        meanCycleDelta: both ? after.cycles / after.count - before.cycles / before.count : null,
      };
    })
    .filter(({ countDelta, cycleDelta }) => countDelta !== 0 || cycleDelta !== 0)
    .sort((x, y) => Math.abs(y.cycleDelta) - Math.abs(x.cycleDelta) || x.reason.localeCompare(y.reason));
}

type ExitEvent = Extract<TraceEvent, { kind: 'exit' }>;

function grouped<Key>(events: Iterable<TraceEvent>, keyOf: (exit: ExitEvent) => Key): Map<Key, Exits> {
  const groups = new Map<Key, ExitCounts>();
  for (const event of events) {
    if (event.kind !== 'exit') continue;
    const key = keyOf(event);
    let counts = groups.get(key);
    if (!counts) groups.set(key, (counts = new ExitCounts()));
    counts.add(event.reason, Math.round(event.cycles * TICKS_PER_CYCLE));
  }
  return new Map([...groups].map(([key, { rows }]) => [key, Object.fromEntries(rows) as Exits]));
}

/**
 * Exits in intervals of the machine's time, oldest first; intervals without one are there too, so that the result can be plotted.
 * @param events of a trace, which keeps the newest only. @param intervalCycles above 0. @throws RangeError for another.
 */
export function exitsByInterval(
  events: Iterable<TraceEvent>,
  intervalCycles: number,
): { fromCycle: number; exits: Exits }[] {
  if (!(intervalCycles > 0))
    throw new RangeError(`an interval of ${intervalCycles} cycles: expected more than 0`);
  const groups = grouped(events, ({ ticks }) => Math.floor(ticks / (intervalCycles * TICKS_PER_CYCLE)));
  if (groups.size === 0) return [];
  const first = Math.min(...groups.keys());
  const count = Math.max(...groups.keys()) - first + 1;
  return Array.from({ length: count }, (_, at) => ({
    fromCycle: (first + at) * intervalCycles,
    exits: groups.get(first + at) ?? {},
  }));
}

/** Exits whose instruction lies below every symbol. */
export const NO_SYMBOL = '(no symbol)';

/** Finds the symbol at or before an address. @param symbols addresses by name. */
export function symbolLookup(symbols: Readonly<Record<string, number>>): (address: number) => string {
  const sorted = Object.entries(symbols).sort(([, a], [, b]) => a - b);
  return (address) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle][1] <= address) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? NO_SYMBOL : sorted[low - 1][0];
  };
}

/** Exits whose cycles lie in [fromCycles, toCycles), by reason. */
export interface ExitBin {
  fromCycles: number;
  toCycles: number;
  counts: Readonly<Partial<Record<ExitReason, number>>>;
}

/**
 * How many exits took how long. Borders of bins are preferred numbers (ISO 3, series R10, R5 and R3, times powers of ten):
 * of the finest series that does with {@link MOST_BINS}. Bins between two that are not empty are there too.
 * @param events of a trace, which keeps the newest only.
 */
export function exitHistogram(events: Iterable<TraceEvent>): ExitBin[] {
  const exits = [...events].filter((event) => event.kind === 'exit');
  if (exits.length === 0) return [];
  let [least, most] = [Infinity, 0];
  for (const { cycles } of exits) [least, most] = [Math.min(least, cycles), Math.max(most, cycles)];
  const series = SERIES.find((steps) => binOf(most, steps) - binOf(least, steps) < MOST_BINS) ?? SERIES[2];
  const first = binOf(least, series);
  const bins = Array.from({ length: binOf(most, series) - first + 1 }, (_, at) => ({
    fromCycles: borderOf(first + at, series),
    toCycles: borderOf(first + at + 1, series),
    counts: {} as Partial<Record<ExitReason, number>>,
  }));
  for (const { reason, cycles } of exits) {
    const { counts } = bins[binOf(cycles, series) - first];
    counts[reason] = (counts[reason] ?? 0) + 1;
  }
  return bins;
}

/** As many as can be told apart side by side. */
const MOST_BINS = 16;
const SERIES = [
  [10, 12.5, 16, 20, 25, 31.5, 40, 50, 63, 80],
  [10, 16, 25, 40, 63],
  [10, 20, 50],
];

/** Borders are 0, then those of the series from 1 on. */
function borderOf(bin: number, series: readonly number[]): number {
  if (bin === 0) return 0;
  const step = series[(bin - 1) % series.length];
  return (step * 10 ** Math.floor((bin - 1) / series.length)) / 10;
}

function binOf(cycles: number, series: readonly number[]): number {
  let bin = 0;
  while (borderOf(bin + 1, series) <= cycles) bin++;
  return bin;
}

/**
 * Exits by the symbol of the guest's program at or before the instruction that exited, most exits first.
 * @param symbols addresses by name. @param events of a trace, which keeps the newest only.
 */
export function exitsBySymbol(
  events: Iterable<TraceEvent>,
  symbols: Readonly<Record<string, number>>,
): { symbol: string; exits: Exits }[] {
  const symbolAt = symbolLookup(symbols);
  const total = (exits: Exits): number => Object.values(exits).reduce((sum, { count }) => sum + count, 0);
  return [...grouped(events, ({ eip }) => symbolAt(eip))]
    .map(([symbol, exits]) => ({ symbol, exits }))
    .sort((a, b) => total(b.exits) - total(a.exits) || a.symbol.localeCompare(b.symbol));
}
