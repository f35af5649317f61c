import {
  ACCOUNTS,
  DEFAULTS,
  EXIT_REASONS,
  findProfile,
  GuestRun,
  reprice,
  usableTechniques,
} from '../../emulator/index.js';
import type {
  CpuProfile,
  ExitReason,
  GuestInputs,
  ProfileName,
  RunOptions,
  RunResult,
  Technique,
} from '../../emulator/index.js';
import { lines, stackedBars } from '../display/plot.js';
import { screen } from '../display/screen.js';
import { table } from '../display/table.js';
import type { MimeBundle } from '../display/bundle.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import type { Guest } from './guest.js';
import { current, withChoices } from './current.js';
import { interruptibly } from './interrupt.js';
import { changePrices } from './prices.js';
import type { PriceChanges } from './prices.js';
import { MemoryReport } from './memory.js';
import { Progress } from './progress.js';
import { describeSettings, switchesFor } from './switches.js';

/** Options of a run in a cell. */
export type CellRunOptions = Pick<
  RunOptions,
  'technique' | 'memoryBytes' | 'limits' | 'switches' | keyof GuestInputs
> & {
  /** A processor of Ringside by its name, or one of your own. */
  profile?: ProfileName | CpuProfile;
};

/** A finished run: every field of its result, and what can be asked of it. */
export class Run implements Displayable {
  constructor(
    readonly result: RunResult,
    /** The processor whose prices the cycles are in. */
    readonly profile: CpuProfile,
  ) {}

  get technique(): Technique {
    return this.result.technique;
  }
  get cycles(): number {
    return this.result.cycles;
  }
  get console(): string {
    return this.result.console;
  }
  /** What its shadow page tables have done. */
  get memory(): MemoryReport {
    const { technique, switches } = this.result;
    return new MemoryReport(`${technique}${describeSettings(switches)}`, [this.result]);
  }
  /** The text screen at the end. */
  get screen(): View {
    return new View(screen(this.result.screen));
  }

  /** The same run at other prices, without running again: a profile, its name, or single prices to change. */
  reprice(to: CpuProfile | string | PriceChanges): Run {
    const profile =
      typeof to === 'string' ? findProfile(to) : isProfile(to) ? to : changePrices(this.profile, to);
    return new Run({ ...this.result, profile: profile.name, ...reprice(this.result, profile) }, profile);
  }

  [displaySymbol](): MimeBundle {
    const { result } = this;
    return table({
      caption: `${result.technique}${describeSettings(result.switches)} on ${result.profile}: ${result.detail}`,
      columns: [
        { key: 'what', label: '' },
        { key: 'value', label: 'value', format: 'integer' },
      ],
      rows: [
        { what: 'cycles', value: result.cycles },
        ...ACCOUNTS.filter((name) => result.accounts[name] > 0).map((name) => ({
          what: `· ${name}`,
          value: result.accounts[name],
        })),
        { what: 'instructions', value: result.instructions },
        { what: 'exits', value: exitTotal(result) },
        { what: 'hash', value: result.hash.slice(0, 16) },
      ],
    });
  }
}

function isProfile(value: CpuProfile | PriceChanges): value is CpuProfile {
  return 'prices' in value;
}

function exitTotal(result: RunResult): number {
  return Object.values(result.exits).reduce((total, { count }) => total + count, 0);
}

/** Exit reasons that happened in any of the runs, in the order of EXIT_REASONS. */
function reasonsOf(runs: readonly Run[]): ExitReason[] {
  return EXIT_REASONS.filter((reason) => runs.some(({ result }) => result.exits[reason] !== undefined));
}

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
        Object.entries(result.exits)
          .sort(([, a], [, b]) => b.cycles - a.cycles)
          .map(([reason, row]) => ({
            technique: result.technique,
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

/**
 * Runs a guest to its end under one technique.
 * @throws ImageError, RangeError for what cannot be run; {@link GuestInterrupted} when the user stops it; a guest's own
 * failure is an outcome, no error.
 */
export function run(program: Guest, options: CellRunOptions = {}): Run {
  const done = runWatched(program, options);
  current.runs = done;
  return done;
}

/** An interrupt stopped a guest, at an instruction boundary. */
export class GuestInterrupted extends Error {
  override readonly name = 'Interrupted';
  constructor(
    /** The run up to there. */
    readonly run: Run,
    /** What can be done now. */
    hint = 'names keep their values',
  ) {
    super(`the guest was ${run.result.detail}, after ${run.result.instructions} instructions; ${hint}`);
  }
}

/** @param compared how many runs the whole has, and how many of them are over: for the share that is done */
function runWatched(program: Guest, options: CellRunOptions, compared = { of: 1, over: 0 }): Run {
  const chosen = withChoices(options);
  const progress = new Progress(
    chosen.technique ?? DEFAULTS.technique,
    compared.of === 1 ? undefined : () => compared.over / compared.of,
  );
  const guestRun = new GuestRun(program.bytes, { ...program.inputs, ...chosen, onProgress: progress.report });
  const result = interruptibly(() => guestRun.run());
  progress.end(result);
  const done = new Run(result, guestRun.configuration.profile);
  current.count++;
  current.cycles += done.cycles;
  if (result.outcome === 'interrupted') throw new GuestInterrupted(done);
  return done;
}

/**
 * Runs a guest under several techniques: all that are built, unless told. A switch goes to those that have it.
 * @throws RangeError for a switch that none of them has; {@link GuestInterrupted} when the user stops it.
 */
export async function compare(
  program: Guest,
  options: Omit<CellRunOptions, 'technique'> & { techniques?: readonly Technique[] } = {},
): Promise<Runs> {
  const { techniques: chosen = usableTechniques(), switches = {}, ...rest } = options;
  const all: Run[] = [];
  for (const technique of chosen) {
    const own = { ...rest, technique, switches: switchesFor(technique, switches, chosen) };
    all.push(runWatched(program, own, { of: chosen.length, over: all.length }));
    // Between two runs the cell can be interrupted and its output can leave.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const runs = new Runs(program.name, all);
  current.runs = runs;
  return runs;
}
