import {
  INDEFINITE,
  INTEGER_BIT,
  BIAS,
  bitLength,
  classify,
  fromInteger,
  infinity,
  isSignalling,
  negate,
  quiet,
  toExact,
  zero,
} from './extended.js';
import type { Exact, Extended } from './extended.js';
import { CHOP, DENORMAL, DOWN, INVALID, ZERO_DIVIDE, roundToExtended, roundToScale } from './rounding.js';
import type { Rounding } from './rounding.js';

/** Two operands to a result; raises its exceptions in `rounding`. */
export type Binary = (a: Extended, b: Extended, rounding: Rounding) => Extended;

export function invalid(rounding: Rounding): Extended {
  rounding.raised |= INVALID;
  return INDEFINITE;
}

/**
 * What unusual operands give before any arithmetic: a NaN, or null to go on. Notes denormal operands, which count
 * only when nothing is invalid (SDM vol. 1, table 4-7 "Rules for Handling NaNs", section 8.5.2).
 */
export function screenOperands(operands: readonly Extended[], rounding: Rounding): Extended | null {
  const classes = operands.map(classify);
  if (classes.includes('unsupported')) {
    rounding.raised &= ~DENORMAL;
    return invalid(rounding);
  }
  const nans = operands.filter((_, index) => classes[index] === 'nan');
  if (nans.length > 0) {
    rounding.raised &= ~DENORMAL;
    if (nans.some(isSignalling)) rounding.raised |= INVALID;
    return quiet(nans.reduce(chooseNan));
  }
  if (classes.includes('denormal')) rounding.raised |= DENORMAL;
  return null;
}

/** A quiet NaN before a signalling one, else the greater significand, else the positive one. */
function chooseNan(a: Extended, b: Extended): Extended {
  if (isSignalling(a) !== isSignalling(b)) return isSignalling(a) ? b : a;
  if (a.significand !== b.significand) return a.significand > b.significand ? a : b;
  return a.negative ? b : a;
}

export const add: Binary = (a, b, rounding) => {
  const early = screenOperands([a, b], rounding);
  if (early) return early;
  const aInfinite = classify(a) === 'infinity';
  const bInfinite = classify(b) === 'infinity';
  if (aInfinite && bInfinite) return a.negative === b.negative ? a : invalid(rounding);
  if (aInfinite || bInfinite) return aInfinite ? a : b;
  const left = toExact(a);
  const right = toExact(b);
  if (left.significand === 0n && right.significand === 0n) {
    return zero(a.negative === b.negative ? a.negative : rounding.control === DOWN);
  }
  return roundSum(left, right, rounding);
};

/** Operands far apart would make an integer of up to 32,000 bits: below that distance the smaller is only sticky. */
const FAR = 200;

function roundSum(left: Exact, right: Exact, rounding: Rounding): Extended {
  const top = (value: Exact): number => value.scale + bitLength(value.significand);
  const [large, small] =
    right.significand === 0n || (left.significand !== 0n && top(left) >= top(right))
      ? [left, right]
      : [right, left];
  if (small.significand !== 0n && top(large) - top(small) > FAR) {
    const widened = large.significand << BigInt(FAR - 64);
    const scale = large.scale - (FAR - 64);
    const isSum = large.negative === small.negative;
    const significand = isSum ? widened : widened - 1n;
    return roundToExtended({ negative: large.negative, significand, scale }, rounding, true);
  }
  const scale = Math.min(left.scale, right.scale);
  const signed = ({ negative, significand, scale: own }: Exact): bigint => {
    const aligned = significand << BigInt(own - scale);
    return negative ? -aligned : aligned;
  };
  const sum = signed(left) + signed(right);
  if (sum === 0n) return zero(rounding.control === DOWN);
  const negative = sum < 0n;
  return roundToExtended({ negative, significand: negative ? -sum : sum, scale }, rounding);
}

export const subtract: Binary = (a, b, rounding) => {
  // A NaN keeps its sign.
  const early = screenOperands([a, b], rounding);
  return early ?? add(a, negate(b), rounding);
};

