import type { ExitReason } from '../arch/exits.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { ExitRow } from './vmm.js';

/** A row whose cycles are summed in ticks, which are whole numbers, so that they stay exact. */
class Row implements ExitRow {
  count = 0;
  minCycles = Infinity;
  maxCycles = 0;
  cycles = 0;
  private ticks = 0;

  add(ticks: number, times: number): number {
    const cycles = ticks / TICKS_PER_CYCLE;
    this.ticks += ticks * times;
    this.count += times;
    this.cycles = this.ticks / TICKS_PER_CYCLE;
    if (cycles < this.minCycles) this.minCycles = cycles;
    if (cycles > this.maxCycles) this.maxCycles = cycles;
    return cycles;
  }
}

/** The table of exits that a run ends with. */
export class ExitCounts {
  private readonly byReason = new Map<ExitReason, Row>();

  get rows(): ReadonlyMap<ExitReason, ExitRow> {
    return new Map(
      [...this.byReason].map(([reason, { count, cycles, minCycles, maxCycles }]) => [
        reason,
        { count, cycles, minCycles, maxCycles },
      ]),
    );
  }

  /** Counts an exit that took `ticks` of the clock, or several that each took as many. @returns the cycles of one. */
  add(reason: ExitReason, ticks: number, times = 1): number {
    let row = this.byReason.get(reason);
    if (!row) {
      row = new Row();
      this.byReason.set(reason, row);
    }
    return row.add(ticks, times);
  }
}

/** The exits of several monitors as one table. */
export function mergeExits(tables: readonly ReadonlyMap<ExitReason, ExitRow>[]): Map<ExitReason, ExitRow> {
  const merged = new Map<ExitReason, ExitRow>();
  for (const [reason, row] of tables.flatMap((table) => [...table])) {
    const known = merged.get(reason);
    if (!known) {
      merged.set(reason, { ...row });
      continue;
    }
    known.count += row.count;
    known.cycles += row.cycles;
    known.minCycles = Math.min(known.minCycles, row.minCycles);
    known.maxCycles = Math.max(known.maxCycles, row.maxCycles);
  }
  return merged;
}
