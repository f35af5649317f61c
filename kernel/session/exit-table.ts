import { EXIT_REASONS } from '../../emulator/index.js';
import type { ExitReason, ExitRow, RunResult } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { stackedBars } from '../display/plot.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
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
