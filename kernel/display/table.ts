import { escapeHtml, stripControls } from './bundle.js';
import type { MimeBundle } from './bundle.js';
import { formatNumber } from './numbers.js';
import type { NumberFormat } from './numbers.js';

/** What is said of a value besides the value: by a symbol and weight, so that it can be seen without colours. */
export type Mark = 'changed' | 'stale';

export interface MarkedCell {
  readonly value: string | number | bigint;
  readonly mark: Mark;
}

export type Cell = string | number | bigint | boolean | null | undefined | MarkedCell;

export const MARKS: Readonly<Record<Mark, { symbol: string; colour: string }>> = {
  changed: { symbol: '●', colour: '#0077bb' },
  stale: { symbol: '▲', colour: '#d55e00' },
};

export interface Column {
  /** Property of a row that the column shows. */
  key: string;
  label: string;
  /** Right when every value of the column is a number, otherwise left, unless told. */
  align?: 'left' | 'right';
  /** How numbers are shown; `decimal` unless told. */
  format?: NumberFormat;
  /** Shown in a fixed-width face with every blank and line kept: addresses, bytes, instructions. */
  code?: boolean;
}

export interface Table {
  columns: readonly Column[];
  /** One record a line; a missing or null value shows as nothing. */
  rows: readonly Readonly<Record<string, Cell>>[];
  caption?: string;
}

/** Longer tables end there and say so: a page of a hundred thousand rows stops a browser. */
const MOST_ROWS = 500;

interface Grid {
  labels: string[];
  alignments: ('left' | 'right')[];
  codes: boolean[];
  lines: GridCell[][];
  /** What stands below the last row: that there is none, or how many were left out. */
  note?: string;
}

interface GridCell {
  text: string;
  mark?: Mark;
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
        align ?? (rows.every((row) => isEmpty(row[key]) || isNumber(valueOf(row[key]))) ? 'right' : 'left'),
    ),
    // Hexadecimal digits are of one width in no other face.
    codes: columns.map(({ code, format }) => code ?? format === 'hex'),
    lines: rows
      .slice(0, MOST_ROWS)
      .map((row) => columns.map(({ key, format }) => gridCell(row[key], format))),
    ...noteOf(columns.length, rows.length),
  };
}

function noteOf(columns: number, rows: number): { note?: string } {
  if (rows === 0) return columns === 0 ? {} : { note: '(none)' };
  const more = rows - MOST_ROWS;
  return more > 0 ? { note: `… and ${formatNumber(more, 'integer')} more rows` } : {};
}

function isMarked(cell: Cell): cell is MarkedCell {
  return typeof cell === 'object' && cell !== null;
}

function valueOf(cell: Cell): Exclude<Cell, MarkedCell> {
  return isMarked(cell) ? cell.value : cell;
}

function gridCell(cell: Cell, format?: NumberFormat): GridCell {
  const text = cellText(valueOf(cell), format);
  return isMarked(cell) ? { text, mark: cell.mark } : { text };
}

function isEmpty(value: Cell): value is null | undefined {
  return value === null || value === undefined;
}

function isNumber(value: Exclude<Cell, MarkedCell>): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function cellText(value: Exclude<Cell, MarkedCell>, format: NumberFormat = 'decimal'): string {
  if (isEmpty(value)) return '';
  return typeof value === 'number' ? formatNumber(value, format) : String(value);
}

const EMPTY = '(an empty table)';
/** A shorter text stays on one line: names such as binary-translation read badly when they break. */
const WRAPPED_CHARACTERS = 40;
/** Wide enough for some words a line, however narrow the page is. */
const WRAPPED = 'white-space:normal;overflow-wrap:anywhere;min-width:18em';
const FIXED_WIDTH = 'white-space:pre;font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.9em';

function htmlTable({ labels, alignments, codes, lines, note }: Grid, caption?: string): string {
  // A table as narrow as nothing would break its caption after each word.
  if (labels.length === 0) return `<div>${escapeHtml(caption ?? EMPTY)}</div>`;
  // Inline styles only: GitHub and nbviewer drop style elements.
  const rule = 'border-bottom:1px solid color-mix(in srgb,currentColor 30%,transparent)';
  const cell = (name: 'th' | 'td', { text, mark }: GridCell, column: number) => {
    const flow = text.length < WRAPPED_CHARACTERS ? 'white-space:nowrap' : WRAPPED;
    const face = codes[column] && name === 'td' ? FIXED_WIDTH : flow;
    // Cells of several lines are read beside each other from their first lines.
    const top = text.includes('\n') ? ';vertical-align:top' : '';
    const marked = mark === undefined ? '' : `;${markStyle(mark)}`;
    const style = `text-align:${alignments[column]};padding:.25em .75em;${rule};${face}${top}${marked}`;
    return `<${name} style="${style}">${escapeHtml(withSymbol(text, mark, alignments[column]))}</${name}>`;
  };
  const row = (name: 'th' | 'td', cells: readonly GridCell[]) =>
    `<tr style="background:transparent">${cells.map((text, column) => cell(name, text, column)).join('')}</tr>`;
  return [
    '<table class="ringside-table" style="border-collapse:collapse;font-variant-numeric:tabular-nums;color:inherit">',
    ...(caption === undefined
      ? []
      : [`<caption style="text-align:left;padding:.25em .75em">${escapeHtml(caption)}</caption>`]),
    `<thead>${row(
      'th',
      labels.map((text) => ({ text })),
    )}</thead>`,
    `<tbody>${[...lines.map((line) => row('td', line)), ...noteRow(labels.length, note)].join('\n')}</tbody>`,
    '</table>',
  ].join('\n');
}

function noteRow(columns: number, note?: string): string[] {
  if (note === undefined) return [];
  return [
    `<tr style="background:transparent"><td colspan="${columns}" style="text-align:left;padding:.25em .75em">${escapeHtml(note)}</td></tr>`,
  ];
}

function markStyle(mark: Mark): string {
  const { colour } = MARKS[mark];
  const tint = `background:color-mix(in srgb,${colour} 14%,transparent)`;
  return `font-weight:600;box-shadow:inset 3px 0 ${colour};${tint}`;
}

/** On the side where values are not aligned, so that digits stay below digits. */
function withSymbol(text: string, mark: Mark | undefined, alignment: 'left' | 'right'): string {
  if (mark === undefined) return text;
  const { symbol } = MARKS[mark];
  if (alignment === 'right') return `${symbol} ${text}`;
  const [first, ...rest] = text.split('\n');
  return [`${first} ${symbol}`, ...rest].join('\n');
}

/** Columns padded to the widest value, two blanks between. */
function plainTable({ labels, alignments, codes, lines, note }: Grid, caption?: string): string {
  const oneLine = (text: string) => stripControls(text).replace(/\s+/g, ' ');
  if (labels.length === 0) return oneLine(caption ?? EMPTY);
  const shown = ({ text, mark }: GridCell, column: number): string[] => {
    const marked = withSymbol(text, mark, alignments[column]);
    return codes[column]
      ? stripControls(marked)
          .replace(/[\t\r]/g, ' ')
          .split('\n')
      : [oneLine(marked)];
  };
  const all = [labels.map(oneLine), ...lines.flatMap((line) => inLines(line.map(shown)))];
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
  if (note !== undefined) text.push(note);
  return (caption === undefined ? text : [oneLine(caption), '', ...text]).join('\n');
}

/** Cells of several lines each, as lines of one cell each. */
function inLines(cells: readonly (readonly string[])[]): string[][] {
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, at) => cells.map((lines) => lines[at] ?? ''));
}
