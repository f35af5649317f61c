import { inspect } from 'node:util';
import type { MimeBundle } from '../display/bundle.js';
import { lines, stackedBars } from '../display/plot.js';
import type { Lines, StackedBars } from '../display/plot.js';
import { table as tableBundle } from '../display/table.js';
import type { Cell } from '../display/table.js';
import { View } from './display.js';

/** Figures of a study's own numbers, shown as those of the runs are. */
export const plot = {
  /** Lines with markers: plot.lines({ title, xLabel, yLabel, series: [{ name, x, y }] }). @throws RangeError when a series has not one y for each x. */
  lines: (figure: Lines): View => new View(lines(figure)),
  /** Stacked bars: plot.bars({ title, xLabel, yLabel, categories, series: [{ name, values }] }). @throws RangeError when a series does not fit the categories. */
  bars: (figure: StackedBars): View => new View(stackedBars(figure)),
};

/** Records as a table, a column for each of the first one's properties: table([{ exits: 3, cycles: 12 }]). */
export function table(rows: readonly Readonly<Record<string, Cell>>[], caption?: string): View {
  const columns = Object.keys(rows[0] ?? {}).map((key) => ({ key, label: key }));
  const cells = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([key, value]) => [key, cellOf(value)])),
  );
  const bundle: MimeBundle = tableBundle({
    columns,
    rows: cells,
    ...(caption !== undefined && { caption }),
  });
  return new View(bundle);
}

/** Where types are not checked, anything can be given. */
function cellOf(value: Cell): Cell {
  const isOther = typeof value === 'object' && value !== null && !('mark' in value);
  return isOther ? inspect(value) : value;
}
