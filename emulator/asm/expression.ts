import { join, type TokenCursor } from './cursor.js';
import { SourceError, type Span } from './diagnostics.js';
import { limits } from './limits.js';
import { findRegister, type RegisterName } from './registers.js';
import { characterConstant } from './strings.js';

export type BinaryOperator =
  | '||'
  | '^^'
  | '&&'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '<=>'
  | '|'
  | '^'
  | '&'
  | '<<'
  | '>>'
  | '<<<'
  | '>>>'
  | '+'
  | '-'
  | '*'
  | '/'
  | '//'
  | '%'
  | '%%';

export type UnaryOperator = '+' | '-' | '~' | '!';

/** An expression as written. Its value is found anew in each layout pass, because labels move. */
export type Expression = (
  | { readonly kind: 'constant'; readonly value: bigint; readonly string?: string }
  | { readonly kind: 'float'; readonly text: string }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'register'; readonly register: RegisterName }
  | { readonly kind: 'here' }
  | { readonly kind: 'section-start' }
  | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
    }
) & { readonly span: Span };

/** Operators by rising precedence (NASM manual 2.16, "Expressions"). */
const levels: readonly Readonly<Record<string, BinaryOperator>>[] = [
  { '||': '||' },
  { '^^': '^^' },
  { '&&': '&&' },
  { '=': '=', '==': '=', '!=': '!=', '<>': '!=', '<': '<', '<=': '<=', '>': '>', '>=': '>=', '<=>': '<=>' },
  { '|': '|' },
  { '^': '^' },
  { '&': '&' },
  { '<<': '<<', '>>': '>>', '<<<': '<<<', '>>>': '>>>' },
  { '+': '+', '-': '-' },
  { '*': '*', '/': '/', '//': '//', '%': '%', '%%': '%%' },
];

/** Turns a name as written into a full symbol name: `.x` belongs to the last label that has no dot. */
export type Qualify = (name: string, span: Span) => string;

/** Parses the longest expression at the cursor. */
export function parseExpression(cursor: TokenCursor, qualify: Qualify): Expression {
  return new ExpressionParser(cursor, qualify).conditional();
}

class ExpressionParser {
  #depth = 0;

  constructor(
    readonly cursor: TokenCursor,
    readonly qualify: Qualify,
  ) {}

  #nested<T>(parse: () => T): T {
    if (++this.#depth > limits.expressionDepth) {
      throw new SourceError(`expression nested deeper than ${limits.expressionDepth}`, this.cursor.span());
    }
    const result = parse();
    this.#depth--;
    return result;
  }

  conditional(): Expression {
    return this.#nested(() => {
      const test = this.#binary(0);
      if (this.cursor.take('?') === undefined) return test;
      const then = this.conditional();
      this.cursor.expect(':', "between the two values of '?'");
      const otherwise = this.conditional();
      return { kind: 'conditional', test, then, otherwise, span: join(test.span, otherwise.span) };
    });
  }

  #binary(level: number): Expression {
    if (level === levels.length) return this.#unary();
    let left = this.#binary(level + 1);
    // A chain of one level is a left-leaning tree, which evaluation walks recursively: bound its length too.
    for (let chain = 0; ; chain++) {
      const token = this.cursor.peek();
      if (token === undefined || (token.kind !== 'punctuation' && token.text !== '%%')) return left;
      const operator = Object.hasOwn(levels[level], token.text) ? levels[level][token.text] : undefined;
      if (operator === undefined) return left;
      if (chain >= limits.expressionDepth * 10) {
        throw new SourceError(`expression with more than ${limits.expressionDepth * 10} terms`, token);
      }
      this.cursor.next();
      const right = this.#binary(level + 1);
      left = { kind: 'binary', operator, left, right, span: join(left.span, right.span) };
    }
  }

  #unary(): Expression {
    const token = this.cursor.peek();
    if (token?.kind === 'punctuation') {
      const operator = token.text;
      if (operator === '+' || operator === '-' || operator === '~' || operator === '!') {
        this.cursor.next();
        const operand = this.#nested(() => this.#unary());
        return { kind: 'unary', operator, operand, span: join(token, operand.span) };
      }
    }
    return this.#primary();
  }

  #primary(): Expression {
    const { cursor } = this;
    const token = cursor.peek();
    const span = cursor.span();
    if (cursor.take('(') !== undefined) {
      const inner = this.conditional();
      const close = cursor.expect(')', 'to close the parenthesis');
      return { ...inner, span: join(span, close) };
    }
    switch (token?.kind) {
      case 'number':
        cursor.next();
        return { kind: 'constant', value: BigInt.asIntN(64, token.value ?? 0n), span };
      case 'string':
        cursor.next();
        return {
          kind: 'constant',
          value: BigInt.asIntN(64, characterConstant(token.text)),
          string: token.text,
          span,
        };
      case 'float':
        cursor.next();
        return { kind: 'float', text: token.text, span };
      case 'here':
        cursor.next();
        return { kind: token.text === '$' ? 'here' : 'section-start', span };
      case 'name': {
        cursor.next();
        const register = token.forced === true ? undefined : findRegister(token.text);
        if (register !== undefined) return { kind: 'register', register, span };
        return { kind: 'symbol', name: this.qualify(token.text, span), span };
      }
      default:
        throw new SourceError(`expected an expression, found ${cursor.found()}`, span);
    }
  }
}
