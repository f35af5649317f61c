import { scaleLinear, scaleLog } from 'd3-scale';

/** What an axis needs of a d3 scale. */
export interface Scale {
  (value: number): number;
  ticks(count?: number): number[];
}

/** Room beyond the outermost values of a logarithmic axis. */
const LOG_MARGIN = 1.15;

export interface ScaleOptions {
  log?: boolean | undefined;
  /** A linear axis begins at zero, so that heights can be compared. */
  fromZero?: boolean;
}

/** From values to pixels. A scale of no values goes from zero to one. */
export function valueScale(values: readonly number[], range: [number, number], options: ScaleOptions): Scale {
  if (values.length === 0) return scaleLinear([0, 1], range);
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (options.log) return scaleLog([low / LOG_MARGIN, high * LOG_MARGIN], range);
  const base = options.fromZero && low > 0 ? 0 : low;
  return scaleLinear(base === high ? [high - 1, high + 1] : [base, high], range).nice();
}

/** About `count` ticks; on a logarithmic scale the powers of ten, or 1, 2 and 5 times those when there are few. */
export function tickValues(scale: Scale, log: boolean | undefined, count: number): number[] {
  const all = scale.ticks(count);
  if (!log) return all;
  const leading = (digits: string) => all.filter((value) => digits.includes(value.toExponential()[0]));
  const powers = leading('1');
  return powers.length >= 3 ? powers : leading('125');
}
