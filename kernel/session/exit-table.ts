import { EXIT_REASONS } from '../../emulator/index.js';
import type { ExitReason, ExitRow, RunResult, Technique } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { stackedBars } from '../display/plot.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import { ExitDiff, ExitGroups } from './exit-breakdown.js';
import { ExitHistogram } from './exit-histogram.js';
import type { Run } from './run.js';

/** Exit reasons that happened in any of the runs, in the order of EXIT_REASONS. */
function reasonsOf(runs: readonly Run[]): ExitReason[] {
  return EXIT_REASONS.filter((reason) => runs.some(({ result }) => result.exits[reason] !== undefined));
}

/** Of a guest that had two monitors, each exit says which of them it went to. */
function byMonitor({
  technique,
  exits,
  exitsByHalf,
}: RunResult): { monitor: string; reason: string; row: ExitRow }[] {
  const tables: [string, RunResult['exits']][] = exitsByHalf
    ? Object.entries(exitsByHalf).map(([half, rows]) => [`${technique}: ${half}`, rows])
    : [[technique, exits]];
  return tables.flatMap(([monitor, rows]) =>
    Object.entries(rows).map(([reason, row]) => ({ monitor, reason, row })),
  );
}

/** Exits by reason and technique. */
export class ExitTable implements Displayable {
  constructor(
    private readonly guestName: string,
    private readonly runs: readonly Run[],
  ) {}

  plot(): View {
    const monitored = this.runs.filter(({ technique }) => technique !== 'native');
    return new View(
      stackedBars({
        title: `Exits by reason: ${this.guestName}`,
        xLabel: 'technique',
        yLabel: 'exits',
        categories: monitored.map(({ technique }) => technique),
        series: reasonsOf(monitored).map((reason) => ({
          name: reason,
          values: monitored.map(({ result }) => result.exits[reason]?.count ?? 0),
        })),
      }),
    );
  }

  /** What changed from one technique, or run, to another. `rows` of it are the numbers. @throws RangeError for a technique that was not run. */
  diff(from: Technique | Run, to: Technique | Run): ExitDiff {
    const [a, b] = [from, to].map((given) => (typeof given === 'string' ? this.runOf(given) : given));
    return new ExitDiff(a, b);
  }

  /**
   * Exits in intervals of time; `plot()` stacks them. @param technique may be left out when there is one run.
   * @throws RangeError for an interval of no length, a technique that was not run, and when the run kept no trace.
   */
  byInterval(intervalCycles: number, technique?: Technique): ExitGroups {
    return ExitGroups.byInterval(this.runOf(technique), intervalCycles);
  }

  /**
   * Exits by the guest's symbols; `plot()` stacks them. @param technique may be left out when there is one run.
   * @throws RangeError for a technique that was not run, and when the run kept no trace.
   */
  bySymbol(technique?: Technique): ExitGroups {
    return ExitGroups.bySymbol(this.runOf(technique));
  }

  private runOf(technique: Technique | undefined): Run {
    const found =
      technique === undefined && this.runs.length === 1
        ? this.runs[0]
        : this.runs.find((run) => run.technique === technique);
    if (found) return found;
    const names = this.runs.map((run) => run.technique).join(', ');
    throw new RangeError(
      technique === undefined
        ? `which technique: ${names}?`
        : `no run under '${technique}'; there are: ${names}`,
    );
  }

  /**
   * How many exits took how many cycles, by reason. `bins` of it are the numbers.
   * @throws RangeError when a run kept no trace.
   */
  histogram(): ExitHistogram {
    const parts = this.runs
      .filter(({ technique }) => technique !== 'native')
      .map((run) => ({ name: run.technique, trace: run.requireTrace() }));
    return new ExitHistogram(this.guestName, parts);
  }

  [displaySymbol](): MimeBundle {
    return table({
      caption: `Exits by reason: ${this.guestName}`,
      columns: [
        { key: 'technique', label: 'technique' },
        { key: 'reason', label: 'reason' },
        { key: 'count', label: 'exits', format: 'integer' },
        { key: 'share', label: 'of cycles', format: 'percent' },
        { key: 'cycles', label: 'cycles', format: 'integer' },
        { key: 'min', label: 'least', format: 'integer' },
        { key: 'mean', label: 'mean', format: 'integer' },
        { key: 'max', label: 'most', format: 'integer' },
      ],
      rows: this.runs.flatMap(({ result }) =>
        byMonitor(result)
          .sort(({ row: a }, { row: b }) => b.cycles - a.cycles)
          .map(({ monitor, reason, row }) => ({
            technique: monitor,
            reason,
            count: row.count,
            share: row.cycles / result.cycles,
            cycles: row.cycles,
            min: row.minCycles,
            mean: row.cycles / row.count,
            max: row.maxCycles,
          })),
      ),
    });
  }
}
