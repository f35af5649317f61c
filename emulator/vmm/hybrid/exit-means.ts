import type { ExitReason } from '../../arch/exits.js';
import type { Half, SeenExit } from './policy.js';

/** Exits of a kind before their mean is believed. */
const ENOUGH = 4;

/** A write to a traced page is a fault in guest mode, and under binary translation a callout once the store is known. */
function kindOf(reason: ExitReason): ExitReason {
  return reason === 'PAGE_FAULT_TRACE' ? 'SIMULATE' : reason;
}

/** What exits have cost on average, by half and kind. */
export class ExitMeans {
  private readonly sums = new Map<string, { count: number; ticks: number }>();

  add({ by, reason, ticks }: SeenExit): void {
    const key = `${by} ${kindOf(reason)}`;
    const sum = this.sums.get(key);
    if (sum) {
      sum.count++;
      sum.ticks += ticks;
    } else this.sums.set(key, { count: 1, ticks });
  }

  /** @returns ticks; null when too few have been seen. */
  of(half: Half, reason: ExitReason): number | null {
    const sum = this.sums.get(`${half} ${kindOf(reason)}`);
    return sum && sum.count >= ENOUGH ? sum.ticks / sum.count : null;
  }
}
