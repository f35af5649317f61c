import type { TraceEvent } from './events.js';

/** What to pick from a recorder: all given conditions must hold. Times are ticks, both ends included. */
export interface TraceQuery {
  kind?: TraceEvent['kind'];
  fromTicks?: number;
  toTicks?: number;
}

/** Enough for the last moments of any run, at some 10 MB of host memory. */
export const DEFAULT_TRACE_EVENTS = 100_000;

/**
 * The newest events of a machine, in a ring that never grows past its capacity. Off until `enabled` is set:
 * recording changes neither state nor cost, only host time.
 */
export class TraceRecorder {
  /** Events are never changed (checkpoint.ts). */
  static readonly checkpointing = { immutable: ['events'] };
  enabled = false;
  private events: TraceEvent[] = [];
  /** Position of the oldest event once the ring is full. */
  private oldest = 0;
  /** Events overwritten since the last {@link clear}. */
  dropped = 0;

  /** @throws RangeError unless `capacity` is a positive integer. */
  constructor(readonly capacity: number = DEFAULT_TRACE_EVENTS) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(`trace capacity is ${capacity}; expected a positive number of events`);
    }
  }

  /** Events held now. */
  get length(): number {
    return this.events.length;
  }

  record(event: TraceEvent): void {
    if (!this.enabled) return;
    if (this.events.length < this.capacity) {
      this.events.push(event);
      return;
    }
    this.events[this.oldest] = event;
    this.oldest = (this.oldest + 1) % this.capacity;
    this.dropped++;
  }

  /** The newest `count` events, oldest first. */
  last(count: number): TraceEvent[] {
    const all = this.query();
    return count > 0 ? all.slice(-count) : [];
  }

  /** Events that match, oldest first. */
  query({ kind, fromTicks = -Infinity, toTicks = Infinity }: TraceQuery = {}): TraceEvent[] {
    return [...this.events.slice(this.oldest), ...this.events.slice(0, this.oldest)].filter(
      (event) =>
        (kind === undefined || event.kind === kind) && event.ticks >= fromTicks && event.ticks <= toTicks,
    );
  }

  clear(): void {
    this.events = [];
    this.oldest = 0;
    this.dropped = 0;
  }
}
