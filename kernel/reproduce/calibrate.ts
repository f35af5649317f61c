import matrices = require('ml-matrix');
import { COST_KEYS } from '../../emulator/index.js';
import type { CostKey, CpuProfile } from '../../emulator/index.js';
import type { KeyCounts } from './measure.js';

/** One figure that prices are fitted to. */
export interface Cell {
  /** What it is, for messages. */
  name: string;
  /** What one operation is charged for. */
  counts: KeyCounts;
  /** What it is to cost, in cycles. */
  cycles: number;
}

/** Keys of a profile whose prices are fitted to the paper. */
export function calibratedKeys({ prices }: CpuProfile): CostKey[] {
  return COST_KEYS.filter((key) => prices[key].kind === 'calibrated');
}

/**
 * Finds the calibrated prices at which every cell costs what it is to cost, all other prices being as they are.
 * Costs are dot products of counts and prices, so this is one system of linear equations.
 * @returns cycles per event by key, in steps of a thousandth.
 * @throws RangeError when there are fewer cells than prices, when a price appears in no cell or only ever together with
 *   another, and when no price that is not negative would do.
 */
export function calibrate(profile: CpuProfile, cells: readonly Cell[]): Partial<Record<CostKey, number>> {
  const keys = calibratedKeys(profile);
  if (cells.length < keys.length)
    throw new RangeError(
      `${keys.length} prices to calibrate and only ${cells.length} figures to fit them to`,
    );
  for (const key of keys) {
    if (cells.every(({ counts }) => Math.abs(counts[key]) < 1e-9))
      throw new RangeError(`no figure depends on '${key}': it cannot be calibrated`);
  }
  const known = (counts: KeyCounts) =>
    COST_KEYS.reduce(
      (sum, key) => sum + (keys.includes(key) ? 0 : counts[key] * profile.prices[key].value),
      0,
    );
  // Each equation is scaled to one, so that every figure is met to the same fraction.
  const system = new matrices.Matrix(
    cells.map(({ counts, cycles }) => keys.map((key) => counts[key] / cycles)),
  );
  const wanted = matrices.Matrix.columnVector(
    cells.map(({ counts, cycles }) => (cycles - known(counts)) / cycles),
  );
  const decomposition = new matrices.SingularValueDecomposition(system, { autoTranspose: true });
  if (decomposition.rank < keys.length)
    throw new RangeError(`the figures cannot tell the prices apart: ${keys.join(', ')}`);
  const solution = decomposition.solve(wanted).to1DArray();
  const negative = keys.filter((_, index) => solution[index] < 0);
  if (negative.length > 0) {
    const values = negative.map((key) => `${key} ${solution[keys.indexOf(key)].toFixed(1)}`);
    throw new RangeError(`the figures ask for a negative price: ${values.join(', ')}`);
  }
  return Object.fromEntries(keys.map((key, index) => [key, Math.round(solution[index] * 1000) / 1000]));
}
