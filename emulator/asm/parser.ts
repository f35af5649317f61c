import { TokenCursor, join } from './cursor.js';
import { parseData } from './data.js';
import { SourceError, type DiagnosticSink, type Span } from './diagnostics.js';
import { isDirective, parseDirective } from './directives.js';
import { noPrefixes } from './encoder.js';
import { parseExpression, type Qualify } from './expression.js';
import { limits } from './limits.js';
import { isMnemonic, mnemonicNames } from './mnemonics.js';
import { parseOperand } from './operands.js';
import { findRegister, type RegisterName } from './registers.js';
import type { Body, Operand, Prefixes, SizeBytes, Statement, ExpandedLine } from './statement.js';
import { didYouMean } from './suggest.js';

/** db and its relatives: bytes of one unit. */
const dataUnits: Readonly<Record<string, SizeBytes>> = { db: 1, dw: 2, dd: 4, dq: 8, dt: 10, do: 16 };
/** resb and its relatives. */
const reserveUnits: Readonly<Record<string, SizeBytes>> = {
  resb: 1,
  resw: 2,
  resd: 4,
  resq: 8,
  rest: 10,
  reso: 16,
};

const prefixWords: Readonly<Record<string, Partial<Prefixes>>> = {
  rep: { rep: 'rep' },
  repe: { rep: 'rep' },
  repz: { rep: 'rep' },
  repne: { rep: 'repne' },
  repnz: { rep: 'repne' },
  lock: { lock: true },
  o16: { operandBits: 16 },
  o32: { operandBits: 32 },
  a16: { addressBits: 16 },
  a32: { addressBits: 32 },
};

const pseudoInstructions = [
  'equ',
  'times',
  'align',
  'alignb',
  ...Object.keys(dataUnits),
  ...Object.keys(reserveUnits),
];

/** Whether a word at the start of a statement is something to assemble rather than a label. */
function isOperation(word: string): boolean {
  return (
    isMnemonic(word) ||
    isDirective(word) ||
    Object.hasOwn(dataUnits, word) ||
    Object.hasOwn(reserveUnits, word) ||
    Object.hasOwn(prefixWords, word) ||
    pseudoInstructions.includes(word) ||
    findRegister(word)?.class === 'segment'
  );
}

/** Words a misspelt operation may have meant. */
export function operationNames(): string[] {
  return [...mnemonicNames(), ...pseudoInstructions, 'bits', 'section', 'org', 'struc', 'global'];
}

/** Turns expanded lines into statements; keeps the label that local labels belong to. */
export class Parser {
  #scopeLabel = '';

  constructor(readonly sink: DiagnosticSink) {}

  /** The statement of one line, or undefined when it is empty or wrong (then the sink has it). */
  parse(line: ExpandedLine): Statement | undefined {
    if (line.tokens.length === 0) return undefined;
    return this.sink.guard(() => this.#line(line));
  }

  readonly #qualify: Qualify = (name, span) => {
    if (!name.startsWith('.') || name.startsWith('..')) return name;
    if (this.#scopeLabel === '' && name !== '.') return name;
    if (name === '.') throw new SourceError("expected a name after '.'", span);
    return this.#scopeLabel + name;
  };

  #line(line: ExpandedLine): Statement {
    const first = line.tokens[0];
    const last = line.tokens[line.tokens.length - 1];
    const span = join(first, last);
    const cursor = new TokenCursor(line.tokens, span);
    const label = this.#label(cursor);
    const body = cursor.done ? undefined : this.#body(cursor, label !== undefined);
    if (body !== undefined) cursor.expectEnd('after the statement');
    return { source: line, span, ...(label && { label }), ...(body && { body }) };
  }

