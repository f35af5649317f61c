import { EXIT_REASONS, diffExits, exitsByInterval, exitsBySymbol } from '../../emulator/index.js';
import type { ExitDifference, ExitReason, Exits } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { formatNumber } from '../display/numbers.js';
import { stackedBars } from '../display/plot.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import type { Run } from './run.js';
import { droppedNote } from './trace.js';

/** What changed from one run to another, by reason. As a cell's value: a table, the largest change of cycles first. */
export class ExitDiff implements Displayable {
  readonly rows: readonly ExitDifference[];

  constructor(
    private readonly a: Run,
    private readonly b: Run,
  ) {
    this.rows = diffExits(a.result.exits, b.result.exits);
  }

  [displaySymbol](): MimeBundle {
    const [a, b] = [this.a, this.b].map(({ technique }) => technique);
    return table({
      caption: `Exits: from ${a} to ${b}`,
      columns: [
        { key: 'reason', label: 'reason' },
        { key: 'before', label: `exits, ${a}`, format: 'integer' },
        { key: 'after', label: `exits, ${b}`, format: 'integer' },
        { key: 'cycles', label: 'cycles more', format: 'integer' },
        { key: 'mean', label: 'mean more', format: 'integer' },
      ],
      rows: this.rows.map(({ reason, counts: [before, after], cycleDelta, meanCycleDelta }) => ({
        reason,
        before,
        after,
        cycles: cycleDelta,
        mean: meanCycleDelta,
      })),
    });
  }
}

/** Bars whose names can be read. */
const MOST_SYMBOLS = 16;

/** Exits of one run by what they are grouped by: time, or the guest's symbols. As a cell's value: a table; `plot()` stacks counts. */
export class ExitGroups implements Displayable {
  private constructor(
    private readonly title: string,
    private readonly label: string,
    /** The groups, each with its exits by reason. */
    readonly groups: readonly { name: string; exits: Exits }[],
    /** Of the plot: what is beyond is one bar. */
    private readonly mostBars = Number.POSITIVE_INFINITY,
  ) {}

  /** By intervals of the machine's time. @throws RangeError for no interval, and when the run kept no trace. */
  static byInterval(run: Run, intervalCycles: number): ExitGroups {
    const trace = run.requireTrace();
    const groups = exitsByInterval(trace.events, intervalCycles).map(({ fromCycle, exits }) => ({
      name: formatNumber(fromCycle, 'compact'),
      exits,
    }));
    const title = `Exits under ${run.technique} in intervals of ${formatNumber(intervalCycles, 'compact')} cycles`;
    return new ExitGroups(title + droppedNote(trace), 'from cycle', groups);
  }

  /** By the symbol of the guest's program at or before the instruction. @throws RangeError when the run kept no trace. */
  static bySymbol(run: Run): ExitGroups {
    const trace = run.requireTrace();
    const groups = exitsBySymbol(trace.events, trace.symbols).map(({ symbol, exits }) => ({
      name: symbol,
      exits,
    }));
    return new ExitGroups(
      `Exits under ${run.technique} by guest symbol${droppedNote(trace)}`,
      'symbol',
      groups,
      MOST_SYMBOLS,
    );
  }

  plot(): View {
    const shown = this.groups.slice(0, this.mostBars);
    const rest = this.groups.slice(this.mostBars);
    const count = ({ exits }: (typeof shown)[number], reason: ExitReason) => exits[reason]?.count ?? 0;
    return new View(
      stackedBars({
        title: this.title,
        xLabel: this.label,
        yLabel: 'exits',
        categories: [...shown.map(({ name }) => name), ...(rest.length > 0 ? [`${rest.length} others`] : [])],
        series: this.reasons.map((reason) => ({
          name: reason,
          values: [
            ...shown.map((group) => count(group, reason)),
            ...(rest.length > 0 ? [rest.reduce((sum, group) => sum + count(group, reason), 0)] : []),
          ],
        })),
      }),
    );
  }

  [displaySymbol](): MimeBundle {
    return table({
      caption: this.title,
      columns: [
        { key: 'group', label: this.label },
        { key: 'reason', label: 'reason' },
        { key: 'count', label: 'exits', format: 'integer' },
        { key: 'cycles', label: 'cycles', format: 'integer' },
        { key: 'min', label: 'least', format: 'integer' },
        { key: 'mean', label: 'mean', format: 'integer' },
        { key: 'max', label: 'most', format: 'integer' },
      ],
      rows: this.groups.flatMap(({ name, exits }) =>
        Object.entries(exits).map(([reason, { count, cycles, minCycles, maxCycles }]) => ({
          group: name,
          reason,
          count,
          cycles,
          min: minCycles,
          mean: cycles / count,
          max: maxCycles,
        })),
      ),
    });
  }

  private get reasons(): ExitReason[] {
    return EXIT_REASONS.filter((reason) => this.groups.some(({ exits }) => exits[reason] !== undefined));
  }
}
