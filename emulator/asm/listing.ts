import type { Token } from './lexer.js';
import type { ExpandedLine } from './statement.js';

/** One statement of the source with where it went. */
export interface ListingLine {
  readonly file: string;
  readonly line: number;
  /** The address of its first byte. */
  readonly address: number;
  readonly bytes: Uint8Array;
  /** The source line; for a line a macro wrote, the text after expansion. */
  readonly text: string;
}

export function listingText(line: ExpandedLine): string {
  return line.expanded ? tokensText(line.tokens) : line.source.text;
}

/** Tokens as text again. */
export function tokensText(tokens: readonly Token[]): string {
  return tokens.map((token, index) => (index > 0 && token.spaced ? ' ' : '') + tokenText(token)).join('');
}

export function tokenText(token: Token): string {
  if (token.kind === 'string') return `${token.quote ?? "'"}${token.text}${token.quote ?? "'"}`;
  return token.forced === true ? `$${token.text}` : token.text;
}

/** Bytes shown on one row of a listing. */
const rowBytes = 8;
/** Rows shown for one statement before the rest is summed up. */
const rowsShown = 4;

/** A listing as text: line, address, bytes, source; `times` and long strings are cut after a few rows. */
export function formatListing(listing: readonly ListingLine[]): string {
  const rows: string[] = [];
  for (const { line, address, bytes, text } of listing) {
    const number = String(line).padStart(5);
    for (let offset = 0, row = 0; offset === 0 || offset < bytes.length; offset += rowBytes, row++) {
      if (row === rowsShown) {
        rows.push(`${' '.repeat(16)}... ${bytes.length - offset} more bytes`);
        break;
      }
      const hex = Array.from(bytes.subarray(offset, offset + rowBytes), (byte) =>
        byte.toString(16).padStart(2, '0'),
      );
      const place = (address + offset).toString(16).padStart(8, '0');
      const source = row === 0 ? `  ${text}` : '';
      rows.push(
        `${row === 0 ? number : '     '}  ${place}  ${hex.join(' ').padEnd(rowBytes * 3 - 1)}${source}`.trimEnd(),
      );
    }
  }
  return rows.join('\n');
}
