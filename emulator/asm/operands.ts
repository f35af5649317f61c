import { join, type TokenCursor } from './cursor.js';
import { SourceError } from './diagnostics.js';
import { parseExpression, type Qualify } from './expression.js';
import { findRegister, registers, type RegisterName } from './registers.js';
import type { Distance, Operand, OperandModifiers, SizeBytes } from './statement.js';

/** Size keywords and their bytes. */
export const sizeKeywords: Readonly<Record<string, SizeBytes>> = {
  byte: 1,
  word: 2,
  dword: 4,
  qword: 8,
  tword: 10,
  oword: 16,
};

const distances: Readonly<Record<string, Distance>> = { short: 'short', near: 'near', far: 'far' };

/** Parses one operand with the keywords before it. */
export function parseOperand(cursor: TokenCursor, qualify: Qualify): Operand {
  const start = cursor.span();
  const modifiers = parseModifiers(cursor);
  if (cursor.take('[') !== undefined) {
    const memory = parseMemory(cursor, qualify);
    const close = cursor.expect(']', 'to close the address');
    return { ...memory, ...modifiers, span: join(start, close) };
  }
  if (cursor.take('{') !== undefined) {
    throw new SourceError(
      'operand decorators in braces belong to AVX-512, which this machine does not have',
      start,
    );
  }
  const value = parseExpression(cursor, qualify);
  if (cursor.take(':') !== undefined) {
    if (cursor.at('[') && value.kind === 'register') {
      throw new SourceError(
        `a segment override stands inside the brackets: [${value.register.name}:...]`,
        value.span,
      );
    }
    const offset = parseExpression(cursor, qualify);
    return { kind: 'far', segment: value, offset, ...modifiers, span: join(start, offset.span) };
  }
  const span = join(start, value.span);
  if (value.kind === 'register') return { kind: 'register', register: value.register, ...modifiers, span };
  return { kind: 'immediate', value, ...modifiers, span };
}

function parseModifiers(cursor: TokenCursor): OperandModifiers {
  let size: SizeBytes | undefined;
  let distance: Distance | undefined;
  let strict = false;
  let to = false;
  for (;;) {
    const token = cursor.peek();
    const word = cursor.peekWord();
    if (word === undefined || token === undefined) break;
    if (Object.hasOwn(sizeKeywords, word)) {
      if (size !== undefined && size !== sizeKeywords[word]) {
        throw new SourceError(`'${word}' contradicts the size given before it`, token);
      }
      size = sizeKeywords[word];
    } else if (Object.hasOwn(distances, word)) distance = distances[word];
    else if (word === 'strict') strict = true;
    else if (word === 'to') to = true;
    else if (word === 'ptr') {
      throw new SourceError("NASM has no 'ptr': write the size alone, as in 'dword [eax]'", token);
    } else break;
    cursor.next();
  }
  return { ...(size && { size }), ...(distance && { distance }), strict, to };
}

function parseMemory(cursor: TokenCursor, qualify: Qualify) {
  let displacementBytes: SizeBytes | undefined;
  let nosplit = false;
  let segment: RegisterName | undefined;
  for (;;) {
    const word = cursor.peekWord();
    if (word === undefined) break;
    if (Object.hasOwn(sizeKeywords, word)) displacementBytes = sizeKeywords[word];
    else if (word === 'nosplit') nosplit = true;
    else if (cursor.at(':', 1)) {
      const register = findRegister(word);
      if (register?.class !== 'segment') {
        const names = [...registers.values()].filter((one) => one.class === 'segment').map((one) => one.name);
        throw new SourceError(
          `expected a segment register (${names.join(' ')}), found '${word}'`,
          cursor.span(),
        );
      }
      segment = register;
      cursor.next();
    } else if (word !== 'abs' && word !== 'rel') break;
    cursor.next();
  }
  const address = parseExpression(cursor, qualify);
  return {
    kind: 'memory' as const,
    address,
    nosplit,
    ...(segment && { segment }),
    ...(displacementBytes && { displacementBytes }),
  };
}