export const multiply: Binary = (a, b, rounding) => {
  const early = screenOperands([a, b], rounding);
  if (early) return early;
  const negative = a.negative !== b.negative;
  const classes = [classify(a), classify(b)];
  if (classes.includes('infinity')) return classes.includes('zero') ? invalid(rounding) : infinity(negative);
  const left = toExact(a);
  const right = toExact(b);
  const significand = left.significand * right.significand;
  return roundToExtended({ negative, significand, scale: left.scale + right.scale }, rounding);
};

/** Bits of a quotient before rounding: more than any precision, the rest being sticky. */
const QUOTIENT_BITS = 68;

/** a ÷ b. */
export const divide: Binary = (a, b, rounding) => {
  const early = screenOperands([a, b], rounding);
  if (early) return early;
  const negative = a.negative !== b.negative;
  const [dividend, divisor] = [classify(a), classify(b)];
  if (dividend === 'infinity') return divisor === 'infinity' ? invalid(rounding) : infinity(negative);
  if (divisor === 'infinity') return zero(negative);
  if (divisor === 'zero') {
    if (dividend === 'zero') return invalid(rounding);
    rounding.raised |= ZERO_DIVIDE;
    return infinity(negative);
  }
  if (dividend === 'zero') return zero(negative);
  const left = toExact(a);
  const right = toExact(b);
  const shift = QUOTIENT_BITS + bitLength(right.significand) - bitLength(left.significand);
  const numerator = left.significand << BigInt(Math.max(0, shift));
  const significand = numerator / right.significand;
  const scale = left.scale - right.scale - Math.max(0, shift);
  const sticky = numerator % right.significand !== 0n;
  return roundToExtended({ negative, significand, scale }, rounding, sticky);
};

export const subtractReversed: Binary = (a, b, rounding) => subtract(b, a, rounding);
export const divideReversed: Binary = (a, b, rounding) => divide(b, a, rounding);

export function squareRoot(a: Extended, rounding: Rounding): Extended {
  const early = screenOperands([a], rounding);
  if (early) return early;
  if (classify(a) === 'zero') return a;
  if (a.negative) {
    rounding.raised &= ~DENORMAL;
    return invalid(rounding);
  }
  if (classify(a) === 'infinity') return a;
  const { significand, scale } = toExact(a);
  const bits = 2 * QUOTIENT_BITS - bitLength(significand);
  const shift = bits + ((scale - bits) & 1);
  const radicand = significand << BigInt(shift);
  const root = integerRoot(radicand);
  const exact = { negative: false, significand: root, scale: (scale - shift) / 2 };
  return roundToExtended(exact, rounding, root * root !== radicand);
}

