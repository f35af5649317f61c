import { ONE, integerRoot, invalid, screenOperands } from './arithmetic.js';
import { BIAS, bitLength, classify, infinity, toExact, zero } from './extended.js';
import type { Exact, Extended } from './extended.js';
import { PRECISION, ZERO_DIVIDE, roundToExtended } from './rounding.js';
import type { Rounding } from './rounding.js';

/*
 * Transcendental functions in fixed point: integers that count units of 2^-fraction bits. They are computed with
 * far more bits than a register holds and then rounded, which is within the error of less than one unit in the last
 * place that the coprocessor promises (SDM vol. 1, section 8.3.10 "Transcendental Instruction Accuracy").
 */

/** Bits kept below the leading bit of a result, at least. */
const WORKING_BITS = 160;

/** Pi as the coprocessor has it for argument reduction: 66 bits (section 8.3.8 "Pi"). */
const PI_66 = 0x3_243f_6a88_85a3_08d3n;
const PI_66_SCALE = -64;

/** π/2 in units of 2^-fraction, by Machin's formula. */
function halfPi(fraction: number): bigint {
  const guard = fraction + 16;
  const arctanInverse = (n: bigint): bigint => {
    let term = (1n << BigInt(guard)) / n;
    let sum = term;
    for (let k = 3n, sign = -1n; term !== 0n; k += 2n, sign = -sign) {
      term /= n * n;
      sum += (sign * term) / k;
    }
    return sum;
  };
  return (2n * (4n * arctanInverse(5n) - arctanInverse(239n))) >> 16n;
}

/** ln 2 in units of 2^-fraction. */
function naturalLogOf2(fraction: number): bigint {
  return 2n * artanh(1n << BigInt(fraction), 3n, fraction);
}

/** artanh(numerator ÷ (denominator × 2^fraction)) for a small quotient. */
function artanh(numerator: bigint, denominator: bigint, fraction: number): bigint {
  const x = numerator / denominator;
  const square = (x * x) >> BigInt(fraction);
  let power = x;
  let sum = x;
  for (let k = 3n; power !== 0n && power !== -1n; k += 2n) {
    power = (power * square) >> BigInt(fraction);
    sum += power / k;
  }
  return sum;
}

/** In units of 2^-fraction, cut off. */
function fixed({ negative, significand, scale }: Exact, fraction: number): bigint {
  const shift = scale + fraction;
  const value = shift >= 0 ? significand << BigInt(shift) : significand >> BigInt(-shift);
  return negative ? -value : value;
}

/** The result in a register: inexact, as every transcendental result but a trivial one is. */
function finish(value: bigint, fraction: number, rounding: Rounding): Extended {
  const negative = value < 0n;
  const significand = negative ? -value : value;
  return roundToExtended({ negative, significand, scale: -fraction }, rounding, true, 64);
}

/** x, moved by less than its last place towards zero or away from it: what a function that is nearly the identity gives. */
function nearly(x: Extended, towardsZero: boolean, rounding: Rounding): Extended {
  const { negative, significand, scale } = toExact(x);
  const widened = (significand << 64n) - (towardsZero ? 1n : 0n);
  return roundToExtended({ negative, significand: widened, scale: scale - 64 }, rounding, true, 64);
}

/** Exponents below which sin x, tan x and arctan x differ from x by less than its last place. */
const IDENTITY_EXPONENT = BIAS - 40;

function leadingZeros(x: Extended): number {
  return Math.max(0, BIAS - x.exponent);
}

/** Sine and cosine of a fixed-point angle of at most π/4 or so, by their series. */
function sineCosine(angle: bigint, fraction: number): { sine: bigint; cosine: bigint } {
  const shift = BigInt(fraction);
  let term = 1n << shift;
  let sine = 0n;
  let cosine = 0n;
  for (let k = 0n; term !== 0n && term !== -1n;) {
    cosine += k & 2n ? -term : term;
    term = ((term * angle) >> shift) / ++k;
    sine += k & 2n ? -term : term;
    term = ((term * angle) >> shift) / ++k;
  }
  return { sine, cosine };
}

/** From where on an argument is out of range: 2^63 (FSIN, FCOS, FPTAN). */
export function isOutOfRange(x: Extended): boolean {
  return classify(x) !== 'infinity' && x.exponent >= BIAS + 63;
}

/** Sine and cosine of an argument in range, in units of 2^-fraction. */
function reduced(x: Extended): { sine: bigint; cosine: bigint; fraction: number } {
  const { negative, significand, scale } = toExact(x);
  const fraction = WORKING_BITS + 2 * leadingZeros(x) + 64;
  // Exactly, against the 66-bit value: x mod π/2 in units of the finer of both scales.
  const unit = Math.min(scale, PI_66_SCALE - 1);
  const quarter = PI_66 << BigInt(PI_66_SCALE - 1 - unit);
  const magnitude = significand << BigInt(scale - unit);
  let quadrant = magnitude / quarter;
  let rest = magnitude - quadrant * quarter;
  if (rest * 2n > quarter) {
    quadrant++;
    rest -= quarter;
  }
  const angle = fixed({ negative: false, significand: rest, scale: unit }, fraction);
  const { sine, cosine } = sineCosine(angle, fraction);
  const turns: readonly (readonly [bigint, bigint])[] = [
    [sine, cosine],
    [cosine, -sine],
    [-sine, -cosine],
    [-cosine, sine],
  ];
  const [sineOf, cosineOf] = turns[Number(quadrant & 3n)];
  return { sine: negative ? -sineOf : sineOf, cosine: cosineOf, fraction };
}

