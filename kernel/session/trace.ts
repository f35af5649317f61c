import type { GuestRun, TraceEvent } from '../../emulator/index.js';
import type { Guest } from './guest.js';

/** What a run kept of what happened. */
export interface RunTrace {
  /** The newest ones, in the order of time. */
  readonly events: readonly TraceEvent[];
  /** Older events that were dropped to make room. */
  readonly dropped: number;
  /** Linear addresses by label of the guest's program. */
  readonly symbols: Readonly<Record<string, number>>;
}

export function traceOf({ vmm: { host } }: GuestRun, { symbols }: Pick<Guest, 'symbols'>): RunTrace {
  return { events: host.trace.query(), dropped: host.trace.dropped, symbols };
}

/** What a title says when the trace does not reach back to the start. */
export function droppedNote({ dropped, events }: RunTrace): string {
  if (dropped === 0) return '';
  return ` (newest ${events.length.toLocaleString('en-US')} events, ${dropped.toLocaleString('en-US')} older ones dropped)`;
}