/** The greatest integer whose square is at most `value`; Newton's iteration from above. */
export function integerRoot(value: bigint): bigint {
  if (value === 0n) return 0n;
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

/** FRNDINT: to an integral value, as rounding control says. */
export function roundToIntegral(a: Extended, rounding: Rounding): Extended {
  const early = screenOperands([a], rounding);
  if (early) return early;
  if (classify(a) === 'zero' || classify(a) === 'infinity' || a.exponent >= BIAS + 63) return a;
  const rounded = roundToScale(toExact(a), 0, false, rounding);
  return rounded === 0n ? zero(a.negative) : { ...fromInteger(rounded), negative: a.negative };
}

/** FSCALE: a × 2^trunc(b). */
export const scale: Binary = (a, b, rounding) => {
  const early = screenOperands([a, b], rounding);
  if (early) return early;
  const [value, by] = [classify(a), classify(b)];
  if (by === 'infinity') {
    if (value === 'infinity') return b.negative ? invalid(rounding) : a;
    if (value === 'zero') return b.negative ? a : invalid(rounding);
    return b.negative ? zero(a.negative) : infinity(a.negative);
  }
  if (value === 'infinity' || value === 'zero') return a;
  const { significand, scale: own } = toExact(b);
  const whole =
    own < -63 ? 0n : own < 0 ? significand >> BigInt(-own) : significand << BigInt(Math.min(own, 64));
  // Beyond twice the range of exponents every result is the same.
  const limited = Number(whole > 0x1_0000n ? 0x1_0000n : whole);
  const exact = toExact(a);
  const moved = { ...exact, scale: exact.scale + (b.negative ? -limited : limited) };
  return roundToExtended(moved, rounding, false, 64);
};

/** FXTRACT. @returns the exponent as a number, and the significand as one in [1, 2). */
export function extract(a: Extended, rounding: Rounding): { exponent: Extended; significand: Extended } {
  const early = screenOperands([a], rounding);
  if (early) return { exponent: early, significand: early };
  if (classify(a) === 'infinity') return { exponent: infinity(false), significand: a };
  if (classify(a) === 'zero') {
    rounding.raised |= ZERO_DIVIDE;
    return { exponent: infinity(true), significand: a };
  }
  const { significand, scale: own } = toExact(a);
  const length = bitLength(significand);
  return {
    exponent: fromInteger(BigInt(own + length - 1)),
    significand: { negative: a.negative, exponent: BIAS, significand: significand << BigInt(64 - length) },
  };
}

/** What FPREM and FPREM1 leave: the remainder, the quotient's low bits, and whether it is only a partial one. */
export interface Remainder {
  value: Extended;
  quotient: bigint;
  partial: boolean;
}

/** Differences of exponents from which the reduction takes several steps. */
const PARTIAL_FROM = 64;
/** By how much a step reduces the exponent; any number from 32 to 63 is allowed. */
const PARTIAL_STEP = 63;

/** @param nearest FPREM1: the quotient is rounded to nearest in place of towards zero. */
export function remainder(a: Extended, b: Extended, nearest: boolean, rounding: Rounding): Remainder {
  const whole = (value: Extended): Remainder => ({ value, quotient: 0n, partial: false });
  const early = screenOperands([a, b], rounding);
  if (early) return whole(early);
  if (classify(a) === 'infinity' || classify(b) === 'zero') {
    rounding.raised &= ~DENORMAL;
    return whole(invalid(rounding));
  }
  if (classify(a) === 'zero') return whole(a);
  // A denormal number with its integer bit set is written as the normal number that it is.
  if (classify(b) === 'infinity')
    return whole(a.significand & INTEGER_BIT ? { ...a, exponent: Math.max(1, a.exponent) } : a);
  const left = toExact(a);
  const right = toExact(b);
  const exponent = (value: Exact): number => value.scale + bitLength(value.significand);
  const difference = exponent(left) - exponent(right);
  const bits = { negative: a.negative, scale: Math.min(left.scale, right.scale) };
  if (difference >= PARTIAL_FROM) {
    const by = difference - PARTIAL_STEP;
    const divisor = right.significand << BigInt(Math.max(0, right.scale + by - left.scale));
    const dividend = left.significand << BigInt(Math.max(0, left.scale - right.scale - by));
    const significand = dividend - (dividend / divisor) * divisor;
    const scaleOfBoth = Math.min(left.scale, right.scale + by);
    const value = roundToExtended(
      { negative: a.negative, significand, scale: scaleOfBoth },
      rounding,
      false,
      64,
    );
    return { value, quotient: 0n, partial: true };
  }
  const dividend = left.significand << BigInt(left.scale - bits.scale);
  const divisor = right.significand << BigInt(right.scale - bits.scale);
  let quotient = dividend / divisor;
  let rest = dividend - quotient * divisor;
  let { negative } = bits;
  if (nearest && (rest * 2n > divisor || (rest * 2n === divisor && (quotient & 1n) === 1n))) {
    quotient++;
    rest = divisor - rest;
    negative = !negative;
  }
  const value =
    rest === 0n
      ? zero(a.negative)
      : roundToExtended({ negative, significand: rest, scale: bits.scale }, rounding, false, 64);
  return { value, quotient, partial: false };
}

export type Ordering = 'less' | 'equal' | 'greater' | 'unordered';

/** @param quietly FUCOM: a quiet NaN is no reason for an exception. */
export function compare(a: Extended, b: Extended, quietly: boolean, rounding: Rounding): Ordering {
  const classes = [classify(a), classify(b)];
  if (classes.includes('unsupported') || classes.includes('nan')) {
    rounding.raised &= ~DENORMAL;
    const isInvalid = !quietly || classes.includes('unsupported') || isSignalling(a) || isSignalling(b);
    if (isInvalid) rounding.raised |= INVALID;
    return 'unordered';
  }
  if (classes.includes('denormal')) rounding.raised |= DENORMAL;
  const order = (value: Extended): bigint => {
    // The two fields together order magnitudes; a denormal lies where exponent 1 without the integer bit does.
    const size =
      (BigInt(Math.max(value.exponent, classify(value) === 'zero' ? 0 : 1)) << 64n) | value.significand;
    return value.negative ? -size : size;
  };
  const [left, right] = [order(a), order(b)];
  if (left === right) return 'equal';
  return left < right ? 'less' : 'greater';
}

/** To an integer of `bits` bits. @returns null when it is none or does not fit: invalid. */
export function toInteger(a: Extended, bits: number, rounding: Rounding, chop = false): bigint | null {
  const kind = classify(a);
  const outside = kind === 'nan' || kind === 'infinity' || kind === 'unsupported';
  if (outside || a.exponent >= BIAS + 64) {
    rounding.raised |= INVALID;
    return null;
  }
  const own: Rounding = { ...rounding, control: chop ? CHOP : rounding.control, raised: 0 };
  const absolute = roundToScale(toExact(a), 0, false, own);
  const value = a.negative ? -absolute : absolute;
  if (BigInt.asIntN(bits, value) !== value) {
    rounding.raised |= INVALID;
    return null;
  }
  rounding.raised |= own.raised;
  rounding.roundedUp = own.roundedUp;
  return value;
}

const BCD_DIGITS = 18;

/** To a packed decimal of 18 digits, as its 80 bits. @returns null when it does not fit. */
export function toDecimal(a: Extended, rounding: Rounding): bigint | null {
  const value = toInteger(a, 64, rounding);
  if (value === null) return null;
  const absolute = value < 0n ? -value : value;
  if (absolute >= 10n ** BigInt(BCD_DIGITS)) {
    rounding.raised = INVALID;
    return null;
  }
  const digits = BigInt(`0x${absolute.toString()}`);
  return (a.negative ? 1n << 79n : 0n) | digits;
}

/** From a packed decimal; what its digits above 9 mean is undefined, so they count as they are. */
export function fromDecimal(bits: bigint): Extended {
  let value = 0n;
  for (let digit = BCD_DIGITS - 1; digit >= 0; digit--)
    value = value * 10n + ((bits >> BigInt(digit * 4)) & 0xfn);
  return { ...fromInteger(value), negative: bits >> 79n === 1n };
}

/** What FXAM says, as the condition bits C3 C2 C0 (table 8-? of FXAM: "Class of Operand"). */
export function examine(value: Extended): { c3: boolean; c2: boolean; c0: boolean } {
  const [c3, c2, c0] = {
    unsupported: [false, false, false],
    nan: [false, false, true],
    normal: [false, true, false],
    infinity: [false, true, true],
    zero: [true, false, false],
    denormal: [true, true, false],
  }[classify(value)];
  return { c3, c2, c0 };
}

/** Constants that the load instructions round as rounding control says: bits of them to 2^-67 or beyond. */
export function roundConstant(significand: bigint, scaleOfIt: number, rounding: Rounding): Extended {
  // Loading a constant raises nothing, inexact as it is.
  const quietly: Rounding = { ...rounding, raised: 0 };
  return roundToExtended({ negative: false, significand, scale: scaleOfIt }, quietly, true, 64);
}

export const ONE: Extended = { negative: false, exponent: BIAS, significand: INTEGER_BIT };
