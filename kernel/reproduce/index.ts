import type { CpuProfile } from '../../emulator/index.js';
import { calibratedKeys, calibrate } from './calibrate.js';
import type { Cell } from './calibrate.js';
import { bootRows } from './boot.js';
import { forkwaitRows } from './forkwait.js';
import { Measurements } from './measure.js';
import { NANOBENCHMARKS, nanoRows, operation } from './nano.js';
import type { Compared } from './nano.js';
import type { Row } from './row.js';
import { table1Rows } from './table1.js';
import { computeRows, macroRows } from './workloads.js';
export type { Kind, Row } from './row.js';

/** The cells of figure 4 that prices of the monitors are fitted to, one for each price; the other cells are predicted. */
const CALIBRATED_CELLS: readonly (readonly [name: string, technique: Compared])[] = [
  ['in', 'binary-translation'],
  ['divzero', 'binary-translation'],
  ['pgfault', 'binary-translation'],
  ['ptemod', 'binary-translation'],
  ['in', 'svm-shadow'],
  ['pgfault', 'svm-shadow'],
  ['ptemod', 'svm-shadow'],
];

/** The profile whose monitors' prices are fitted, and the only one for which the paper has figure 4 and the rest. */
const CALIBRATED_PROFILE = 'pentium4-672';

/**
 * Runs the paper's measurements again.
 * @param profile the processor; all figures exist for pentium4-672, forkwait and table 1 also for core2-e6700.
 * @param onRun is told what is run next.
 * @returns one row for each figure of the paper that is for this processor.
 */
export function reproduce(profile: CpuProfile, onRun?: (what: string) => void): Row[] {
  const measurements = new Measurements(profile, onRun);
  const rows = [...table1Rows(profile), ...forkwaitRows(measurements)];
  if (profile.name !== CALIBRATED_PROFILE) return rows;
  const isCalibrated = (name: string, technique: Compared) =>
    CALIBRATED_CELLS.some(([cell, by]) => cell === name && by === technique);
  return [
    ...nanoRows(measurements, isCalibrated),
    ...rows,
    ...computeRows(measurements),
    ...macroRows(measurements),
    ...bootRows(measurements),
  ];
}

/**
 * The prices of the monitors fitted anew to the paper's cells.
 * @throws RangeError when that cannot be done.
 */
export function fitPrices(profile: CpuProfile, onRun?: (what: string) => void) {
  const measurements = new Measurements(profile, onRun);
  const cells = CALIBRATED_CELLS.map(([name, technique]): Cell => {
    const bench = NANOBENCHMARKS.find((candidate) => candidate.name === name)!;
    const { counts } = operation(measurements, bench, technique);
    return { name: `${name} under ${technique}`, counts, cycles: bench.paper[technique] };
  });
  return { keys: calibratedKeys(profile), cells, prices: calibrate(profile, cells) };
}
