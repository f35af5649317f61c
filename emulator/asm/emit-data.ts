import { SourceError, type DiagnosticSink, type Span } from './diagnostics.js';
import { evaluate, isScalar, resolve, type Scope } from './evaluate.js';
import type { Expression } from './expression.js';
import { floatBytes } from './numbers.js';
import { ByteBuffer } from './output.js';
import type { DataItem, SizeBytes } from './statement.js';
import { stringBytes } from './strings.js';

/** What writing data needs of its surroundings. */
export interface DataContext {
  readonly scope: Scope;
  readonly sink: DiagnosticSink;
  /** Evaluates a count that must be known in the first pass. */
  readonly count: (expression: Expression, what: string) => number;
  /** Bytes the output may still grow by. */
  readonly room: number;
}

/** The bytes of db, dw and their relatives. */
export function encodeData(
  items: readonly DataItem[],
  unitBytes: SizeBytes,
  context: DataContext,
): Uint8Array {
  const out = new ByteBuffer();
  for (const item of items) {
    switch (item.kind) {
      case 'value':
        out.append(encodeValue(item.value, unitBytes, context));
        break;
      case 'uninitialized':
        out.append(new Uint8Array(unitBytes));
        break;
      case 'repeated': {
        const count = context.count(item.count, "the count of 'dup'");
        const bytes = encodeData(item.items, unitBytes, context);
        if (bytes.length * count > context.room) throw tooLarge(item.span);
        if (bytes.length > 0) out.appendRepeated(bytes, count);
      }
    }
    if (out.length > context.room) throw tooLarge(item.span);
  }
  return out.slice();
}

export function tooLarge(span: Span): SourceError {
  return new SourceError('output larger than its bound (option maxOutputBytes)', span);
}

function encodeValue(expression: Expression, unitBytes: SizeBytes, context: DataContext): Uint8Array {
  if (expression.kind === 'constant' && expression.string !== undefined) {
    const text = stringBytes(expression.string);
    const padded = new Uint8Array(Math.ceil(text.length / unitBytes) * unitBytes);
    padded.set(text);
    return padded;
  }
  const float = floatConstant(expression);
  if (float !== undefined) {
    if (unitBytes === 4 || unitBytes === 8) return floatBytes(float.text, unitBytes, float.negative);
    throw new SourceError('a floating-point constant needs dd (32 bits) or dq (64 bits)', expression.span);
  }
  const value = evaluate(expression, context.scope);
  if (value.registers.length > 0) throw new SourceError('a register is not data', expression.span);
  if (value.bases.length > 1 || value.bases.some(({ coefficient }) => coefficient !== 1n)) {
    throw new SourceError('labels of different sections have no fixed difference or sum', expression.span);
  }
  if (unitBytes === 10)
    throw new SourceError("'dt' holds 80-bit constants, which are not available", expression.span);
  if (isScalar(value)) warnOverflow(value.number, unitBytes, expression.span, context.sink);
  return integerBytes(resolve(value), unitBytes);
}

function floatConstant(expression: Expression): { text: string; negative: boolean } | undefined {
  if (expression.kind === 'float') return { text: expression.text, negative: false };
  if (expression.kind !== 'unary' || expression.operand.kind !== 'float') return undefined;
  if (expression.operator !== '-' && expression.operator !== '+') return undefined;
  return { text: expression.operand.text, negative: expression.operator === '-' };
}

/** The low bytes of a number, little-endian. */
export function integerBytes(value: bigint, bytes: number): Uint8Array {
  let rest = BigInt.asUintN(bytes * 8, value);
  return Uint8Array.from({ length: bytes }, () => {
    const byte = Number(rest & 0xffn);
    rest >>= 8n;
    return byte;
  });
}

/** Warns when a number loses bits in a byte that is sign-extended to `operandBytes`. */
export function warnExtendedByte(
  value: bigint,
  operandBytes: number,
  span: Span,
  sink: DiagnosticSink,
): void {
  const signed = BigInt.asIntN(operandBytes * 8, value);
  if (signed >= -128n && signed <= 127n) return;
  sink.warning(span, `${value} does not fit in 8 bits as a signed number: its low 8 bits are used`);
}

/** Warns when a number loses bits in a field of `bytes`, as NASM does; signed and unsigned readings both fit. */
export function warnOverflow(value: bigint, bytes: number, span: Span, sink: DiagnosticSink): void {
  if (bytes >= 8) return;
  const bits = BigInt(bytes * 8);
  if (value >= -(1n << (bits - 1n)) && value < 1n << bits) return;
  sink.warning(span, `${value} does not fit in ${bits} bits: its low ${bits} bits are used`);
}
