import { escapeHtml, stripControls } from './bundle.js';
import type { MimeBundle } from './bundle.js';
import { formatNumber } from './numbers.js';

/** One step of two listings read side by side; either side may have several lines, or none. */
export interface ListingRow {
  left: string;
  right: string;
  note?: string;
}

export interface SideBySide {
  leftTitle: string;
  rightTitle: string;
  rows: readonly ListingRow[];
  caption?: string;
  /** How to see what a long listing leaves out. */
  moreBy?: string;
}

/** Longer listings end there and say so. */
const MOST_ROWS = 400;

/** Two listings side by side, such as guest code and its translation. A row keeps what belongs together. */
export function sideBySide(model: SideBySide): MimeBundle {
  const more = model.rows.length - MOST_ROWS;
  if (more <= 0) return { 'text/html': html(model), 'text/plain': plain(model) };
  const note = `… and ${formatNumber(more, 'integer')} more rows${model.moreBy === undefined ? '' : `: ${model.moreBy}`}`;
  const shown = { ...model, rows: model.rows.slice(0, MOST_ROWS) };
  return { 'text/html': html(shown, note), 'text/plain': `${plain(shown)}\n${note}` };
}

function html({ leftTitle, rightTitle, rows, caption }: SideBySide, moreNote?: string): string {
  const rule = 'border-top:1px solid color-mix(in srgb,currentColor 25%,transparent)';
  const head = (text: string) =>
    `<th style="text-align:left;padding:.25em .9em;font-weight:600">${escapeHtml(text)}</th>`;
  const code = (text: string, columns = 1) => {
    const span = columns === 1 ? '' : ` colspan="${columns}"`;
    const flow = columns === 1 ? 'pre' : 'pre-wrap';
    return `<td${span} style="text-align:left;vertical-align:top;padding:.25em .9em;${rule}"><pre style="margin:0;padding:0;background:transparent;color:inherit;font-family:ui-monospace,Menlo,Consolas,monospace;white-space:${flow}">${escapeHtml(text)}</pre></td>`;
  };
  const note = (text: string) =>
    `<td style="text-align:left;vertical-align:top;padding:.25em .9em;${rule};opacity:.8">${escapeHtml(text)}</td>`;
  const withNotes = rows.some((row) => row.note);
  return [
    '<table class="ringside-listing" style="border-collapse:collapse;color:inherit">',
    ...(caption === undefined
      ? []
      : [`<caption style="text-align:left;padding:.25em .9em">${escapeHtml(caption)}</caption>`]),
    `<thead><tr style="background:transparent">${head(leftTitle)}${head(rightTitle)}${withNotes ? head('') : ''}</tr></thead>`,
    '<tbody>',
    ...rows.map((row) => {
      // A row without a counterpart is about those that follow.
      const isHeading = row.right === '' && !row.note;
      const cells = isHeading
        ? code(row.left, withNotes ? 3 : 2)
        : `${code(row.left)}${code(row.right)}${withNotes ? note(row.note ?? '') : ''}`;
      return `<tr style="background:transparent">${cells}</tr>`;
    }),
    ...(moreNote === undefined
      ? []
      : [`<tr style="background:transparent">${code(moreNote, withNotes ? 3 : 2)}</tr>`]),
    '</tbody></table>',
  ].join('\n');
}

function plain({ leftTitle, rightTitle, rows, caption }: SideBySide): string {
  const lines = [[stripControls(leftTitle), stripControls(rightTitle)]];
  for (const { left, right, note } of rows) {
    const lefts = left.split('\n');
    const rights = right.split('\n');
    if (note) rights[0] = `${rights[0]}  ; ${note}`;
    for (let index = 0; index < Math.max(lefts.length, rights.length); index++)
      lines.push([stripControls(lefts[index] ?? ''), stripControls(rights[index] ?? '')]);
  }
  const width = Math.max(...lines.map(([left]) => left.length));
  const text = lines.map(([left, right]) => `${left.padEnd(width)} │ ${right}`.trimEnd());
  text.splice(
    1,
    0,
    `${'─'.repeat(width)}─┼${'─'.repeat(Math.max(...lines.map(([, right]) => right.length)) + 1)}`,
  );
  return (caption === undefined ? text : [stripControls(caption), '', ...text]).join('\n');
}
