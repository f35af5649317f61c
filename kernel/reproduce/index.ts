import type { CpuProfile } from '../../emulator/index.js';
import { bootRows } from './boot.js';
import { calibrate } from './calibrate.js';
import type { Cell } from './calibrate.js';
import { forkwaitRows } from './forkwait.js';
import { countRuns, Measurements } from './measure.js';
import { NANOBENCHMARKS, nanoRows, operation } from './nano.js';
import type { Compared } from './nano.js';
import type { Row } from './row.js';
import { fasterExitRows, hybridRows, lazyTraceRows, nestedPagingRows } from './section7.js';
import { table1Rows } from './table1.js';
import { computeRows, macroRows } from './workloads.js';
export type { Kind, Row } from './row.js';

/** The cells of figure 4 that prices of the monitors are fitted to, one for each price; the other cells are predicted. */
const CALIBRATED_CELLS: readonly (readonly [name: string, technique: Compared])[] = [
  ['in', 'binary-translation'],
  ['divzero', 'binary-translation'],
  ['pgfault', 'binary-translation'],
  ['ptemod', 'binary-translation'],
  ['ptemod NP->P', 'binary-translation'],
  ['in', 'svm-shadow'],
  ['pgfault', 'svm-shadow'],
  ['ptemod', 'svm-shadow'],
];

function isCalibrated(name: string, technique: Compared): boolean {
  return CALIBRATED_CELLS.some(([cell, by]) => cell === name && by === technique);
}

/** The profile whose monitors' prices are fitted, and the only one for which the paper has every figure. */
const CALIBRATED_PROFILE = 'pentium4-672';

/** What can be run again, in the order of the report. */
const FIGURES = {
  '4': (measurements: Measurements) => nanoRows(measurements, isCalibrated),
  'table 1': ({ profile }: Measurements) => table1Rows(profile),
  '6.2': forkwaitRows,
  '2': computeRows,
  '3': macroRows,
  '5': bootRows,
  '7.1': fasterExitRows,
  '7.2': lazyTraceRows,
  '7.3': hybridRows,
  '7.4': nestedPagingRows,
} as const;
export type Figure = keyof typeof FIGURES;
/** The other figures are the Pentium 4's alone. */
const ON_EVERY_PROCESSOR: readonly Figure[] = ['table 1', '6.2', '7.1', '7.2', '7.3', '7.4'];

export interface ReproduceOptions {
  /** Which figures; all that there are for the processor unless told. */
  figures?: readonly Figure[] | undefined;
  /** Is told what is run next, and how many runs there are. */
  onRun?: (next: { run: number; of: number; what: string }) => void;
}

/**
 * Runs the paper's measurements again.
 * @param profile the processor; all figures exist for pentium4-672, forkwait and table 1 also for core2-e6700.
 * @returns one row for each figure of the paper that is for this processor.
 * @throws RangeError for a figure that there is not.
 */
export function reproduce(profile: CpuProfile, { figures, onRun }: ReproduceOptions = {}): Row[] {
  const known = Object.keys(FIGURES) as Figure[];
  for (const figure of figures ?? []) {
    if (!known.includes(figure))
      throw new RangeError(`no figure '${String(figure)}' to run again; there are: ${known.join(', ')}`);
  }
  const chosen = known
    .filter((figure) => figures?.includes(figure) ?? true)
    .filter((figure) => profile.name === CALIBRATED_PROFILE || ON_EVERY_PROCESSOR.includes(figure));
  const measure = (measurements: Measurements) => chosen.flatMap((figure) => FIGURES[figure](measurements));
  return withProgress(profile, onRun, measure);
}

function withProgress<T>(
  profile: CpuProfile,
  onRun: ReproduceOptions['onRun'],
  measure: (measurements: Measurements) => T,
): T {
  if (!onRun) return measure(new Measurements(profile));
  const of = countRuns(profile, measure);
  let run = 0;
  return measure(new Measurements(profile, (what) => onRun({ run: ++run, of, what })));
}

/**
 * The prices of the monitors fitted anew to the paper's cells: cycles by key.
 * @throws RangeError when that cannot be done.
 */
export function fitPrices(profile: CpuProfile, onRun?: ReproduceOptions['onRun']) {
  const cells = withProgress(profile, onRun, (measurements) =>
    CALIBRATED_CELLS.map(([name, technique]): Cell => {
      const bench = NANOBENCHMARKS.find((candidate) => candidate.name === name)!;
      const { counts } = operation(measurements, bench, technique);
      return { name: `${name} under ${technique}`, counts, cycles: bench.paper[technique] };
    }),
  );
  return calibrate(profile, cells);
}