  #label(cursor: TokenCursor): Statement['label'] {
    const token = cursor.peek();
    if (token === undefined || token.kind !== 'name') return undefined;
    const colon = cursor.at(':', 1);
    const word = token.text.toLowerCase();
    if (!colon && token.forced !== true && isOperation(word)) return undefined;
    if (token.forced !== true && colon && isOperation(word)) {
      throw new SourceError(
        `'${token.text}' is an instruction or directive; a label of that name is written $${token.text}`,
        token,
      );
    }
    if (token.forced !== true && findRegister(word) !== undefined) {
      throw new SourceError(
        `'${token.text}' is a register; a label of that name is written $${token.text}`,
        token,
      );
    }
    const alone = cursor.peek(1) === undefined;
    const following = cursor.peekWord(1);
    if (!colon && !alone && (following === undefined || !isOperation(following))) {
      throw new SourceError(
        `expected an instruction, directive or label, found '${token.text}'${didYouMean(word, operationNames())}`,
        token,
      );
    }
    if (!colon && alone) {
      this.sink.warning(
        token,
        `'${token.text}' alone on a line is a label without a colon${didYouMean(word, operationNames())}`,
      );
    }
    cursor.next();
    cursor.take(':');
    const name = this.#qualify(token.text, token);
    // `equ` names a constant, which does not begin a scope for local labels.
    if (!token.text.startsWith('.') && cursor.peekWord() !== 'equ') this.#scopeLabel = token.text;
    return { name, span: token };
  }

  #body(cursor: TokenCursor, labelled: boolean): Body {
    const token = cursor.peek();
    const span = cursor.span();
    const word = cursor.peekWord();
    if (cursor.at('[')) return this.#bracketed(cursor);
    if (word === undefined || token === undefined) {
      throw new SourceError(`expected an instruction or directive, found ${cursor.found()}`, span);
    }
    if (Object.hasOwn(dataUnits, word)) {
      cursor.next();
      return parseData(cursor, dataUnits[word], this.#qualify);
    }
    if (Object.hasOwn(reserveUnits, word)) {
      cursor.next();
      return {
        kind: 'reserve',
        unitBytes: reserveUnits[word],
        count: parseExpression(cursor, this.#qualify),
      };
    }
    switch (word) {
      case 'equ':
        if (!labelled) throw new SourceError("expected a name before 'equ'", span);
        cursor.next();
        return { kind: 'equ', value: parseExpression(cursor, this.#qualify) };
      case 'times': {
        cursor.next();
        const count = parseExpression(cursor, this.#qualify);
        cursor.take(',');
        if (cursor.done) throw new SourceError('expected what to repeat after the count', cursor.span());
        return { kind: 'times', count, body: this.#nested(cursor) };
      }
      case 'align':
      case 'alignb': {
        cursor.next();
        const boundary = parseExpression(cursor, this.#qualify);
        const fill = cursor.take(',') === undefined ? undefined : this.#nested(cursor);
        return { kind: 'align', boundary, reserve: word === 'alignb', ...(fill && { fill }) };
      }
    }
    if (isDirective(word)) return this.#directive(cursor);
    return this.#instruction(cursor);
  }

  #depth = 0;

  /** The operation inside `times` or `align`, which may be a `times` again. */
  #nested(cursor: TokenCursor): Body {
    if (++this.#depth > limits.expressionDepth) {
      this.#depth = 0;
      throw new SourceError(
        `more than ${limits.expressionDepth} operations inside one another`,
        cursor.span(),
      );
    }
    const body = this.#body(cursor, false);
    this.#depth--;
    return body;
  }

  #directive(cursor: TokenCursor): Body {
    const body = parseDirective(cursor, this.#qualify, () => this.#nested(cursor), this.sink);
    if (body.kind === 'struc') this.#scopeLabel = body.name;
    return body;
  }

  /** `[bits 32]`, the primitive form of a directive. */
  #bracketed(cursor: TokenCursor): Body {
    cursor.next();
    const word = cursor.peekWord();
    if (word === undefined || !isDirective(word)) {
      throw new SourceError(`expected a directive in the brackets, found ${cursor.found()}`, cursor.span());
    }
    const body = this.#directive(cursor);
    cursor.expect(']', 'to close the directive');
    return body;
  }

  #instruction(cursor: TokenCursor): Body {
    let prefixes = noPrefixes;
    for (;;) {
      const word = cursor.peekWord();
      if (word === undefined) break;
      const segment: RegisterName | undefined = findRegister(word);
      if (Object.hasOwn(prefixWords, word)) prefixes = { ...prefixes, ...prefixWords[word] };
      else if (segment?.class === 'segment') prefixes = { ...prefixes, segment };
      else break;
      cursor.next();
    }
    const token = cursor.peek();
    const mnemonic = cursor.peekWord();
    if (token === undefined) return this.#prefixesAlone(prefixes, cursor.span());
    if (mnemonic === undefined || !isMnemonic(mnemonic)) {
      const hint = token.kind === 'name' ? didYouMean(token.text, operationNames()) : '';
      throw new SourceError(`expected an instruction, found ${cursor.found()}${hint}`, token);
    }
    cursor.next();
    const operands: Operand[] = [];
    while (!cursor.done) {
      operands.push(parseOperand(cursor, this.#qualify));
      if (cursor.done) break;
      if (cursor.at(']') || cursor.take(',') === undefined) {
        throw new SourceError(
          `expected ',' or the end of the line after an operand, found ${cursor.found()}`,
          cursor.span(),
        );
      }
      if (cursor.done) throw new SourceError("expected an operand after ','", cursor.span());
    }
    return { kind: 'instruction', mnemonic, prefixes, operands, mnemonicSpan: token };
  }

  /** A line of prefixes only, such as `rep` before the string instruction on the next line. */
  #prefixesAlone(prefixes: Prefixes, mnemonicSpan: Span): Body {
    return { kind: 'instruction', mnemonic: '', prefixes, operands: [], mnemonicSpan };
  }
}
