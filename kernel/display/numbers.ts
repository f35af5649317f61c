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

/** The locale is fixed: outputs may not depend on where they were made. What is rounded to zero has no sign. */
const OPTIONS = {
  integer: { maximumFractionDigits: 0, signDisplay: 'negative' },
  decimal: { maximumFractionDigits: 2, signDisplay: 'negative' },
  percent: { style: 'percent', maximumFractionDigits: 1 },
  compact: { notation: 'compact', maximumFractionDigits: 1 },
} satisfies Record<string, Intl.NumberFormatOptions>;

/** Made when first used: the first of all takes 20 ms, which every start of the kernel would wait for. */
const made = new Map<keyof typeof OPTIONS, Intl.NumberFormat>();

function format(value: number, how: keyof typeof OPTIONS): string {
  const known = made.get(how) ?? new Intl.NumberFormat('en-US', OPTIONS[how]);
  made.set(how, known);
  return known.format(value);
}

const FORMATS: Readonly<Record<NumberFormat, (value: number) => string>> = {
  integer: (value) => format(value, 'integer'),
  decimal: (value) => format(value, 'decimal'),
  percent: (value) => format(value, 'percent'),
  times: (value) => `${format(value, value >= 100 ? 'integer' : 'decimal')}×`,
  hex: (value) => `0x${(value >>> 0).toString(16).padStart(8, '0')}`,
  compact: (value) => format(value, Math.abs(value) < 10_000 ? 'decimal' : 'compact'),
};

/** A number as text; not finite becomes "–". */
export function formatNumber(value: number, format: NumberFormat): string {
  return Number.isFinite(value) ? FORMATS[format](value) : '–';
}
