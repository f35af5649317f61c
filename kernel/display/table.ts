import { escapeHtml, stripControls } from './bundle.js';
import type { MimeBundle } from './bundle.js';
import { formatNumber } from './numbers.js';
import type { NumberFormat } from './numbers.js';

export type Cell = string | number | bigint | boolean | null | undefined;

export interface Column {
  /** Property of a row that the column shows. */
  key: string;
  label: string;
  /** Right when every value of the column is a number, otherwise left, unless told. */
  align?: 'left' | 'right';
  /** How numbers are shown; `decimal` unless told. */
  format?: NumberFormat;
  /** Shown in a fixed-width face with every blank kept: addresses, bytes, instructions. */
  code?: boolean;
}

export interface Table {
  columns: readonly Column[];
  /** One record a line; a missing or null value shows as nothing. */
  rows: readonly Readonly<Record<string, Cell>>[];
  caption?: string;
}

interface Grid {
  labels: string[];
  alignments: ('left' | 'right')[];
  codes: boolean[];
  lines: string[][];
}

/** A table as HTML that takes the page's colours, and as aligned text. */
export function table(model: Table): MimeBundle {
  const grid = layOut(model);
  return { 'text/html': htmlTable(grid, model.caption), 'text/plain': plainTable(grid, model.caption) };
}

function layOut({ columns, rows }: Table): Grid {
  return {
    labels: columns.map((column) => column.label),
    alignments: columns.map(
      ({ key, align }) =>
        align ?? (rows.every((row) => isEmpty(row[key]) || isNumber(row[key])) ? 'right' : 'left'),
    ),
    codes: columns.map(({ code }) => code ?? false),
    lines: rows.map((row) => columns.map(({ key, format }) => cellText(row[key], format))),
  };
}

function isEmpty(value: Cell): value is null | undefined {
  return value === null || value === undefined;
}

function isNumber(value: Cell): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function cellText(value: Cell, format: NumberFormat = 'decimal'): string {
  if (isEmpty(value)) return '';
  return typeof value === 'number' ? formatNumber(value, format) : String(value);
}

/** A shorter text stays on one line: names such as binary-translation read badly when they break. */
const WRAPPED_CHARACTERS = 40;
const FIXED_WIDTH = 'white-space:pre;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em';

function htmlTable({ labels, alignments, codes, lines }: Grid, caption?: string): string {
  // Inline styles only: GitHub and nbviewer drop style elements.
  const rule = 'border-bottom:1px solid color-mix(in srgb,currentColor 30%,transparent)';
  const cell = (name: 'th' | 'td', text: string, column: number) => {
    const flow = text.length < WRAPPED_CHARACTERS ? 'white-space:nowrap' : 'white-space:normal';
    const face = codes[column] && name === 'td' ? FIXED_WIDTH : flow;
    const style = `text-align:${alignments[column]};padding:.25em .75em;${rule};${face}`;
    return `<${name} style="${style}">${escapeHtml(text)}</${name}>`;
  };
  const row = (name: 'th' | 'td', texts: readonly string[]) =>
    `<tr style="background:transparent">${texts.map((text, column) => cell(name, text, column)).join('')}</tr>`;
  return [
    '<table class="ringside-table" style="border-collapse:collapse;font-variant-numeric:tabular-nums;color:inherit">',
    ...(caption === undefined
      ? []
      : [`<caption style="text-align:left;padding:.25em .75em">${escapeHtml(caption)}</caption>`]),
    `<thead>${row('th', labels)}</thead>`,
    `<tbody>${lines.map((line) => row('td', line)).join('\n')}</tbody>`,
    '</table>',
  ].join('\n');
}

/** Columns padded to the widest value, two blanks between. */
function plainTable({ labels, alignments, codes, lines }: Grid, caption?: string): string {
  const oneLine = (text: string) => stripControls(text).replace(/\s+/g, ' ');
  const shown = (text: string, column: number) =>
    codes[column] ? stripControls(text).replace(/[\t\r\n]/g, ' ') : oneLine(text);
  const all = [labels.map(oneLine), ...lines.map((line) => line.map(shown))];
  const widths = labels.map((_, column) => Math.max(...all.map((line) => line[column].length)));
  const text = all.map((line) =>
    line
      .map((cell, column) =>
        alignments[column] === 'right' ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
      )
      .join('  ')
      .trimEnd(),
  );
  text.splice(1, 0, widths.map((width) => '─'.repeat(width)).join('  '));
  return (caption === undefined ? text : [oneLine(caption), '', ...text]).join('\n');
}
