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
  // As many digits for every value of a column, so that points stand below points.
  percent: { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'negative' },
  small: { maximumSignificantDigits: 3 },
  ratio: { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: 'negative' },
  compact: { notation: 'compact', maximumFractionDigits: 1 },
} satisfies Record<string, Intl.NumberFormatOptions>;

/** Made when first used: the first of all takes 20 ms, which every start of the kernel would wait for. */
const made = new Map<keyof typeof OPTIONS, Intl.NumberFormat>();

function format(value: number, how: keyof typeof OPTIONS): string {
  const known = made.get(how) ?? new Intl.NumberFormat('en-US', OPTIONS[how]);
  made.set(how, known);
  return known.format(value);
}

/** Two decimals would say nothing of it; what is smaller still is what a sum leaves of zero. */
function isSmall(value: number): boolean {
  return Math.abs(value) < 0.01 && Math.abs(value) >= 1e-9;
}

/** Shares that would be rounded to nothing. */
const LEAST_PERCENT = 0.0005;

const FORMATS: Readonly<Record<NumberFormat, (value: number) => string>> = {
  integer: (value) => format(value, 'integer'),
  decimal: (value) => format(value, isSmall(value) ? 'small' : 'decimal'),
  // Something is not nothing.
  percent: (value) => (value > 0 && value < LEAST_PERCENT ? '<0.1%' : format(value, 'percent')),
  times: (value) => `${format(value, value >= 100 ? 'integer' : 'ratio')}×`,
  hex: (value) => `0x${(value >>> 0).toString(16).padStart(8, '0')}`,
  // The sign of a thousand is a small k, as on the axes that Plotly draws.
  compact: (value) =>
    Math.abs(value) < 10_000 ? FORMATS.decimal(value) : format(value, 'compact').replace('K', 'k'),
};

/** A number as text; not finite becomes "–". */
export function formatNumber(value: number, format: NumberFormat): string {
  return Number.isFinite(value) ? FORMATS[format](value) : '–';
}