export function sine(x: Extended, rounding: Rounding): Extended {
  const early = screenOperands([x], rounding);
  if (early) return early;
  if (classify(x) === 'infinity') return invalid(rounding);
  if (classify(x) === 'zero') return x;
  if (x.exponent < IDENTITY_EXPONENT) return nearly(x, true, rounding);
  const { sine: value, fraction } = reduced(x);
  return finish(value, fraction, rounding);
}

export function cosine(x: Extended, rounding: Rounding): Extended {
  const early = screenOperands([x], rounding);
  if (early) return early;
  if (classify(x) === 'infinity') return invalid(rounding);
  if (classify(x) === 'zero') return ONE;
  if (x.exponent < IDENTITY_EXPONENT) return nearly(ONE, true, rounding);
  const { cosine: value, fraction } = reduced(x);
  return finish(value, fraction, rounding);
}

export function tangent(x: Extended, rounding: Rounding): Extended {
  const early = screenOperands([x], rounding);
  if (early) return early;
  if (classify(x) === 'infinity') return invalid(rounding);
  if (classify(x) === 'zero') return x;
  if (x.exponent < IDENTITY_EXPONENT) return nearly(x, false, rounding);
  const { sine: above, cosine: below, fraction } = reduced(x);
  return finish((above << BigInt(fraction)) / below, fraction, rounding);
}

/** arctan of a fixed-point number in [0, 1]: halved twice by arctan t = 2 arctan(t ÷ (1 + √(1 + t²))), then its series. */
function arctangent(t: bigint, fraction: number): bigint {
  const shift = BigInt(fraction);
  const one = 1n << shift;
  let x = t;
  for (let halving = 0; halving < 3; halving++) {
    const root = integerRoot(one * one + x * x);
    x = (x << shift) / (one + root);
  }
  const square = (x * x) >> shift;
  let power = x;
  let sum = x;
  for (let k = 3n, sign = -1n; power !== 0n; k += 2n, sign = -sign) {
    power = (power * square) >> shift;
    sum += (sign * power) / k;
  }
  return sum << 3n;
}

/** FPATAN: the angle of the point (x, y), from -π to π (table "FPATAN Results"). */
export function partialArctangent(y: Extended, x: Extended, rounding: Rounding): Extended {
  const early = screenOperands([y, x], rounding);
  if (early) return early;
  const [ofY, ofX] = [classify(y), classify(x)];
  if (ofY === 'zero') {
    return x.negative ? angle(2n, 1n, y.negative, rounding) : y;
  }
  if (ofY === 'infinity' && ofX === 'infinity') {
    return x.negative ? angle(3n, 2n, y.negative, rounding) : angle(1n, 2n, y.negative, rounding);
  }
  if (ofY === 'infinity' || ofX === 'zero') return angle(1n, 1n, y.negative, rounding);
  if (ofX === 'infinity') return x.negative ? angle(2n, 1n, y.negative, rounding) : zero(y.negative);
  const [ey, ex] = [toExact(y), toExact(x)];
  const distance = ey.scale + bitLength(ey.significand) - ex.scale - bitLength(ex.significand);
  // Beyond this the angle is one of the axes, or the quotient itself, to more places than any result has.
  const limit = 20_000;
  if (distance > 200) return angle(1n, 1n, y.negative, rounding);
  if (distance < -200 && x.negative) return angle(2n, 1n, y.negative, rounding);
  const small = Math.min(limit, Math.max(0, -distance));
  const fraction = WORKING_BITS + 2 * small + 64;
  const shift = fraction + ey.scale - ex.scale;
  const ratio =
    shift >= 0
      ? (ey.significand << BigInt(shift)) / ex.significand
      : ey.significand / (ex.significand << BigInt(-shift));
  const one = 1n << BigInt(fraction);
  const tiny = distance < -200;
  const steep = ratio > one;
  const base = tiny ? ratio : arctangent(steep ? (one * one) / ratio : ratio, fraction);
  const quarter = halfPi(fraction);
  let result = steep ? quarter - base : base;
  if (x.negative) result = 2n * quarter - result;
  return finish(y.negative ? -result : result, fraction, rounding);
}

/** `numerator` ÷ `denominator` × π/2. */
function angle(numerator: bigint, denominator: bigint, negative: boolean, rounding: Rounding): Extended {
  const value = (halfPi(WORKING_BITS) * numerator) / denominator;
  return finish(negative ? -value : value, WORKING_BITS, rounding);
}

