import { SourceError, type Span } from './diagnostics.js';
import { limits } from './limits.js';
import { isFloatLiteral, parseInteger } from './numbers.js';
import { decodeString } from './strings.js';

/**
 * - `name`: an identifier; `forced` ones were written with a `$` and are never a register or mnemonic.
 * - `number`, `float`, `string`: constants.
 * - `here`: `$` or `$$`.
 * - `percent`: a preprocessor word: `%define`, `%1`, `%%local`, `%$context`, `%{...}`, `%+`, `%?`.
 * - `punctuation`: an operator or separator.
 */
export type TokenKind = 'name' | 'number' | 'float' | 'string' | 'here' | 'percent' | 'punctuation';

/** One word of a line with where it stands. */
export interface Token extends Span {
  readonly kind: TokenKind;
  /** As written; for `string` the contents with escapes resolved, one character a byte. */
  readonly text: string;
  /** Whether white space stands before it: `%assign x (1)` and `%define f(x)` differ by that. */
  readonly spaced: boolean;
  /** The value of a `number`. */
  readonly value?: bigint;
  /** A `name` written with a leading `$`. */
  readonly forced?: boolean;
  /** How a `string` was quoted; a bare text rebuilt from tokens needs it. */
  readonly quote?: string;
}

/** One logical line: physical lines joined by `\` at their end, its comment dropped. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  readonly tokens: readonly Token[];
  /** Why the line could not be split into tokens; reported only if the line is not skipped by an %if. */
  readonly error?: SourceError;
}

