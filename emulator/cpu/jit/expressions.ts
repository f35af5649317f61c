import type { CodeWriter } from './code-writer.js';
import * as op from './opcodes.js';

/** Pushes one i32; a number stands for itself. */
export type Value = number | ((w: CodeWriter) => void);

export function put(w: CodeWriter, value: Value): void {
  if (typeof value === 'number') w.const(value);
  else value(w);
}

function binary(opcode: number): (left: Value, right: Value) => Value {
  return (left, right) => (w) => {
    put(w, left);
    put(w, right);
    w.op(opcode);
  };
}

export const add = binary(op.I32_ADD);
export const sub = binary(op.I32_SUB);
export const mul = binary(op.I32_MUL);
export const and = binary(op.I32_AND);
export const xor = binary(op.I32_XOR);
export const shl = binary(op.I32_SHL);
/** Unsigned. */
export const shr = binary(op.I32_SHR_U);
export const equal = binary(op.I32_EQ);
export const differ = binary(op.I32_NE);
/** Unsigned comparisons. */
export const below = binary(op.I32_LT_U);
export const above = binary(op.I32_GT_U);
/** Signed ones. */
export const less = binary(op.I32_LT_S);
export const atMost = binary(op.I32_LE_S);

const either = binary(op.I32_OR);
export function or(first: Value, ...others: Value[]): Value {
  return others.reduce(either, first);
}

export function isZero(value: Value): Value {
  return (w) => {
    put(w, value);
    w.op(op.I32_EQZ);
  };
}

/** Both values are worked out. */
export function choose(condition: Value, then: Value, otherwise: Value): Value {
  return (w) => {
    put(w, then);
    put(w, otherwise);
    put(w, condition);
    w.op(op.SELECT);
  };
}

export function get(local: number): Value {
  return (w) => w.get(local);
}

/** A word, or with another opcode a part of one, of memory. */
export function load(address: Value, offset = 0, opcode: number = op.I32_LOAD): Value {
  return (w) => {
    put(w, address);
    w.memory(opcode, offset);
  };
}

export function call(functionIndex: number, ...parameters: Value[]): Value {
  return (w) => {
    for (const parameter of parameters) put(w, parameter);
    w.call(functionIndex);
  };
}
