import { COST_KEYS } from './keys.js';
import type { CostKey } from './keys.js';
import type { Price } from './profile.js';

/** A measured hardware fact. */
export const input = (value: number, source: string): Price => ({ value, kind: 'input', source });

/** Fitted so that a figure of the paper comes out. */
export const calibrated = (value: number, source: string): Price => ({ value, kind: 'calibrated', source });

/** Neither measured nor fitted: a plausible figure, to be changed freely. */
export const guess = (value: number, source: string): Price => ({ value, kind: 'guess', source });

/**
 * The prices of what a monitor's own code does, on a processor that takes `factor` of the cycles for the same code.
 * @param source where the factor comes from.
 */
export function monitorCode(
  prices: Readonly<Record<CostKey, Price>>,
  factor: number,
  source: string,
): Partial<Record<CostKey, Price>> {
  const keys = COST_KEYS.filter((key) => /^(callout$|vmm\.|translate\.)/.test(key));
  return Object.fromEntries(
    keys.map((key) => {
      const { value, kind, source: of } = prices[key];
      return [key, { value: Math.round(value * factor * 1000) / 1000, kind, source: `${of}; ${source}` }];
    }),
  );
}
