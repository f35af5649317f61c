import { EAX } from '../../arch/registers.js';
import { FLAG_AF, FLAG_CF } from '../../arch/flags.js';
import { VECTOR_DE } from '../../arch/vectors.js';
import type { Handler } from '../operation.js';
import { adjustFlag, carryFlag, readArithmeticFlags, setArithmeticFlags, setResult } from './flags.js';

// Algorithms: AMD64 APM vol. 3, rev. 3.37, chapter 3, and Intel SDM vol. 2A, "Operation" of each instruction.

/** Places in the byte view of the state area. */
const AL = 0;
const AH = 1;

function signedByte(value: number): number {
  return (value << 24) >> 24;
}

/** DAA and DAS: corrects AL by 6 in each digit that overflowed. */
function decimalAdjust(sign: 1 | -1): Handler {
  return (cpu) => {
    const { s32, u8 } = cpu;
    const before = u8[AL];
    const lowDigit = (before & 15) > 9 || adjustFlag(s32);
    const highDigit = before > 0x99 || carryFlag(s32) !== 0;
    // DAS borrows out of AL when the low correction underflows, though the high digit was in range.
    const borrow = sign < 0 && lowDigit && before < 6;
    u8[AL] = before + sign * ((lowDigit ? 6 : 0) + (highDigit ? 0x60 : 0));
    setResult(s32, signedByte(u8[AL]), highDigit || borrow, false);
    if (lowDigit) setArithmeticFlags(s32, readArithmeticFlags(s32) | FLAG_AF);
  };
}

export const daa = decimalAdjust(1);
export const das = decimalAdjust(-1);

/** AAA and AAS: unpacked digits; a carry goes to AH. */
function asciiAdjust(sign: 1 | -1): Handler {
  return (cpu) => {
    const { s32, u8, u16 } = cpu;
    const adjust = (u8[AL] & 15) > 9 || adjustFlag(s32);
    if (adjust) u16[EAX << 2] += sign * 0x106;
    u8[AL] &= 15;
    setResult(s32, signedByte(u8[AL]), false, false);
    if (adjust) setArithmeticFlags(s32, readArithmeticFlags(s32) | FLAG_AF | FLAG_CF);
  };
}

export const aaa = asciiAdjust(1);
export const aas = asciiAdjust(-1);

export const aam: Handler = (cpu, op) => {
  const { s32, u8 } = cpu;
  const base = op.immediate;
  if (base === 0) cpu.raise(VECTOR_DE);
  const value = u8[AL];
  u8[AH] = Math.floor(value / base);
  u8[AL] = value % base;
  setResult(s32, signedByte(u8[AL]), false, false);
};

export const aad: Handler = (cpu, op) => {
  const { s32, u8 } = cpu;
  u8[AL] += u8[AH] * op.immediate;
  u8[AH] = 0;
  setResult(s32, signedByte(u8[AL]), false, false);
};
