import type { RunResult, ShadowStatistics, Technique } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { stackedBars } from '../display/plot.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';

const LABELS: Readonly<Record<keyof ShadowStatistics, string>> = {
  trueFaults: 'true page faults, the guest’s own',
  hiddenFaults: 'hidden page faults, the shadow’s',
  traceFaults: 'page faults on traced pages',
  emulatedFaults: 'page faults for accesses to emulate',
  tracesFired: 'traces fired',
  filled: 'entries filled by a fault',
  eagerlyFilled: 'entries filled by a trace',
  prefilled: 'entries filled ahead',
  loosened: 'page tables left to the guest',
  synchronised: 'entries synchronised',
  cacheHits: 'address spaces found',
  cacheMisses: 'address spaces not found',
  evictions: 'address spaces given up',
  exhaustions: 'times all was given up for want of frames',
  roots: 'page directories at the end',
  tables: 'page tables at the end',
};

const FAULTS = ['trueFaults', 'hiddenFaults', 'traceFaults', 'emulatedFaults'] as const;

type Shadowed = Pick<RunResult, 'technique'> & { memory: ShadowStatistics };

/** What the shadow page tables of runs have done: numbers under their names, a table, and a plot of their page faults. */
export class MemoryReport implements Displayable {
  private readonly shadowed: readonly Shadowed[];

  constructor(
    private readonly guestName: string,
    runs: readonly Pick<RunResult, 'technique' | 'memory'>[],
  ) {
    this.shadowed = runs.filter((run): run is Shadowed => run.memory !== null);
  }

  /** By technique; those without shadow page tables are absent. */
  get values(): Readonly<Partial<Record<Technique, ShadowStatistics>>> {
    return Object.fromEntries(this.shadowed.map(({ technique, memory }) => [technique, memory]));
  }

  /** Page faults that left the guest, by what they turned out to be. */
  plot(): View {
    return new View(
      stackedBars({
        title: `Page faults on shadow page tables: ${this.guestName}`,
        xLabel: 'technique',
        yLabel: 'page faults',
        categories: this.shadowed.map(({ technique }) => technique),
        series: FAULTS.map((name) => ({
          name: LABELS[name],
          values: this.shadowed.map(({ memory }) => memory[name]),
        })),
      }),
    );
  }

  [displaySymbol](): MimeBundle {
    const names = Object.keys(LABELS) as (keyof ShadowStatistics)[];
    return table({
      caption: `Shadow page tables: ${this.guestName}`,
      columns: [
        { key: 'what', label: '' },
        ...this.shadowed.map(({ technique }) => ({
          key: technique,
          label: technique,
          format: 'integer' as const,
        })),
      ],
      rows: names.map((name) => ({
        what: LABELS[name],
        ...Object.fromEntries(this.shadowed.map(({ technique, memory }) => [technique, memory[name]])),
      })),
    });
  }
}
