import type { ExitReason } from '../arch/exits.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { ExitRow } from './vmm.js';

/** The table of exits that a run ends with. */
export class ExitCounts {
  private readonly ticks = new Map<ExitReason, number>();
  readonly rows = new Map<ExitReason, ExitRow>();

  /** Counts one exit that took `ticks` of the clock. @returns its cycles. */
  add(reason: ExitReason, ticks: number): number {
    const cycles = ticks / TICKS_PER_CYCLE;
    // Summed in ticks, which are whole numbers, so that the cycles stay exact.
    const total = (this.ticks.get(reason) ?? 0) + ticks;
    this.ticks.set(reason, total);
    const row = this.rows.get(reason) ?? { count: 0, cycles: 0, minCycles: Infinity, maxCycles: 0 };
    row.count++;
    row.cycles = total / TICKS_PER_CYCLE;
    row.minCycles = Math.min(row.minCycles, cycles);
    row.maxCycles = Math.max(row.maxCycles, cycles);
    this.rows.set(reason, row);
    return cycles;
  }
}
