import { FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from '../../arch/flags.js';
import { LAZY_CARRY_I32, LAZY_RESULT_I32 } from '../../arch/state.js';

/*
 * The six arithmetic flags are not computed when an instruction writes them but when one reads them. Two words
 * of processor state hold all that is needed, for every operation and width:
 *
 *   LAZY_RESULT  the result, sign-extended to 32 bits: ZF, SF, and PF of its low byte
 *   LAZY_CARRY   bit 31     carry (borrow) out of the most significant bit: CF
 *                bit 30     carry into it, so OF = bit 31 xor bit 30
 *                bit 3      carry out of bit 3: AF
 *                bits 15:8  xor-ed to the result's low byte before PF is taken
 *                bit 0      xor-ed to SF
 *
 * The last two exist because POPF and the like can set ZF, SF and PF to values that no one result has.
 */
const SIGN = 0x8000_0000 | 0;
const CARRY_IN = 0x4000_0000;
const HALF_CARRY = 8;
const CARRIES = SIGN | CARRY_IN;

/** 1 for bytes with an even number of ones. */
const EVEN_PARITY = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let bits = byte; bits !== 0; bits >>= 1) ones += bits & 1;
  return (ones & 1) ^ 1;
});

// --- readers

/** CF as 0 or 1. */
export function carryFlag(s32: Int32Array): number {
  return s32[LAZY_CARRY_I32] >>> 31;
}

export function overflowFlag(s32: Int32Array): boolean {
  const carry = s32[LAZY_CARRY_I32];
  return (carry ^ (carry << 1)) < 0;
}

export function zeroFlag(s32: Int32Array): boolean {
  return s32[LAZY_RESULT_I32] === 0;
}

export function signFlag(s32: Int32Array): boolean {
  return (s32[LAZY_RESULT_I32] ^ (s32[LAZY_CARRY_I32] << 31)) < 0;
}

export function parityFlag(s32: Int32Array): boolean {
  return EVEN_PARITY[(s32[LAZY_RESULT_I32] ^ (s32[LAZY_CARRY_I32] >> 8)) & 0xff] !== 0;
}

export function adjustFlag(s32: Int32Array): boolean {
  return (s32[LAZY_CARRY_I32] & HALF_CARRY) !== 0;
}

/** SF differs from OF: the comparison found "less", signed. */
export function lessFlag(s32: Int32Array): boolean {
  const carry = s32[LAZY_CARRY_I32];
  return (s32[LAZY_RESULT_I32] ^ (carry << 31) ^ carry ^ (carry << 1)) < 0;
}

/** The six arithmetic flags at their places in EFLAGS, all other bits 0. */
export function readArithmeticFlags(s32: Int32Array): number {
  return (
    (carryFlag(s32) ? FLAG_CF : 0) |
    (parityFlag(s32) ? FLAG_PF : 0) |
    (adjustFlag(s32) ? FLAG_AF : 0) |
    (zeroFlag(s32) ? FLAG_ZF : 0) |
    (signFlag(s32) ? FLAG_SF : 0) |
    (overflowFlag(s32) ? FLAG_OF : 0)
  );
}

// --- writers

/** Sets the six arithmetic flags from their places in `value`; other bits are ignored. A processor at reset calls it with 0. */
export function setArithmeticFlags(s32: Int32Array, value: number): void {
  // Result 0 has even parity, 1 odd; both have a clear sign.
  const zero = (value & FLAG_ZF) !== 0;
  const parityWrong = ((value & FLAG_PF) !== 0) !== zero;
  s32[LAZY_RESULT_I32] = zero ? 0 : 1;
  s32[LAZY_CARRY_I32] =
    carries((value & FLAG_CF) !== 0, (value & FLAG_OF) !== 0) |
    (value & FLAG_AF ? HALF_CARRY : 0) |
    (parityWrong ? 1 << 8 : 0) |
    (value & FLAG_SF ? 1 : 0);
}

/** Bits 31 and 30 of the carry word that mean these two flags. */
function carries(carry: boolean, overflow: boolean): number {
  return (carry ? SIGN : 0) | (carry !== overflow ? CARRY_IN : 0);
}

/** Flags of a result whose CF and OF are known: shifts, multiplies. AF becomes 0. */
export function setResult(
  s32: Int32Array,
  signExtendedResult: number,
  carry: boolean,
  overflow: boolean,
): void {
  s32[LAZY_RESULT_I32] = signExtendedResult;
  s32[LAZY_CARRY_I32] = carries(carry, overflow);
}

/** CF and OF only: rotates. */
export function setCarryOverflow(s32: Int32Array, carry: boolean, overflow: boolean): void {
  s32[LAZY_CARRY_I32] = (s32[LAZY_CARRY_I32] & ~CARRIES) | carries(carry, overflow);
}

/** CF only. */
export function setCarry(s32: Int32Array, carry: boolean): void {
  setCarryOverflow(s32, carry, overflowFlag(s32));
}

