import { EXIT_REASONS, exitHistogram } from '../../emulator/index.js';
import type { ExitBin, ExitReason } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { formatNumber } from '../display/numbers.js';
import { stackedBars } from '../display/plot.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';
import { droppedNote } from './trace.js';
import type { RunTrace } from './trace.js';

/** The exits of one run. */
interface Part {
  readonly name: string;
  readonly trace: RunTrace;
}

/** How many exits took how many cycles. As a cell's value: a histogram stacked by reason. */
export class ExitHistogram implements Displayable {
  /** By run: the exits that took from `fromCycles` up to, but not, `toCycles`. */
  readonly bins: Readonly<Record<string, readonly ExitBin[]>>;

  constructor(
    private readonly guestName: string,
    private readonly parts: readonly Part[],
  ) {
    this.bins = Object.fromEntries(parts.map(({ name, trace }) => [name, exitHistogram(trace.events)]));
  }

  [displaySymbol](): MimeBundle {
    const all = Object.values(this.bins).flat();
    const froms = [...new Set(all.map(({ fromCycles }) => fromCycles))].sort((a, b) => a - b);
    return stackedBars({
      title: `Cycles of an exit: ${this.guestName}${this.parts.map(({ trace }) => droppedNote(trace)).find((note) => note !== '') ?? ''}`,
      xLabel: 'cycles from exit to resumption',
      yLabel: 'exits',
      categories: froms.map((from) => `≥${formatNumber(from, 'compact')}`),
      series: this.parts.flatMap(({ name }) =>
        reasonsIn(this.bins[name]).map((reason) => ({
          name: this.parts.length === 1 ? reason : `${name} ${reason}`,
          values: froms.map(
            (from) => this.bins[name].find(({ fromCycles }) => fromCycles === from)?.counts[reason] ?? 0,
          ),
        })),
      ),
    });
  }
}

function reasonsIn(bins: readonly ExitBin[]): ExitReason[] {
  return EXIT_REASONS.filter((reason) => bins.some(({ counts }) => counts[reason] !== undefined));
}
