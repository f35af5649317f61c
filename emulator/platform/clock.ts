import type { Ledger } from '../cost/ledger.js';

interface Deadline {
  atTicks: number;
  order: number;
  run: () => void;
}

/**
 * The one clock: reads time from the ledger and holds what is due. Deadlines that fall together run in the
 * order in which they were set, so a run does not depend on anything but its input.
 */
export class Clock {
  private queue: Deadline[] = [];
  private order = 0;
  /** Ticks of the earliest deadline, or Infinity. The run loop compares it with `ledger.ticks` at each poll. */
  nextTicks = Infinity;

  /** Software has seen time: it read a counter, or a deadline came due while it ran. Repricing such a run is not exact. */
  observed = false;

  constructor(readonly ledger: Ledger) {}

  get nowTicks(): number {
    return this.ledger.ticks;
  }

  /** The time in ticks for a register that software reads (RDTSC, a timer's counter): marks the run as time-dependent. */
  observe(): number {
    this.observed = true;
    return this.ledger.ticks;
  }

  /** Runs `run` at the first poll at or after `atTicks`. @returns a handle for {@link cancel}. */
  schedule(atTicks: number, run: () => void): object {
    const deadline = { atTicks, order: this.order++, run };
    this.queue.push(deadline);
    this.queue.sort((a, b) => a.atTicks - b.atTicks || a.order - b.order);
    this.nextTicks = this.queue[0].atTicks;
    return deadline;
  }

  cancel(handle: object): void {
    this.queue = this.queue.filter((deadline) => deadline !== handle);
    this.nextTicks = this.queue[0]?.atTicks ?? Infinity;
  }

  /** Runs everything due by now. */
  fireDue(): void {
    while (this.nextTicks <= this.ledger.ticks) {
      const due = this.queue.shift()!;
      this.nextTicks = this.queue[0]?.atTicks ?? Infinity;
      this.observed = true;
      due.run();
    }
  }
}
