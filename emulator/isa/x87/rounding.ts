import { BIAS, MAX_EXPONENT, bitLength, infinity, zero } from './extended.js';
import type { Exact, Extended, NarrowFormat } from './extended.js';

/** Exception flags, at their places in the status and control words (SDM vol. 1, section 8.1.3 "x87 FPU Status Register"). */
export const INVALID = 0x01;
export const DENORMAL = 0x02;
export const ZERO_DIVIDE = 0x04;
export const OVERFLOW = 0x08;
export const UNDERFLOW = 0x10;
export const PRECISION = 0x20;

/** Rounding control (section 8.1.5.3). */
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const CHOP = 3;

/** How one operation rounds, and what it has raised so far. */
export interface Rounding {
  /** 0 to 3. */
  readonly control: number;
  /** Bits of the significand of a result in a register: 24, 53 or 64 (precision control). */
  readonly precisionBits: number;
  /** Exceptions that software has masked. */
  readonly masks: number;
  /** Exceptions raised. */
  raised: number;
  /** C1: the last rounding went away from zero. */
  roundedUp: boolean;
}

/** What results unmasked overflow and underflow deliver is moved by, to lie in the middle of the range (section 8.5.4). */
const EXPONENT_WRAP = 24_576;

/** `value`, plus less than one unit of its last place when `sticky`, rounded to a multiple of 2^`scale`. */
export function roundToScale(value: Exact, scale: number, sticky: boolean, rounding: Rounding): bigint {
  const drop = scale - value.scale;
  const { significand, negative } = value;
  rounding.roundedUp = false;
  if (drop <= 0 && !sticky) return significand << BigInt(-drop);
  // A sticky bit of its own keeps what was cut off before.
  const extra = Math.max(0, 2 - drop);
  const shift = BigInt(drop + extra);
  const exact = (significand << BigInt(extra)) | (sticky ? 1n : 0n);
  const kept = exact >> shift;
  const rest = exact - (kept << shift);
  if (rest === 0n) return kept;
  rounding.raised |= PRECISION;
  if (!roundsAway(rounding.control, negative, kept, rest, 1n << (shift - 1n))) return kept;
  rounding.roundedUp = true;
  return kept + 1n;
}

function roundsAway(control: number, negative: boolean, kept: bigint, rest: bigint, half: bigint): boolean {
  switch (control) {
    case NEAREST:
      return rest > half || (rest === half && (kept & 1n) === 1n);
    case DOWN:
      return negative;
    case UP:
      return !negative;
    default:
      return false;
  }
}

/** Limits of a format: bits of the significand, and the exponents of its smallest and greatest normal numbers. */
interface Limits {
  bits: number;
  minExponent: number;
  maxExponent: number;
  /** What an unmasked overflow or underflow moves the exponent by; 0: nothing is delivered. */
  wrap: number;
}

type Rounded =
  /** `significand` × 2^`scale`, of at most `bits` bits, fewer when denormal; 0 is zero. */
  | { kind: 'finite'; significand: bigint; scale: number; moved: boolean }
  | { kind: 'infinity' }
  | { kind: 'greatest' };

function roundTo(value: Exact, sticky: boolean, limits: Limits, rounding: Rounding): Rounded {
  const { bits, minExponent, maxExponent, wrap } = limits;
  const length = bitLength(value.significand);
  let exponent = value.scale + length - 1;
  const leastScale = minExponent - bits + 1;
  let scale = exponent - bits + 1;
  const trial: Rounding = { ...rounding, raised: 0 };
  let significand = roundToScale(value, scale, sticky, trial);
  // A carry out of the significand makes it one bit longer.
  if (bitLength(significand) > bits) exponent++;
  // Tininess is found after rounding with an unbounded exponent (section 4.9.1.5).
  if (exponent < minExponent) {
    if ((rounding.masks & UNDERFLOW) === 0 && wrap !== 0) {
      Object.assign(rounding, {
        roundedUp: trial.roundedUp,
        raised: rounding.raised | trial.raised | UNDERFLOW,
      });
      return { kind: 'finite', significand, scale: scale + wrap, moved: true };
    }
    const before = rounding.raised;
    rounding.raised = 0;
    scale = leastScale;
    significand = roundToScale(value, scale, sticky, rounding);
    // Masked, it counts only when the result is inexact as well.
    const counts = (rounding.raised & PRECISION) !== 0 || (rounding.masks & UNDERFLOW) === 0;
    rounding.raised |= before | (counts ? UNDERFLOW : 0);
    return { kind: 'finite', significand, scale, moved: false };
  }
  if (exponent > maxExponent) {
    if ((rounding.masks & OVERFLOW) === 0 && wrap !== 0) {
      Object.assign(rounding, {
        roundedUp: trial.roundedUp,
        raised: rounding.raised | trial.raised | OVERFLOW,
      });
      return { kind: 'finite', significand, scale: scale - wrap, moved: true };
    }
    rounding.raised |= OVERFLOW | PRECISION;
    const { control } = rounding;
    const away = control === NEAREST || control === (value.negative ? DOWN : UP);
    rounding.roundedUp = away;
    return { kind: away ? 'infinity' : 'greatest' };
  }
  if (scale < leastScale) {
    // Rounding carried it up to the least normal number.
    scale = leastScale;
    significand = roundToScale(value, scale, sticky, rounding);
    return { kind: 'finite', significand, scale, moved: false };
  }
  Object.assign(rounding, { roundedUp: trial.roundedUp, raised: rounding.raised | trial.raised });
  return { kind: 'finite', significand, scale, moved: false };
}

