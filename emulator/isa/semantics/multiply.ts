import { EAX, EDX } from '../../arch/registers.js';
import { VECTOR_DE } from '../../arch/vectors.js';
import type { ExecutionContext } from '../context.js';
import type { Handler, Operation } from '../operation.js';
import { setResult } from './flags.js';
import { readRegister, readRm, signShift, writeRegister } from './operands.js';

const AL = 0;
const AH = 4;

/** High 32 bits of the 64-bit product of two unsigned 32-bit numbers. Signed. */
function multiplyHighUnsigned(left: number, right: number): number {
  const leftLow = left & 0xffff;
  const leftHigh = left >>> 16;
  const rightLow = right & 0xffff;
  const rightHigh = right >>> 16;
  const middle = leftHigh * rightLow + ((leftLow * rightLow) >>> 16);
  const carried = leftLow * rightHigh + (middle % 0x10000);
  return (leftHigh * rightHigh + Math.floor(middle / 0x10000) + Math.floor(carried / 0x10000)) | 0;
}

/** The same for two signed numbers. */
function multiplyHighSigned(left: number, right: number): number {
  return (multiplyHighUnsigned(left, right) - (left < 0 ? right : 0) - (right < 0 ? left : 0)) | 0;
}

function signExtend(value: number, bytes: number): number {
  const shift = signShift(bytes);
  return (value << shift) >> shift;
}

/** Writes a product to AX, DX:AX or EDX:EAX and sets CF and OF to `overflow`; SF, ZF, PF (undefined) follow its low half. */
function writeProduct(
  cpu: ExecutionContext,
  bytes: number,
  low: number,
  high: number,
  overflow: boolean,
): void {
  if (bytes === 1) {
    writeRegister(cpu, AL, 1, low);
    writeRegister(cpu, AH, 1, high);
  } else {
    writeRegister(cpu, EAX, bytes, low);
    writeRegister(cpu, EDX, bytes, high);
  }
  setResult(cpu.s32, signExtend(low, bytes), overflow, overflow);
}

export const mul: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const left = readRm(cpu, op, bytes);
  const right = readRegister(cpu, EAX, bytes);
  const low = Math.imul(left, right);
  const high = bytes === 4 ? multiplyHighUnsigned(left, right) : low >>> (bytes << 3);
  writeProduct(cpu, bytes, low, high, high !== 0);
};

export const imulAccumulator: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const left = signExtend(readRm(cpu, op, bytes), bytes);
  const right = signExtend(readRegister(cpu, EAX, bytes), bytes);
  const low = Math.imul(left, right);
  const high = bytes === 4 ? multiplyHighSigned(left, right) : low >> (bytes << 3);
  writeProduct(cpu, bytes, low, high, high !== signExtend(low, bytes) >> 31);
};

function imulInto(cpu: ExecutionContext, op: Operation, leftRaw: number, rightRaw: number): void {
  const bytes = op.operandBytes;
  const left = signExtend(leftRaw, bytes);
  const right = signExtend(rightRaw, bytes);
  const low = Math.imul(left, right);
  const result = signExtend(low, bytes);
  const overflow = bytes === 4 ? multiplyHighSigned(left, right) !== low >> 31 : result !== low;
  setResult(cpu.s32, result, overflow, overflow);
  writeRegister(cpu, op.reg, bytes, low);
}

/** `imul G,E` */
export const imulRegRm: Handler = (cpu, op) => {
  imulInto(cpu, op, readRm(cpu, op, op.operandBytes), readRegister(cpu, op.reg, op.operandBytes));
};

/** `imul G,E,I` */
export const imulRegRmImmediate: Handler = (cpu, op) => {
  imulInto(cpu, op, readRm(cpu, op, op.operandBytes), op.immediate);
};

/** Quotient and remainder of the last {@link divide64}, unsigned, kept here so that a division allocates nothing. */
let quotient = 0;
let remainder = 0;

/** Divides high:low by `divisor`, all unsigned 32-bit. False when the quotient has more than 32 bits. */
function divide64(high: number, low: number, divisor: number): boolean {
  if (divisor === 0 || high >= divisor) return false;
  // Two steps of 16 bits: each partial dividend stays below 2^48, exact in a double.
  const upper = high * 0x10000 + (low >>> 16);
  const lower = (upper % divisor) * 0x10000 + (low & 0xffff);
  quotient = Math.floor(upper / divisor) * 0x10000 + Math.floor(lower / divisor);
  remainder = lower % divisor;
  return true;
}

/** Leaves AF, CF, ... (all undefined) as they were. */
export const div: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const divisor = readRm(cpu, op, bytes) >>> 0;
  if (bytes === 4) {
    const fits = divide64(cpu.u32[EDX << 1], cpu.u32[EAX << 1], divisor);
    if (!fits) cpu.raise(VECTOR_DE);
  } else {
    const dividend = narrowDividend(cpu, bytes) >>> 0;
    if (divisor === 0 || Math.floor(dividend / divisor) >= 1 << (bytes << 3)) cpu.raise(VECTOR_DE);
    quotient = Math.floor(dividend / divisor);
    remainder = dividend % divisor;
  }
  writeQuotient(cpu, bytes);
};

export const idiv: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const divisor = signExtend(readRm(cpu, op, bytes), bytes);
  if (bytes === 4) divideSigned64(cpu, divisor);
  else {
    const wide = narrowDividend(cpu, bytes);
    const dividend = bytes === 1 ? signExtend(wide, 2) : wide;
    const limit = 1 << ((bytes << 3) - 1);
    quotient = Math.trunc(dividend / divisor);
    remainder = dividend % divisor;
    if (divisor === 0 || quotient >= limit || quotient < -limit) cpu.raise(VECTOR_DE);
  }
  writeQuotient(cpu, bytes);
};

function divideSigned64(cpu: ExecutionContext, divisor: number): void {
  let high = cpu.s32[EDX << 1];
  let low = cpu.s32[EAX << 1];
  const negativeDividend = high < 0;
  if (negativeDividend) {
    low = -low | 0;
    high = low === 0 ? -high | 0 : ~high;
  }
  const negative = negativeDividend !== divisor < 0;
  const fits = divide64(high >>> 0, low >>> 0, Math.abs(divisor));
  if (!fits || quotient > (negative ? 0x8000_0000 : 0x7fff_ffff)) cpu.raise(VECTOR_DE);
  if (negative) quotient = -quotient;
  if (negativeDividend) remainder = -remainder;
}

/** AX, or DX:AX as one number; signed for DX:AX. */
function narrowDividend(cpu: ExecutionContext, bytes: number): number {
  const low = cpu.u16[EAX << 2];
  return bytes === 1 ? low : (cpu.u16[EDX << 2] << 16) | low;
}

function writeQuotient(cpu: ExecutionContext, bytes: number): void {
  writeRegister(cpu, bytes === 1 ? AL : EAX, bytes, quotient);
  writeRegister(cpu, bytes === 1 ? AH : EDX, bytes, remainder);
}
