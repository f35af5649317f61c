import { SourceError, type Span } from './diagnostics.js';
import type { BinaryOperator, Expression, UnaryOperator } from './expression.js';
import type { RegisterName } from './registers.js';

/** What an address is counted from: the start of a section, wherever that ends up. */
export interface Base {
  readonly name: string;
  /** The address of its start in the placement of this pass. */
  readonly vstart: number;
}

/** One term of a linear sum. */
export interface Term<T> {
  readonly of: T;
  readonly coefficient: bigint;
}

/**
 * The value of an expression: a number (kept in 64 bits, signed), plus registers inside brackets, plus section
 * starts for labels. `number` of a label is its offset in its section. NASM's rules ask whether a value is a
 * plain number (then it may take a short form) or an address (then it may not), so bases stay apart from it.
 */
export interface Value {
  readonly number: bigint;
  readonly bases: readonly Term<Base>[];
  readonly registers: readonly Term<RegisterName>[];
  /** False while a symbol in it has no value yet, in the first pass. */
  readonly known: boolean;
}

/** What an expression can ask of the place it stands at. */
export interface Scope {
  /** The value of a symbol; an unknown value while none is known yet. Throws when it will never be. */
  symbol(name: string, span: Span): Value;
  here(): Value;
  sectionStart(): Value;
}

/**
 * Which register of an address the writer meant as base (NASM keeps it): the first one named, unless it is
 * multiplied, which names it the index.
 */
export interface AddressHint {
  register?: RegisterName;
  role?: 'base' | 'index';
  /** A register was added to itself (`eax+eax`). */
  summed?: boolean;
}

export function scalar(number: bigint): Value {
  return { number: BigInt.asIntN(64, number), bases: [], registers: [], known: true };
}

/** The number an address comes to where its sections now lie. */
export function resolve(value: Value): bigint {
  return value.bases.reduce(
    (sum, { of, coefficient }) => sum + coefficient * BigInt(of.vstart),
    value.number,
  );
}

/** A value with its final number; its bases still say that it is an address. */
export function placed(value: Value): Value {
  return value.bases.length === 0 ? value : { ...value, number: resolve(value) };
}

export const unknownValue: Value = { number: 0n, bases: [], registers: [], known: false };

/** Whether a value is a plain number, not an address. */
export function isScalar(value: Value): boolean {
  return value.bases.length === 0 && value.registers.length === 0;
}

/** The single section an address is counted from; null for a number; undefined for anything else. */
export function baseOf(value: Value): Base | null | undefined {
  if (value.bases.length === 0) return null;
  return value.bases.length === 1 && value.bases[0].coefficient === 1n ? value.bases[0].of : undefined;
}

function addTerms<T>(left: readonly Term<T>[], right: readonly Term<T>[], sign: bigint): Term<T>[] {
  const sum = new Map<T, bigint>(left.map((term) => [term.of, term.coefficient]));
  for (const { of, coefficient } of right) sum.set(of, (sum.get(of) ?? 0n) + sign * coefficient);
  return [...sum]
    .filter(([, coefficient]) => coefficient !== 0n)
    .map(([of, coefficient]) => ({ of, coefficient }));
}

function add(left: Value, right: Value, sign: bigint, hint?: AddressHint): Value {
  if (hint !== undefined && left.registers.some((term) => right.registers.some(({ of }) => of === term.of))) {
    hint.summed = true;
  }
  return {
    number: BigInt.asIntN(64, left.number + sign * right.number),
    bases: addTerms(left.bases, right.bases, sign),
    registers: addTerms(left.registers, right.registers, sign),
    known: left.known && right.known,
  };
}

function scale(value: Value, factor: bigint): Value {
  const terms = <T>(list: readonly Term<T>[]) =>
    list
      .map(({ of, coefficient }) => ({ of, coefficient: coefficient * factor }))
      .filter((t) => t.coefficient !== 0n);
  return {
    number: BigInt.asIntN(64, value.number * factor),
    bases: terms(value.bases),
    registers: terms(value.registers),
    known: value.known,
  };
}

const truth = (condition: boolean) => (condition ? 1n : 0n);
const unsigned = (value: bigint) => BigInt.asUintN(64, value);

/** Operators on plain numbers; operands and results are signed 64-bit. `undefined` is a division by zero. */
const arithmetic: Readonly<
  Record<Exclude<BinaryOperator, '+' | '-' | '*'>, (a: bigint, b: bigint) => bigint | undefined>
