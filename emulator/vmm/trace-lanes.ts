import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { TraceEvent } from '../trace/events.js';

/** Who had the processor: the guest (its own code or the translation of it), the monitor, or its translator. */
export const LANES = ['guest', 'vmm', 'translator'] as const;
export type Lane = (typeof LANES)[number];

/** A stretch of the machine's time. */
export interface LaneSpan {
  fromCycle: number;
  toCycle: number;
  /** In the monitor's lane the exit reason, in the translator's what was translated. */
  what: string;
}

/** What the processor did between two moments. Spans of one lane do not overlap, nor do those of two. */
export interface TraceLanes {
  fromCycle: number;
  toCycle: number;
  lanes: Readonly<Record<Lane, readonly LaneSpan[]>>;
}

export interface LaneOptions {
  fromCycle: number;
  toCycle: number;
  /** Of the profile the run was made with: translating one instruction. */
  translateInstructionCycles: number;
}

interface Stretch {
  from: number;
  to: number;
  what: string;
}

/**
 * Who had the processor when, from a trace. An exit's time ends where it was traced, so what the processor takes for VMRUN
 * is shown before that instead of behind it: every length is exact. While a guest waits in HLT nobody has the
 * processor, up to where the monitor has given it the interrupt. Looking up and chaining translations are in the guest's lane, for they are no events of a trace.
 * @param events in the order of time.
 */
export function traceLanes(events: readonly TraceEvent[], options: LaneOptions): TraceLanes {
  const { fromCycle, toCycle } = options;
  const translator = translations(events, options.translateInstructionCycles);
  const exits = events.flatMap((event): Stretch[] =>
    event.kind === 'exit' ? [{ ...before(event.ticks, event.cycles), what: event.reason }] : [],
  );
  const vmm = without(exits, translator);
  const busy = [...exits, ...translator].sort((a, b) => a.from - b.from);
  const guest = without(
    [{ from: fromCycle, to: toCycle, what: 'guest' }],
    [...busy, ...waits(events, toCycle)].sort((a, b) => a.from - b.from),
  );
  const cut = (stretches: readonly Stretch[]): LaneSpan[] =>
    stretches
      .map(({ from, to, what }) => ({
        fromCycle: Math.max(from, fromCycle),
        toCycle: Math.min(to, toCycle),
        what,
      }))
      .filter((span) => span.fromCycle < span.toCycle);
  return { fromCycle, toCycle, lanes: { guest: cut(guest), vmm: cut(vmm), translator: cut(translator) } };
}

function before(ticks: number, cycles: number): { from: number; to: number } {
  const to = ticks / TICKS_PER_CYCLE;
  return { from: to - cycles, to };
}

function translations(events: readonly TraceEvent[], instructionCycles: number): Stretch[] {
  return events.flatMap((event) =>
    event.kind === 'translate'
      ? [
          {
            ...before(event.ticks, event.instructions * instructionCycles),
            what: `0x${event.eip.toString(16)}: ${event.instructions} instructions`,
          },
        ]
      : [],
  );
}

/** From each exit for HLT to the event that woke the guest, or the next exit. */
function waits(events: readonly TraceEvent[], toCycle: number): Stretch[] {
  const found: Stretch[] = [];
  let from: number | null = null;
  for (const event of events) {
    const at = event.ticks / TICKS_PER_CYCLE;
    if (from !== null && (event.kind === 'inject' || event.kind === 'exit')) {
      found.push({ from, to: event.kind === 'exit' ? at - event.cycles : at, what: 'idle' });
      from = null;
    }
    if (event.kind === 'exit' && event.reason === 'HLT') from = at;
  }
  if (from !== null) found.push({ from, to: toCycle, what: 'idle' });
  return found.filter(({ from: start, to }) => start < to);
}

/** What is left of `stretches` where none of `holes` is; both sorted by where they begin. */
function without(stretches: readonly Stretch[], holes: readonly Stretch[]): Stretch[] {
  const left: Stretch[] = [];
  let first = 0;
  for (const { from, to, what } of stretches) {
    let start = from;
    while (first < holes.length && holes[first].to <= start) first++;
    for (let at = first; at < holes.length && holes[at].from < to; at++) {
      const hole = holes[at];
      if (hole.from > start) left.push({ from: start, to: hole.from, what });
      start = Math.max(start, hole.to);
    }
    if (start < to) left.push({ from: start, to, what });
  }
  return left;
}
