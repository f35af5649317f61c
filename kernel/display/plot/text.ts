import { stripControls } from '../bundle.js';
import { formatNumber } from '../numbers.js';
import { table } from '../table.js';
import type { Cell } from '../table.js';
import { isEmpty, NOTHING, totals, visiblePoints } from './figure.js';
import type { Lines, StackedBars } from './figure.js';

const BAR_COLUMNS = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of `share` (0 to 1) of the full width, in eighths of a character. */
function bar(share: number): string {
  const eighths = Math.round(share * BAR_COLUMNS * 8);
  return '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

/** The totals as bars, then every number. */
export function barsText(figure: StackedBars): string {
  if (isEmpty(figure)) return heading(figure) + NOTHING;
  const sums = totals(figure);
  const most = Math.max(...sums, 0) || 1;
  const names = figure.categories.map(stripControls);
  const width = Math.max(0, ...names.map((name) => name.length));
  const bars = names.map(
    (name, index) =>
      `${name.padEnd(width)} ▏${bar(sums[index] / most)} ${formatNumber(sums[index], 'decimal')}`,
  );
  const rows = [...figure.series, { name: 'total', values: sums }].map(({ name, values }) => ({
    name,
    ...Object.fromEntries(values.map((value, index) => [`c${index}`, value])),
  }));
  const columns = [
    { key: 'name', label: '' },
    ...names.map((name, index) => ({ key: `c${index}`, label: name })),
  ];
  const lines = [...bars, '', table({ columns, rows })['text/plain']];
  return heading(figure) + lines.join('\n');
}

function heading({ title, yLabel }: { title: string; yLabel: string }): string {
  return `${stripControls(title)} (${stripControls(yLabel)})\n\n`;
}

/** Every point: one line a value of x, one column a series. */
export function linesText(figure: Lines): string {
  const rows = new Map<number, Record<string, Cell>>();
  figure.series.forEach((series, index) => {
    for (const [x, y] of visiblePoints(figure, series)) {
      const row = rows.get(x) ?? { x };
      row[`s${index}`] = y;
      rows.set(x, row);
    }
  });
  const columns = [
    { key: 'x', label: figure.xLabel },
    ...figure.series.map(({ name }, index) => ({ key: `s${index}`, label: name })),
  ];
  const sorted = [...rows.keys()].sort((a, b) => a - b).map((x) => rows.get(x) ?? {});
  return heading(figure) + (sorted.length === 0 ? NOTHING : table({ columns, rows: sorted })['text/plain']);
}
