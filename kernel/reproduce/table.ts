import { table } from '../display/table.js';
import type { MimeBundle } from '../display/bundle.js';
import type { Row } from './row.js';

/** The paper's figures and ours, with what each had to meet. */
export function reproductionTable(profile: string, rows: readonly Row[]): MimeBundle {
  const notes = new Set(rows.flatMap(({ note }) => note ?? []));
  return table({
    caption: [`Adams & Agesen 2006 on ${profile}: the paper's figures and ours`, ...notes].join('. '),
    columns: [
      { key: 'figure', label: 'figure' },
      { key: 'name', label: 'what' },
      { key: 'technique', label: 'technique' },
      { key: 'paper', label: 'paper' },
      { key: 'ours', label: 'ours' },
      { key: 'ratio', label: 'ratio' },
      { key: 'kind', label: 'kind' },
      { key: 'target', label: 'target' },
      { key: 'verdict', label: 'result' },
    ],
    rows: rows.map((row) => ({
      ...row,
      ours: rounded(row.ours),
      ratio: row.ratio === null ? null : Math.round(row.ratio * 100) / 100,
      verdict: row.met === null ? '' : row.met ? 'met' : 'MISS',
    })),
  });
}

/** Four significant digits are all that a figure of the paper has. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
