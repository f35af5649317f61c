import { EAX } from '../../arch/registers.js';
import type { ExecutionContext } from '../context.js';
import type { Handler, Operation } from '../operation.js';
import { add, addWithCarry, decrement, increment, setLogic, subtract, subtractWithBorrow } from './flags.js';
import {
  effectiveAddress,
  modifyRm,
  readRegister,
  readRm,
  signShift,
  writeModified,
  writeRegister,
} from './operands.js';

/** Computes and sets flags. `shift` as in flags.ts. */
type Binary = (s32: Int32Array, left: number, right: number, shift: number) => number;
type Unary = (s32: Int32Array, value: number, shift: number) => number;

/** The eight operations of opcodes 00-3f and groups 80-83, in the order of their encoding, and TEST. */
export const BINARY: Readonly<Record<string, { operate: Binary; writes: boolean }>> = {
  add: { operate: add, writes: true },
  or: { operate: (s32, left, right, shift) => setLogic(s32, left | right, shift), writes: true },
  adc: { operate: addWithCarry, writes: true },
  sbb: { operate: subtractWithBorrow, writes: true },
  and: { operate: (s32, left, right, shift) => setLogic(s32, left & right, shift), writes: true },
  sub: { operate: subtract, writes: true },
  xor: { operate: (s32, left, right, shift) => setLogic(s32, left ^ right, shift), writes: true },
  cmp: { operate: subtract, writes: false },
  test: { operate: (s32, left, right, shift) => setLogic(s32, left & right, shift), writes: false },
};

/** `op E,G` */
export function binaryRmReg(mnemonic: string): Handler {
  const into = binaryIntoRm(mnemonic);
  return (cpu, op) => into(cpu, op, readRegister(cpu, op.reg, op.operandBytes));
}

/** `op E,I` */
export function binaryRmImmediate(mnemonic: string): Handler {
  const into = binaryIntoRm(mnemonic);
  return (cpu, op) => into(cpu, op, op.immediate);
}

function binaryIntoRm(mnemonic: string): (cpu: ExecutionContext, op: Operation, right: number) => void {
  const { operate, writes } = BINARY[mnemonic];
  if (writes) {
    return (cpu, op, right) => {
      const left = modifyRm(cpu, op);
      writeModified(cpu, op, operate(cpu.s32, left, right, signShift(op.operandBytes)));
    };
  }
  return (cpu, op, right) => {
    operate(cpu.s32, readRm(cpu, op, op.operandBytes), right, signShift(op.operandBytes));
  };
}

/** `op G,E` */
export function binaryRegRm(mnemonic: string): Handler {
  const into = binaryIntoReg(mnemonic);
  return (cpu, op) => into(cpu, op, readRm(cpu, op, op.operandBytes));
}

/** `op accumulator,I` */
export function binaryRegImmediate(mnemonic: string): Handler {
  const into = binaryIntoReg(mnemonic);
  return (cpu, op) => into(cpu, op, op.immediate);
}

function binaryIntoReg(mnemonic: string): (cpu: ExecutionContext, op: Operation, right: number) => void {
  const { operate, writes } = BINARY[mnemonic];
  return (cpu, op, right) => {
    const bytes = op.operandBytes;
    const result = operate(cpu.s32, readRegister(cpu, op.reg, bytes), right, signShift(bytes));
    if (writes) writeRegister(cpu, op.reg, bytes, result);
  };
}

function unary(operate: Unary): Handler {
  return (cpu, op) => {
    const value = modifyRm(cpu, op);
    writeModified(cpu, op, operate(cpu.s32, value, signShift(op.operandBytes)));
  };
}

export const inc = unary(increment);
export const dec = unary(decrement);
export const neg = unary((s32, value, shift) => subtract(s32, 0, value, shift));
/** NOT writes no flags. */
export const not = unary((_s32, value) => ~value);

/** INC and DEC of the register in the opcode. */
export const incRegister: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  writeRegister(cpu, op.reg, bytes, increment(cpu.s32, readRegister(cpu, op.reg, bytes), signShift(bytes)));
};
export const decRegister: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  writeRegister(cpu, op.reg, bytes, decrement(cpu.s32, readRegister(cpu, op.reg, bytes), signShift(bytes)));
};

export const xadd: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const left = modifyRm(cpu, op);
  const sum = add(cpu.s32, left, readRegister(cpu, op.reg, bytes), signShift(bytes));
  // The source is written first: with both operands the same register the sum stays.
  writeRegister(cpu, op.reg, bytes, left);
  writeModified(cpu, op, sum);
};

export const cmpxchg: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const destination = modifyRm(cpu, op);
  const source = readRegister(cpu, op.reg, bytes);
  const difference = subtract(cpu.s32, readRegister(cpu, EAX, bytes), destination, signShift(bytes));
  const equal = difference << signShift(bytes) === 0;
  // Hardware writes the destination in both cases.
  writeModified(cpu, op, equal ? source : destination);
  if (!equal) writeRegister(cpu, EAX, bytes, destination);
};

export const lea: Handler = (cpu, op) => {
  writeRegister(cpu, op.reg, op.operandBytes, effectiveAddress(cpu, op));
};