/**
 * Rounds an exact value to a register. @param sticky there is more of it, less than a unit of its last place.
 * @param bits of the significand; by default what precision control says.
 */
export function roundToExtended(
  value: Exact,
  rounding: Rounding,
  sticky = false,
  bits = rounding.precisionBits,
): Extended {
  const { negative } = value;
  if (value.significand === 0n && !sticky) return zero(negative);
  const limits = { bits, minExponent: 1 - BIAS, maxExponent: BIAS, wrap: EXPONENT_WRAP };
  const rounded = roundTo(value, sticky, limits, rounding);
  if (rounded.kind === 'infinity') return infinity(negative);
  if (rounded.kind === 'greatest') {
    const significand = ((1n << BigInt(bits)) - 1n) << BigInt(64 - bits);
    return { negative, exponent: MAX_EXPONENT - 1, significand };
  }
  const { significand, scale } = rounded;
  if (significand === 0n) return zero(negative);
  const length = bitLength(significand);
  const exponent = scale + length - 1 + BIAS;
  // FSCALE goes so far that moving the exponent back is not enough.
  if (exponent >= MAX_EXPONENT || (exponent < 1 && rounded.moved)) {
    rounding.raised |= PRECISION;
    rounding.roundedUp = exponent >= MAX_EXPONENT;
    return exponent < 1 ? zero(negative) : infinity(negative);
  }
  if (exponent >= 1) return { negative, exponent, significand: align(significand, 64 - length) };
  return { negative, exponent: 0, significand: align(significand, scale + BIAS - 1 + 63) };
}

function align(significand: bigint, shift: number): bigint {
  return shift >= 0 ? significand << BigInt(shift) : significand >> BigInt(-shift);
}

/** Rounds a finite value to single or double. @returns the bits, or null when an unmasked overflow or underflow forbids it. */
export function narrow(value: Exact, format: NarrowFormat, rounding: Rounding): bigint | null {
  const { exponentBits, fractionBits } = format;
  const maxField = (1 << exponentBits) - 1;
  const bias = maxField >> 1;
  const compose = (field: number, fraction: bigint): bigint =>
    (BigInt(value.negative ? 1 : 0) << BigInt(exponentBits + fractionBits)) |
    (BigInt(field) << BigInt(fractionBits)) |
    fraction;
  if (value.significand === 0n) return compose(0, 0n);
  const limits = { bits: fractionBits + 1, minExponent: 1 - bias, maxExponent: bias, wrap: 0 };
  const rounded = roundTo(value, false, limits, rounding);
  if (rounding.raised & ~rounding.masks & (OVERFLOW | UNDERFLOW)) {
    rounding.raised &= ~PRECISION;
    rounding.roundedUp = false;
    return null;
  }
  if (rounded.kind === 'infinity') return compose(maxField, 0n);
  const all = (1n << BigInt(fractionBits)) - 1n;
  if (rounded.kind === 'greatest') return compose(maxField - 1, all);
  const { significand, scale } = rounded;
  const length = bitLength(significand);
  if (scale === 1 - bias - fractionBits && length <= fractionBits) return compose(0, significand);
  return compose(scale + length - 1 + bias, align(significand, fractionBits + 1 - length) & all);
}
