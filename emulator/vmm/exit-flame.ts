import type { ExitReason } from '../arch/exits.js';
import { VECTOR_NAMES } from '../arch/vectors.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { TraceEvent } from '../trace/events.js';
import { symbolLookup } from './exit-statistics.js';

/** One box of a flame graph: its own exits and all in the boxes on it. */
export interface FlameNode {
  name: string;
  /** From exit to resumption. */
  cycles: number;
  count: number;
  /** The dearest first. */
  children: readonly FlameNode[];
}

interface Growing {
  cycles: number;
  count: number;
  children: Map<string, Growing>;
}

const node = (): Growing => ({ cycles: 0, count: 0, children: new Map() });

/**
 * The cycles of exits by the guest's symbol, by reason, and by what the monitor did: three levels above the root.
 * @param symbols addresses by name. @param events of a trace, in the order of time.
 */
export function exitFlame(
  events: Iterable<TraceEvent>,
  symbols: Readonly<Record<string, number>>,
): FlameNode {
  const symbolAt = symbolLookup(symbols);
  const root = node();
  let inside: TraceEvent[] = [];
  for (const event of events) {
    if (event.kind !== 'exit') {
      inside.push(event);
      continue;
    }
    const start = event.ticks - event.cycles * TICKS_PER_CYCLE;
    const handler = handlerOf(
      event.reason,
      inside.filter(({ ticks }) => ticks >= start),
    );
    inside = [];
    let at = root;
    add(at, event.cycles);
    for (const name of [symbolAt(event.eip), event.reason, handler]) {
      let child = at.children.get(name);
      if (!child) at.children.set(name, (child = node()));
      add(child, event.cycles);
      at = child;
    }
  }
  return finished('exits', root);
}

function add(to: Growing, cycles: number): void {
  to.cycles += cycles;
  to.count++;
}

function finished(name: string, { cycles, count, children }: Growing): FlameNode {
  const boxes = [...children].map(([child, growing]) => finished(child, growing));
  return {
    name,
    cycles,
    count,
    children: boxes.sort((a, b) => b.cycles - a.cycles || (a.name < b.name ? -1 : 1)),
  };
}

/** Handlers that say by nothing in the trace what they do. */
const BY_REASON: Readonly<Partial<Record<ExitReason, string>>> = {
  IOIO_IN: 'device model',
  IOIO_OUT: 'device model',
  CR3_WRITE: 'switch address space',
  HLT: 'wait for an interrupt',
  INTERRUPT: 'host interrupt',
  INTERRUPT_WINDOW: 'open interrupt window',
  PAGE_FAULT_HIDDEN: 'fill shadow',
  PAGE_FAULT_TRACE: 'emulate write, update shadow',
  SIMULATE: 'simulate access',
};

/** What the monitor did in an exit. @param inside what was traced meanwhile. */
function handlerOf(reason: ExitReason, inside: readonly TraceEvent[]): string {
  for (const event of inside) {
    if (event.kind === 'shadowFill') return 'fill shadow';
    if (event.kind === 'nestedFill') return 'fill nested tables';
    if (event.kind === 'inject')
      return `inject ${VECTOR_NAMES[event.vector] ?? `0x${event.vector.toString(16)}`}`;
    if (event.kind === 'translate') return 'translate';
  }
  return BY_REASON[reason] ?? 'emulate instruction';
}
