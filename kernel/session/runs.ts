import type { RunResult, Technique } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { table } from '../display/table.js';
import { CycleTable } from './cycle-table.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';
import { ExitTable } from './exit-table.js';
import { MemoryReport } from './memory.js';
import type { PriceChanges } from './prices.js';
import { exitTotal } from './run.js';
import type { Run } from './run.js';
import { WhatIf } from './what-if.js';

/** The same guest under several techniques. As a cell's value: a table. */
export class Runs implements Displayable {
  constructor(
    readonly guestName: string,
    readonly all: readonly Run[],
  ) {}

  /** @throws RangeError when the technique was not run. */
  get(technique: Technique): Run {
    const run = this.all.find((run) => run.technique === technique);
    if (!run)
      throw new RangeError(
        `no run under '${technique}'; there are: ${this.all.map((run) => run.technique).join(', ')}`,
      );
    return run;
  }

  /** Exits by reason: a table of counts and cycles; `plot()` stacks the counts. */
  get exits(): ExitTable {
    return new ExitTable(this.guestName, this.all);
  }

  /** Where the cycles went: a table by account; `plot()` stacks them. */
  get cycles(): CycleTable {
    return new CycleTable(this.guestName, this.all);
  }

  /** What their shadow page tables have done: faults, fills, traces; a table, and `plot()` stacks the faults. */
  get memory(): MemoryReport {
    return new MemoryReport(
      this.guestName,
      this.all.map(({ result }) => result),
    );
  }

  /**
   * Asks what the runs would have cost at other prices: one point a value, nothing is run again.
   * @param prices gives the changed prices for one of `values`.
   */
  whatIf(label: string, values: readonly number[], prices: (value: number) => PriceChanges): WhatIf {
    return new WhatIf(this.guestName, label, values, this.all, prices);
  }

  [displaySymbol](): MimeBundle {
    const native = this.all.find(({ technique }) => technique === 'native');
    return table({
      caption: this.guestName,
      columns: [
        { key: 'technique', label: 'technique' },
        { key: 'outcome', label: 'outcome' },
        { key: 'cycles', label: 'cycles', format: 'integer' },
        { key: 'ratio', label: '× native', format: 'times' },
        { key: 'exits', label: 'exits', format: 'integer' },
        { key: 'reason', label: 'costliest reason' },
        { key: 'instructions', label: 'instructions', format: 'integer' },
      ],
      rows: this.all.map(({ result }) => ({
        technique: result.technique,
        outcome: result.outcome === 'exit' ? `exit ${result.exitCode}` : result.outcome,
        cycles: result.cycles,
        ratio: native ? result.cycles / native.cycles : null,
        exits: exitTotal(result),
        reason: costliest(result),
        instructions: result.instructions,
      })),
    });
  }
}

function costliest(result: RunResult): string {
  const rows = Object.entries(result.exits).sort(([, a], [, b]) => b.cycles - a.cycles);
  return rows[0]?.[0] ?? '';
}
