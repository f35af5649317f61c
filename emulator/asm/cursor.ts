import { SourceError, type Span } from './diagnostics.js';
import type { Token } from './lexer.js';

/** Reads the tokens of one line from left to right. */
export class TokenCursor {
  #index = 0;

  constructor(
    readonly tokens: readonly Token[],
    /** Where errors past the last token point when the line has no token at all. */
    readonly fallback: Span,
  ) {}

  get done(): boolean {
    return this.#index >= this.tokens.length;
  }

  /** A mark for {@link rewind}. */
  get mark(): number {
    return this.#index;
  }

  rewind(mark: number): void {
    this.#index = mark;
  }

  peek(ahead = 0): Token | undefined {
    return this.tokens[this.#index + ahead];
  }

  next(): Token | undefined {
    return this.tokens[this.#index++];
  }

  /** Takes the next token if it is this punctuation. */
  take(text: string): Token | undefined {
    return this.at(text) ? this.next() : undefined;
  }

  at(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token !== undefined && token.kind === 'punctuation' && token.text === text;
  }

  /** The next token if it is an unforced name equal to `word` in any case; it is taken. */
  takeWord(word: string): Token | undefined {
    return this.peekWord() === word ? this.next() : undefined;
  }

  /** The next token in lower case if it is an unforced name. */
  peekWord(ahead = 0): string | undefined {
    const token = this.peek(ahead);
    return token?.kind === 'name' && token.forced !== true ? token.text.toLowerCase() : undefined;
  }

  /** Where the next token stands, or just after the last one. */
  span(): Span {
    const token = this.peek();
    if (token !== undefined) return token;
    const last = this.tokens[this.tokens.length - 1];
    return last === undefined
      ? this.fallback
      : { ...last, column: last.endColumn, endColumn: last.endColumn + 1 };
  }

  /** What stands here, for "expected x, found y". */
  found(): string {
    const token = this.peek();
    if (token === undefined) return 'the end of the line';
    return token.kind === 'string' ? 'a string' : `'${token.text}'`;
  }

  expect(text: string, after: string): Token {
    const token = this.take(text);
    if (token !== undefined) return token;
    throw new SourceError(`expected '${text}' ${after}, found ${this.found()}`, this.span());
  }

  expectEnd(after: string): void {
    if (!this.done)
      throw new SourceError(`expected the end of the line ${after}, found ${this.found()}`, this.span());
  }
}

/** The stretch from one span to another of the same line; the first alone if they are on different lines. */
export function join(first: Span, last: Span): Span {
  const sameLine = first.file === last.file && first.line === last.line && last.endColumn > first.column;
  return {
    file: first.file,
    line: first.line,
    column: first.column,
    endColumn: sameLine ? last.endColumn : first.endColumn,
  };
}