/** ZF only. */
export function setZero(s32: Int32Array, zero: boolean): void {
  setArithmeticFlags(s32, (readArithmeticFlags(s32) & ~FLAG_ZF) | (zero ? FLAG_ZF : 0));
}

// --- operations that write all six flags. `shift` is 32 less the operand's width in bits; the value returned has
// the operand's width in its low bits and anything above.

export function add(s32: Int32Array, left: number, right: number, shift: number): number {
  const sum = (left + right) | 0;
  const out = (left & right) | ((left | right) & ~sum);
  s32[LAZY_RESULT_I32] = (sum << shift) >> shift;
  s32[LAZY_CARRY_I32] = ((out << shift) & CARRIES) | (out & HALF_CARRY);
  return sum;
}

export function addWithCarry(s32: Int32Array, left: number, right: number, shift: number): number {
  const sum = (left + right + carryFlag(s32)) | 0;
  const out = (left & right) | ((left | right) & ~sum);
  s32[LAZY_RESULT_I32] = (sum << shift) >> shift;
  s32[LAZY_CARRY_I32] = ((out << shift) & CARRIES) | (out & HALF_CARRY);
  return sum;
}

export function subtract(s32: Int32Array, left: number, right: number, shift: number): number {
  const difference = (left - right) | 0;
  const borrow = (~left & right) | (~(left ^ right) & difference);
  s32[LAZY_RESULT_I32] = (difference << shift) >> shift;
  s32[LAZY_CARRY_I32] = ((borrow << shift) & CARRIES) | (borrow & HALF_CARRY);
  return difference;
}

export function subtractWithBorrow(s32: Int32Array, left: number, right: number, shift: number): number {
  const difference = (left - right - carryFlag(s32)) | 0;
  const borrow = (~left & right) | (~(left ^ right) & difference);
  s32[LAZY_RESULT_I32] = (difference << shift) >> shift;
  s32[LAZY_CARRY_I32] = ((borrow << shift) & CARRIES) | (borrow & HALF_CARRY);
  return difference;
}

/** Flags of AND, OR, XOR and TEST: CF, OF and AF become 0. */
export function setLogic(s32: Int32Array, result: number, shift: number): number {
  s32[LAZY_RESULT_I32] = (result << shift) >> shift;
  s32[LAZY_CARRY_I32] = 0;
  return result;
}

/** INC: an addition of 1 that leaves CF. */
export function increment(s32: Int32Array, value: number, shift: number): number {
  const carry = s32[LAZY_CARRY_I32] & SIGN;
  const result = (((value + 1) << shift) >> shift) | 0;
  const overflow = result === SIGN >> shift ? CARRY_IN : 0;
  s32[LAZY_RESULT_I32] = result;
  s32[LAZY_CARRY_I32] = carry | ((carry >>> 1) ^ overflow) | ((result & 15) === 0 ? HALF_CARRY : 0);
  return result;
}

/** DEC: a subtraction of 1 that leaves CF. */
export function decrement(s32: Int32Array, value: number, shift: number): number {
  const carry = s32[LAZY_CARRY_I32] & SIGN;
  const result = (((value - 1) << shift) >> shift) | 0;
  const overflow = result === ~(SIGN >> shift) ? CARRY_IN : 0;
  s32[LAZY_RESULT_I32] = result;
  s32[LAZY_CARRY_I32] = carry | ((carry >>> 1) ^ overflow) | ((result & 15) === 15 ? HALF_CARRY : 0);
  return result;
}

// --- conditions

/** The sixteen conditions by their number in jcc, setcc and cmovcc (AMD64 APM vol. 3, rev. 3.37, "Jcc"). */
export const CONDITIONS: readonly ((s32: Int32Array) => boolean)[] = [
  overflowFlag,
  (s32) => !overflowFlag(s32),
  (s32) => s32[LAZY_CARRY_I32] < 0,
  (s32) => s32[LAZY_CARRY_I32] >= 0,
  zeroFlag,
  (s32) => !zeroFlag(s32),
  (s32) => s32[LAZY_CARRY_I32] < 0 || zeroFlag(s32),
  (s32) => s32[LAZY_CARRY_I32] >= 0 && !zeroFlag(s32),
  signFlag,
  (s32) => !signFlag(s32),
  parityFlag,
  (s32) => !parityFlag(s32),
  lessFlag,
  (s32) => !lessFlag(s32),
  (s32) => lessFlag(s32) || zeroFlag(s32),
  (s32) => !lessFlag(s32) && !zeroFlag(s32),
];

/** Names of the conditions, in the same order. */
export const CONDITION_NAMES = [
  'o',
  'no',
  'b',
  'ae',
  'e',
  'ne',
  'be',
  'a',
  's',
  'ns',
  'p',
  'np',
  'l',
  'ge',
  'le',
  'g',
] as const;
