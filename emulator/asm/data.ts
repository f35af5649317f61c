import type { TokenCursor } from './cursor.js';
import { join } from './cursor.js';
import { SourceError } from './diagnostics.js';
import { parseExpression, type Qualify } from './expression.js';
import { limits } from './limits.js';
import { sizeKeywords } from './operands.js';
import type { Body, DataItem, SizeBytes } from './statement.js';

/** Parses the items of db, dw, dd, dq, dt or do. */
export function parseData(cursor: TokenCursor, unitBytes: SizeBytes, qualify: Qualify): Body {
  if (cursor.done) throw new SourceError('expected data, found the end of the line', cursor.span());
  return { kind: 'data', unitBytes, items: parseItems(cursor, qualify, 0) };
}

function parseItems(cursor: TokenCursor, qualify: Qualify, depth: number): DataItem[] {
  const items: DataItem[] = [];
  for (;;) {
    // A comma after the last item is allowed (NASM manual 2.16, "DB and Friends").
    if (cursor.done || cursor.at(')')) return items;
    items.push(parseItem(cursor, qualify, depth));
    if (cursor.take(',') === undefined) return items;
  }
}

function parseItem(cursor: TokenCursor, qualify: Qualify, depth: number): DataItem {
  const start = cursor.span();
  if (cursor.take('?') !== undefined) return { kind: 'uninitialized', span: start };
  const value = parseExpression(cursor, qualify);
  if (cursor.takeWord('dup') === undefined) return { kind: 'value', value, span: value.span };
  if (depth >= limits.expressionDepth) throw new SourceError(`'dup' nested deeper than ${depth}`, start);
  const size = cursor.peekWord();
  if (size !== undefined && Object.hasOwn(sizeKeywords, size)) {
    throw new SourceError(
      "a size inside 'dup' is not supported: use a separate line of that size",
      cursor.span(),
    );
  }
  cursor.take('%');
  cursor.expect('(', "after 'dup'");
  const items = parseItems(cursor, qualify, depth + 1);
  const close = cursor.expect(')', "to close 'dup'");
  return { kind: 'repeated', count: value, items, span: join(start, close) };
}
