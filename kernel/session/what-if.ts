import type { Technique } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { lines } from '../display/plot.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import type { PriceChanges } from './prices.js';
import type { Run } from './run.js';

/** Runs at a range of prices. */
export class WhatIf implements Displayable {
  /** Cycles by technique, one for each value. */
  readonly cycles: Readonly<Partial<Record<Technique, readonly number[]>>>;

  constructor(
    private readonly guestName: string,
    private readonly label: string,
    private readonly values: readonly number[],
    private readonly runs: readonly Run[],
    prices: (value: number) => PriceChanges,
  ) {
    this.cycles = Object.fromEntries(
      runs.map((run) => [run.technique, values.map((value) => run.reprice(prices(value)).cycles)]),
    );
  }

  /** Runs that read the clock, so that other prices could have changed what they did: their lines are estimates. */
  get estimates(): readonly Technique[] {
    return this.runs.filter(({ result }) => result.timeDependent).map(({ technique }) => technique);
  }

  plot(): View {
    return new View(
      lines({
        title: `${this.guestName}, repriced`,
        xLabel: this.label,
        yLabel: 'cycles',
        series: this.runs.map(({ technique }) => ({
          name: this.estimates.includes(technique) ? `${technique} (estimate)` : technique,
          x: this.values,
          y: this.cycles[technique]!,
        })),
      }),
    );
  }

  [displaySymbol](): MimeBundle {
    return table({
      caption: `${this.guestName}, repriced`,
      columns: [
        { key: 'value', label: this.label, format: 'integer' },
        ...this.runs.map(({ technique }) => ({
          key: technique,
          label: technique,
          format: 'integer' as const,
        })),
      ],
      rows: this.values.map((value, index) => ({
        value,
        ...Object.fromEntries(this.runs.map(({ technique }) => [technique, this.cycles[technique]![index]])),
      })),
    });
  }
}
