/** How a number is shown. `times` is a ratio ("3.2x"), `percent` takes a fraction of one, `hex` a 32-bit value. */
export type NumberFormat = 'integer' | 'decimal' | 'percent' | 'times' | 'hex' | 'compact';

const SIGNIFICANT_DIGITS = 12;

/**
 * The nearest number of twelve significant digits, so that stored outputs do not differ in the last bits of a
 * sum. Not finite becomes null, as JSON has no other word for it.
 */
export function roundNumber(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(SIGNIFICANT_DIGITS)) : null;
}

// The locale is fixed: outputs may not depend on where they were made. What is rounded to zero has no sign.
const grouped = (fractionDigits: number) =>
  new Intl.NumberFormat('en-US', { maximumFractionDigits: fractionDigits, signDisplay: 'negative' });
const INTEGER = grouped(0);
const DECIMAL = grouped(2);
const PERCENT = new Intl.NumberFormat('en-US', { style: 'percent', maximumFractionDigits: 1 });
const COMPACT = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });

const FORMATS: Readonly<Record<NumberFormat, (value: number) => string>> = {
  integer: (value) => INTEGER.format(value),
  decimal: (value) => DECIMAL.format(value),
  percent: (value) => PERCENT.format(value),
  times: (value) => `${value >= 100 ? INTEGER.format(value) : DECIMAL.format(value)}×`,
  hex: (value) => `0x${(value >>> 0).toString(16).padStart(8, '0')}`,
  compact: (value) => (Math.abs(value) < 10_000 ? DECIMAL.format(value) : COMPACT.format(value)),
};

/** A number as text; not finite becomes "–". */
export function formatNumber(value: number, format: NumberFormat): string {
  return Number.isFinite(value) ? FORMATS[format](value) : '–';
}
