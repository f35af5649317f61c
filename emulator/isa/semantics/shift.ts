import { ECX } from '../../arch/registers.js';
import type { Handler } from '../operation.js';
import { carryFlag, setCarryOverflow, setResult } from './flags.js';
import { byteIndex, modifyRm, readRegister, signShift, writeModified } from './operands.js';

/**
 * One shift or rotate of `value` (zero-extended; signed when `width` is 32) by `count`, 1..31. Sets flags. The
 * result's low `width` bits count. OF, undefined for counts above 1, follows the rule for 1.
 */
type Shift = (s32: Int32Array, value: number, count: number, width: number) => number;

function bit(value: number, position: number): boolean {
  return ((value >>> position) & 1) !== 0;
}

/** Sets the flags of a shift and returns its result. */
function shifted(s32: Int32Array, result: number, width: number, carry: boolean, overflow: boolean): number {
  const shift = 32 - width;
  setResult(s32, (result << shift) >> shift, carry, overflow);
  return result;
}

/** Sets the flags of a rotate and returns its result. */
function rotated(s32: Int32Array, result: number, carry: boolean, overflow: boolean): number {
  setCarryOverflow(s32, carry, overflow);
  return result;
}

const rol: Shift = (s32, value, count, width) => {
  const n = count & (width - 1);
  const result = n === 0 ? value : (value << n) | (value >>> (width - n));
  return rotated(s32, result, bit(result, 0), bit(result, 0) !== bit(result, width - 1));
};

const ror: Shift = (s32, value, count, width) => {
  const n = count & (width - 1);
  const result = n === 0 ? value : (value >>> n) | (value << (width - n));
  return rotated(s32, result, bit(result, width - 1), bit(result, width - 1) !== bit(result, width - 2));
};

/** Rotates through carry have width + 1 bits, so narrow counts are taken modulo 9 and 17. */
const rcl: Shift = (s32, value, count, width) => {
  const n = count % (width + 1);
  if (n === 0) return value;
  const wrapped = n > 1 ? value >>> (width + 1 - n) : 0;
  const result = (value << n) | (carryFlag(s32) << (n - 1)) | wrapped;
  const carry = bit(value, width - n);
  return rotated(s32, result, carry, carry !== bit(result, width - 1));
};

const rcr: Shift = (s32, value, count, width) => {
  const n = count % (width + 1);
  if (n === 0) return value;
  const wrapped = n > 1 ? value << (width + 1 - n) : 0;
  const result = (value >>> n) | (carryFlag(s32) << (width - n)) | wrapped;
  return rotated(s32, result, bit(value, n - 1), bit(result, width - 1) !== bit(result, width - 2));
};

const shl: Shift = (s32, value, count, width) => {
  const carry = bit(value << (count - 1), width - 1);
  const result = value << count;
  return shifted(s32, result, width, carry, carry !== bit(result, width - 1));
};

const shr: Shift = (s32, value, count, width) => {
  const result = value >>> count;
  const overflow = bit(result, width - 1) !== bit(result, width - 2);
  return shifted(s32, result, width, bit(value, count - 1), overflow);
};

const sar: Shift = (s32, value, count, width) => {
  const extended = (value << (32 - width)) >> (32 - width);
  return shifted(s32, extended >> count, width, ((extended >> (count - 1)) & 1) !== 0, false);
};

/** In the order of the encoding; /6 is an alias of shl that every processor has. */
export const SHIFTS: readonly { mnemonic: string; operate: Shift }[] = [
  { mnemonic: 'rol', operate: rol },
  { mnemonic: 'ror', operate: ror },
  { mnemonic: 'rcl', operate: rcl },
  { mnemonic: 'rcr', operate: rcr },
  { mnemonic: 'shl', operate: shl },
  { mnemonic: 'shr', operate: shr },
  { mnemonic: 'shl', operate: shl },
  { mnemonic: 'sar', operate: sar },
];

/** `op E,I` and `op E,1`; for `op E,CL` see {@link shiftByCl}. A count of 0 writes back the same value and no flag. */
export function shiftByImmediate(operate: Shift): Handler {
  return (cpu, op) => {
    const value = modifyRm(cpu, op);
    const count = op.immediate & 31;
    writeModified(cpu, op, count === 0 ? value : operate(cpu.s32, value, count, op.operandBytes << 3));
  };
}

export function shiftByCl(operate: Shift): Handler {
  return (cpu, op) => {
    const value = modifyRm(cpu, op);
    const count = cpu.u8[byteIndex(ECX)] & 31;
    writeModified(cpu, op, count === 0 ? value : operate(cpu.s32, value, count, op.operandBytes << 3));
  };
}

/** SHLD and SHRD: shifts `value`, filling it from `source`. 16-bit counts above 16, undefined, take `value` again after `source`. */
type DoubleShift = (value: number, source: number, count: number, width: number) => number;

const shiftLeftDouble: DoubleShift = (value, source, count, width) => {
  if (width === 32) return (value << count) | (source >>> (32 - count));
  const joined = count <= 16 ? (value << 16) | source : (source << 16) | value;
  return (joined << (count <= 16 ? count : count - 16)) >>> 16;
};

const shiftRightDouble: DoubleShift = (value, source, count, width) => {
  if (width === 32) return (value >>> count) | (source << (32 - count));
  const joined = count <= 16 ? (source << 16) | value : (value << 16) | source;
  return (joined >>> (count <= 16 ? count : count - 16)) & 0xffff;
};

/** The last bit shifted out, which may come from `source` when a 16-bit count exceeds 16. */
function carryOut(left: boolean, value: number, source: number, count: number, width: number): boolean {
  if (left) return count <= width ? bit(value, width - count) : bit(source, 2 * width - count);
  return count <= width ? bit(value, count - 1) : bit(source, count - width - 1);
}

function doubleShift(left: boolean, countFromCl: boolean): Handler {
  const operate = left ? shiftLeftDouble : shiftRightDouble;
  return (cpu, op) => {
    const value = modifyRm(cpu, op);
    const count = (countFromCl ? cpu.u8[byteIndex(ECX)] : op.immediate) & 31;
    if (count === 0) {
      writeModified(cpu, op, value);
      return;
    }
    const width = op.operandBytes << 3;
    const source = readRegister(cpu, op.reg, op.operandBytes);
    const result = operate(value, source, count, width);
    const shift = signShift(op.operandBytes);
    const overflow = bit(result, width - 1) !== bit(value, width - 1);
    setResult(cpu.s32, (result << shift) >> shift, carryOut(left, value, source, count, width), overflow);
    writeModified(cpu, op, result);
  };
}

export const shldImmediate = doubleShift(true, false);
export const shldCl = doubleShift(true, true);
export const shrdImmediate = doubleShift(false, false);
export const shrdCl = doubleShift(false, true);
