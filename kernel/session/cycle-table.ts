import { ACCOUNTS } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { stackedBars } from '../display/plot.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import type { Run } from './run.js';

/** Cycles by account and technique. */
export class CycleTable implements Displayable {
  constructor(
    private readonly guestName: string,
    private readonly runs: readonly Run[],
  ) {}

  plot(): View {
    return new View(
      stackedBars({
        title: `Where the cycles went: ${this.guestName}`,
        xLabel: 'technique',
        yLabel: 'cycles',
        categories: this.runs.map(({ technique }) => technique),
        series: ACCOUNTS.filter((account) =>
          this.runs.some(({ result }) => result.accounts[account] > 0),
        ).map((account) => ({
          name: account,
          values: this.runs.map(({ result }) => result.accounts[account]),
        })),
      }),
    );
  }

  [displaySymbol](): MimeBundle {
    return table({
      caption: `Where the cycles went: ${this.guestName}`,
      columns: [
        { key: 'technique', label: 'technique' },
        ...ACCOUNTS.map((key) => ({ key, label: key, format: 'integer' as const })),
        { key: 'sum', label: 'sum', format: 'integer' },
      ],
      rows: this.runs.map(({ result }) => ({
        technique: result.technique,
        ...result.accounts,
        sum: result.cycles,
      })),
    });
  }
}