/** e^t - 1 for a small fixed-point t, by its series. */
function exponentialLess1(t: bigint, fraction: number): bigint {
  let term = t;
  let sum = 0n;
  for (let k = 2n; term !== 0n && term !== -1n; k++) {
    sum += term;
    term = ((term * t) >> BigInt(fraction)) / k;
  }
  return sum;
}

/** F2XM1: 2^x - 1 for x from -1 to 1; beyond, where the result is undefined, x itself. */
export function powerOf2Less1(x: Extended, rounding: Rounding): Extended {
  const early = screenOperands([x], rounding);
  if (early) return early;
  if (classify(x) === 'infinity') return x.negative ? { ...ONE, negative: true } : x;
  if (classify(x) === 'zero') return x;
  if (x.exponent > BIAS || (x.exponent === BIAS && x.significand !== ONE.significand)) return x;
  const fraction = WORKING_BITS + 2 * leadingZeros(x) + 64;
  const argument = (fixed(toExact(x), fraction) * naturalLogOf2(fraction)) >> BigInt(fraction);
  // Both ends are exact.
  if (x.exponent === BIAS) return x.negative ? { ...ONE, negative: true, exponent: BIAS - 1 } : ONE;
  return finish(exponentialLess1(argument, fraction), fraction, rounding);
}

/** log2 of a positive finite number, in units of 2^-fraction; `exact` when it is a whole number. */
function binaryLogarithm(x: Extended): { value: bigint; fraction: number; exact: boolean } {
  const { significand, scale } = toExact(x);
  const length = bitLength(significand);
  let whole = scale + length - 1;
  if (significand === 1n << BigInt(length - 1)) {
    return { value: BigInt(whole), fraction: 0, exact: true };
  }
  // Of a number just above or below a power of two the logarithm begins with up to 64 zeros.
  const fraction = WORKING_BITS + 128;
  const one = 1n << BigInt(fraction);
  let mantissa = significand << BigInt(fraction - length + 1);
  // Into [1/√2, √2), where the series is short and a logarithm near 0 keeps its places.
  if (mantissa * mantissa > 2n * one * one) {
    mantissa >>= 1n;
    whole++;
  }
  const natural = 2n * artanh((mantissa - one) << BigInt(fraction), mantissa + one, fraction);
  const value = (natural << BigInt(fraction)) / naturalLogOf2(fraction);
  return { value: (BigInt(whole) << BigInt(fraction)) + value, fraction, exact: false };
}

/** FYL2X: y × log2 x. */
export function timesLogarithm(x: Extended, y: Extended, rounding: Rounding): Extended {
  const early = screenOperands([x, y], rounding);
  if (early) return early;
  const [ofX, ofY] = [classify(x), classify(y)];
  if (ofX === 'zero') {
    if (ofY === 'zero') return invalid(rounding);
    if (ofY !== 'infinity') rounding.raised |= ZERO_DIVIDE;
    return infinity(!y.negative);
  }
  if (x.negative) return invalid(rounding);
  if (ofX === 'infinity') return ofY === 'zero' ? invalid(rounding) : infinity(y.negative);
  const { value, fraction, exact } = binaryLogarithm(x);
  if (ofY === 'infinity') return value === 0n ? invalid(rounding) : infinity(y.negative !== value < 0n);
  return timesFixed(y, value, fraction, exact, rounding);
}

/** FYL2XP1: y × log2(x + 1), for small x without loss of places. */
export function timesLogarithmOf1Plus(x: Extended, y: Extended, rounding: Rounding): Extended {
  const early = screenOperands([x, y], rounding);
  if (early) return early;
  const [ofX, ofY] = [classify(x), classify(y)];
  const negative = x.negative !== y.negative;
  if (ofX === 'zero') return ofY === 'infinity' ? invalid(rounding) : zero(negative);
  if (ofX === 'infinity') return x.negative || ofY === 'zero' ? invalid(rounding) : infinity(y.negative);
  if (ofY === 'infinity') return infinity(negative);
  const exact = toExact(x);
  const fraction = WORKING_BITS + 2 * leadingZeros(x) + 128;
  const one = 1n << BigInt(fraction);
  const argument = fixed(exact, fraction);
  // At -1 and below there is no logarithm; the result is undefined there.
  if (argument <= -one) return invalid(rounding);
  const natural = 2n * artanh(argument << BigInt(fraction), 2n * one + argument, fraction);
  const value = (natural << BigInt(fraction)) / naturalLogOf2(fraction);
  return timesFixed(y, value, fraction, false, rounding);
}

function timesFixed(
  y: Extended,
  value: bigint,
  fraction: number,
  exact: boolean,
  rounding: Rounding,
): Extended {
  const factor = toExact(y);
  const absolute = value < 0n ? -value : value;
  const significand = factor.significand * absolute;
  const negative = y.negative !== value < 0n;
  if (significand === 0n) return zero(negative);
  // Even a logarithm that is a whole number counts as inexact.
  rounding.raised |= PRECISION;
  return roundToExtended({ negative, significand, scale: factor.scale - fraction }, rounding, !exact, 64);
}