> = {
  '||': (a, b) => truth(a !== 0n || b !== 0n),
  '^^': (a, b) => truth((a !== 0n) !== (b !== 0n)),
  '&&': (a, b) => truth(a !== 0n && b !== 0n),
  '=': (a, b) => truth(a === b),
  '!=': (a, b) => truth(a !== b),
  '<': (a, b) => truth(a < b),
  '<=': (a, b) => truth(a <= b),
  '>': (a, b) => truth(a > b),
  '>=': (a, b) => truth(a >= b),
  '<=>': (a, b) => (a < b ? -1n : truth(a > b)),
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '&': (a, b) => a & b,
  '<<': (a, b) => shift(a, b, 'left'),
  '<<<': (a, b) => shift(a, b, 'left'),
  '>>': (a, b) => shift(unsigned(a), b, 'right'),
  '>>>': (a, b) => shift(a, b, 'right'),
  '/': (a, b) => (b === 0n ? undefined : unsigned(a) / unsigned(b)),
  '//': (a, b) => (b === 0n ? undefined : a / b),
  '%': (a, b) => (b === 0n ? undefined : unsigned(a) % unsigned(b)),
  '%%': (a, b) => (b === 0n ? undefined : a % b),
};

/** Shifts by 64 or more leave no bit (or only the sign): the count is bounded before it reaches BigInt. */
function shift(value: bigint, count: bigint, direction: 'left' | 'right'): bigint {
  const amount = unsigned(count) > 64n ? 64n : unsigned(count);
  return direction === 'left' ? value << amount : value >> amount;
}

const unary: Readonly<Record<Exclude<UnaryOperator, '+' | '-'>, (a: bigint) => bigint>> = {
  '~': (a) => ~a,
  '!': (a) => truth(a === 0n),
};

/**
 * The value of an expression at a place. Throws SourceError for an operator on operands it does not fit.
 * @param hint filled in when the expression is an address in brackets
 */
export function evaluate(expression: Expression, scope: Scope, hint?: AddressHint): Value {
  switch (expression.kind) {
    case 'constant':
      return scalar(expression.value);
    case 'float':
      throw new SourceError('a floating-point constant can stand only alone in dd or dq', expression.span);
    case 'symbol':
      return scope.symbol(expression.name, expression.span);
    case 'here':
      return scope.here();
    case 'section-start':
      return scope.sectionStart();
    case 'register':
      if (hint !== undefined && hint.register === undefined) {
        hint.register = expression.register;
        hint.role = 'base';
      }
      return {
        number: 0n,
        bases: [],
        registers: [{ of: expression.register, coefficient: 1n }],
        known: true,
      };
    case 'unary': {
      const value = evaluate(expression.operand, scope, hint);
      if (expression.operator === '+') return value;
      if (expression.operator === '-') return scale(value, -1n);
      if (!value.known) return unknownValue;
      requireScalar(value, expression.operator, expression.operand.span);
      return scalar(unary[expression.operator](value.number));
    }
    case 'conditional': {
      const test = evaluate(expression.test, scope, hint);
      if (!test.known) return unknownValue;
      requireScalar(test, '?', expression.test.span);
      return evaluate(test.number !== 0n ? expression.then : expression.otherwise, scope, hint);
    }
    case 'binary':
      return evaluateBinary(expression, scope, hint);
  }
}

function evaluateBinary(
  expression: Extract<Expression, { kind: 'binary' }>,
  scope: Scope,
  hint: AddressHint | undefined,
): Value {
  const { operator } = expression;
  const left = evaluate(expression.left, scope, hint);
  const right = evaluate(expression.right, scope, hint);
  if (operator === '+') return add(left, right, 1n, hint);
  if (operator === '-') return add(left, right, -1n, hint);
  if (operator === '*') {
    const [vector, factor] = isScalar(right) ? [left, right] : [right, left];
    if (!isScalar(factor)) {
      throw new SourceError(
        "'*' needs a plain number on one side, not two addresses or registers",
        expression.span,
      );
    }
    if (hint?.role === 'base' && vector.registers.some(({ of }) => of === hint.register)) hint.role = 'index';
    return { ...scale(vector, factor.number), known: vector.known && factor.known };
  }
  requireScalar(left, operator, expression.left.span);
  requireScalar(right, operator, expression.right.span);
  if (!left.known || !right.known) return unknownValue;
  const result = arithmetic[operator](left.number, right.number);
  if (result === undefined) throw new SourceError('division by zero', expression.right.span);
  return scalar(result);
}

function requireScalar(value: Value, operator: string, span: Span): void {
  if (isScalar(value)) return;
  const found =
    value.registers.length > 0 ? 'a register' : 'an address, which is known only when sections are placed';
  const remedy = value.registers.length > 0 ? '' : '; subtract $$ or another label to get a plain number';
  throw new SourceError(`'${operator}' needs plain numbers, found ${found}${remedy}`, span);
}