const nameStart = /[A-Za-z_.?@]/;
const namePart = /[A-Za-z0-9_.?@~#$]/;
const digit = /[0-9]/;
const operators = [
  ['<<<', '>>>', '<=>'],
  ['<<', '>>', '<=', '>=', '==', '!=', '<>', '&&', '||', '^^', '//', '%%'],
] as const;
const single = '+-*/%&|^~!()[]{},:<>=?\\#';

/** A physical line's contribution to a logical line: where its first character lies in the joined text. */
interface Piece {
  readonly start: number;
  readonly line: number;
}

/** Splits a source into logical lines of tokens. */
export function readLines(source: string, file: string): SourceLine[] {
  const lines: SourceLine[] = [];
  const physical = source.split(/\r\n|\n/);
  for (let index = 0; index < physical.length; index++) {
    const line = index + 1;
    const pieces: Piece[] = [{ start: 0, line }];
    let text = physical[index];
    while (text.endsWith('\\') && index + 1 < physical.length && text.length <= limits.lineCharacters) {
      text = text.slice(0, -1);
      index++;
      pieces.push({ start: text.length, line: index + 1 });
      text += physical[index];
    }
    const whole = { file, line, text: physical[line - 1] };
    try {
      if (text.length > limits.lineCharacters) {
        const start = { file, line, column: 1, endColumn: 2 };
        throw new SourceError(`line longer than ${limits.lineCharacters} characters`, start);
      }
      lines.push({ ...whole, tokens: tokenize(text, file, pieces) });
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      lines.push({ ...whole, tokens: [], error });
    }
  }
  return lines;
}

/** The tokens of one line of text, which stands at `line` of `file` (or is spread over `pieces`). */
export function tokenize(text: string, file: string, pieces: readonly Piece[]): Token[] {
  return new Tokenizer(text, file, pieces).run();
}

class Tokenizer {
  #position = 0;
  readonly #tokens: Token[] = [];

  constructor(
    readonly text: string,
    readonly file: string,
    readonly pieces: readonly Piece[],
  ) {}

  run(): Token[] {
    let spaced = false;
    while (this.#position < this.text.length) {
      const character = this.text[this.#position];
      if (character === ';') break;
      if (/\s/.test(character)) {
        spaced = true;
        this.#position++;
        continue;
      }
      this.#tokens.push(this.#next(character, spaced));
      spaced = false;
    }
    return this.#tokens;
  }

  #span(start: number, end: number): Span {
    let piece = this.pieces[0];
    for (const candidate of this.pieces) if (candidate.start <= start) piece = candidate;
    return {
      file: this.file,
      line: piece.line,
      column: start - piece.start + 1,
      endColumn: end - piece.start + 1,
    };
  }

  #fail(start: number, end: number, message: string): never {
    throw new SourceError(message, this.#span(start, end));
  }

  #token(kind: TokenKind, start: number, spaced: boolean, more: Partial<Token> = {}): Token {
    const text = this.text.slice(start, this.#position);
    return { kind, text, spaced, ...this.#span(start, this.#position), ...more };
  }

  /** Advances past characters that match `pattern`. */
  #skip(pattern: RegExp): void {
    while (this.#position < this.text.length && pattern.test(this.text[this.#position])) this.#position++;
  }

  #next(character: string, spaced: boolean): Token {
    const start = this.#position;
    const following = this.text[start + 1] ?? '';
    if (character === "'" || character === '"' || character === '`') return this.#string(character, spaced);
    if (digit.test(character)) return this.#number(spaced);
    if (character === '$') return this.#dollar(following, spaced);
    if (character === '%' && /[A-Za-z_0-9%$?+!{[*\-.@]/.test(following)) {
      const word = this.#percent(spaced);
      if (word !== undefined) return word;
    }
    if (nameStart.test(character) && !(character === '?' && !namePart.test(following))) {
      this.#skip(namePart);
      return this.#token('name', start, spaced);
    }
    for (const [index, list] of operators.entries()) {
      const length = 3 - index;
      const word = this.text.slice(start, start + length);
      if ((list as readonly string[]).includes(word)) {
        this.#position += length;
        return this.#token('punctuation', start, spaced);
      }
    }
    this.#position++;
    if (single.includes(character)) return this.#token('punctuation', start, spaced);
    return this.#fail(start, start + 1, `unexpected character ${JSON.stringify(character)}`);
  }

  #string(quote: string, spaced: boolean): Token {
    const start = this.#position;
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== quote) {
      end += quote === '`' && this.text[end] === '\\' ? 2 : 1;
    }
    if (end >= this.text.length) {
      this.#fail(start, this.text.length, `unterminated string: expected a closing ${quote}`);
    }
    this.#position = end + 1;
    return this.#token('string', start, spaced, {
      text: decodeString(this.text.slice(start + 1, end), quote === '`'),
      quote,
    });
  }

  #number(spaced: boolean): Token {
    const start = this.#position;
    const hexadecimal = /^0[xXhH]/.test(this.text.slice(start, start + 2));
    while (this.#position < this.text.length) {
      const character = this.text[this.#position];
      const sign = character === '+' || character === '-';
      const exponent =
        sign && !hexadecimal && /^[0-9_]*\.?[0-9_]*[eE]$/.test(this.text.slice(start, this.#position));
      if (!/[A-Za-z0-9_.]/.test(character) && !exponent) break;
      this.#position++;
    }
    const text = this.text.slice(start, this.#position);
    if (isFloatLiteral(text)) return this.#token('float', start, spaced);
    const value = parseInteger(text);
    if (value === undefined) {
      this.#fail(
        start,
        this.#position,
        `'${text}' is not a number (forms: 10, 0x0a, 0ah, 0b1010, 1010b, 0o12, 12o)`,
      );
    }
    return this.#token('number', start, spaced, { value });
  }

  #dollar(following: string, spaced: boolean): Token {
    const start = this.#position;
    this.#position++;
    if (digit.test(following)) {
      this.#skip(/[A-Za-z0-9_]/);
      const text = this.text.slice(start, this.#position);
      const value = parseInteger(text);
      if (value === undefined) this.#fail(start, this.#position, `'${text}' is not a hexadecimal number`);
      return this.#token('number', start, spaced, { value });
    }
    if (following === '$') {
      this.#position++;
      return this.#token('here', start, spaced);
    }
    if (!nameStart.test(following)) return this.#token('here', start, spaced);
    this.#skip(namePart);
    const text = this.text.slice(start + 1, this.#position);
    return this.#token('name', start, spaced, { text, forced: true });
  }

  /** A preprocessor word, or undefined when this `%` is the modulo operator. */
  #percent(spaced: boolean): Token | undefined {
    const start = this.#position;
    const rest = this.text.slice(start);
    const bracket = rest[1] === '{' ? '}' : rest[1] === '[' ? ']' : undefined;
    if (bracket !== undefined) {
      let depth = 0;
      for (let end = 1; end < rest.length; end++) {
        if (rest[end] === rest[1]) depth++;
        if (rest[end] === bracket && --depth === 0) {
          this.#position += end + 1;
          return this.#token('percent', start, spaced);
        }
      }
      this.#fail(start, this.text.length, `expected a closing ${bracket}`);
    }
    const word =
      /^%(?:%[A-Za-z_.?@][\w.?@~#$]*|\$+[A-Za-z_.?@][\w.?@~#$]*|[+-]?\d+|\*?\?\??|\+(?![\w(])|![A-Za-z_]\w*|[A-Za-z_]\w*|0)/.exec(
        rest,
      );
    if (word === null) return undefined;
    this.#position += word[0].length;
    return this.#token('percent', start, spaced);
  }
}
