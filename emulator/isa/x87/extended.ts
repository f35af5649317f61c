/**
 * Extended reals: the 80-bit format of the x87 registers (Intel SDM vol. 1, order number 253665-060, section 4.2
 * "Numeric Data Types"). Significands are 64 bits with an explicit integer bit.
 */
export interface Extended {
  readonly negative: boolean;
  /** As stored: 15 bits, biased by {@link BIAS}. */
  readonly exponent: number;
  readonly significand: bigint;
}

export const BIAS = 16_383;
export const MAX_EXPONENT = 0x7fff;
export const INTEGER_BIT = 1n << 63n;
/** In a NaN: set in a quiet one. */
export const QUIET_BIT = 1n << 62n;
const SIGNIFICAND_MASK = (1n << 64n) - 1n;

/** `unsupported`: encodings of the 8087 that later coprocessors refuse (section 4.2.2, table 4-8 "Unsupported ... Encodings"). */
export type ExtendedClass = 'zero' | 'denormal' | 'normal' | 'infinity' | 'nan' | 'unsupported';

export function classify({ exponent, significand }: Extended): ExtendedClass {
  if (exponent === 0) return significand === 0n ? 'zero' : 'denormal';
  if ((significand & INTEGER_BIT) === 0n) return 'unsupported';
  if (exponent !== MAX_EXPONENT) return 'normal';
  return significand === INTEGER_BIT ? 'infinity' : 'nan';
}

export function isSignalling(value: Extended): boolean {
  return classify(value) === 'nan' && (value.significand & QUIET_BIT) === 0n;
}

export function zero(negative: boolean): Extended {
  return { negative, exponent: 0, significand: 0n };
}

export function infinity(negative: boolean): Extended {
  return { negative, exponent: MAX_EXPONENT, significand: INTEGER_BIT };
}

/** What an invalid operation gives: the real indefinite. */
export const INDEFINITE: Extended = {
  negative: true,
  exponent: MAX_EXPONENT,
  significand: INTEGER_BIT | QUIET_BIT,
};

export function quiet(value: Extended): Extended {
  return { ...value, significand: value.significand | QUIET_BIT };
}

export function negate(value: Extended): Extended {
  return { ...value, negative: !value.negative };
}

export function magnitude(value: Extended): Extended {
  return { ...value, negative: false };
}

/** A finite value as `significand` × 2^`scale`, exactly. */
export interface Exact {
  readonly negative: boolean;
  readonly significand: bigint;
  readonly scale: number;
}

export function toExact({ negative, exponent, significand }: Extended): Exact {
  return { negative, significand, scale: Math.max(exponent, 1) - BIAS - 63 };
}

/** An integer of at most 64 bits, exactly. */
export function fromInteger(value: bigint): Extended {
  const negative = value < 0n;
  const absolute = negative ? -value : value;
  if (absolute === 0n) return zero(false);
  const shift = 64 - bitLength(absolute);
  return { negative, exponent: BIAS + 63 - shift, significand: absolute << BigInt(shift) };
}

/** Position above the highest set bit; 0 for 0. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

/** A binary interchange format narrower than extended: the sizes of its fields. */
export interface NarrowFormat {
  exponentBits: number;
  fractionBits: number;
}

export const SINGLE: NarrowFormat = { exponentBits: 8, fractionBits: 23 };
export const DOUBLE: NarrowFormat = { exponentBits: 11, fractionBits: 52 };

/** Widens single or double exactly; a denormal one becomes a normal extended real, and `denormal` says so. */
export function widen(
  bits: bigint,
  { exponentBits, fractionBits }: NarrowFormat,
): { value: Extended; denormal: boolean } {
  const fraction = bits & ((1n << BigInt(fractionBits)) - 1n);
  const maxExponent = (1 << exponentBits) - 1;
  const exponent = Number((bits >> BigInt(fractionBits)) & BigInt(maxExponent));
  const negative = ((bits >> BigInt(exponentBits + fractionBits)) & 1n) === 1n;
  const aligned = fraction << BigInt(63 - fractionBits);
  if (exponent === maxExponent) {
    return {
      value: { negative, exponent: MAX_EXPONENT, significand: INTEGER_BIT | aligned },
      denormal: false,
    };
  }
  const rebias = BIAS - (maxExponent >> 1);
  if (exponent !== 0)
    return {
      value: { negative, exponent: exponent + rebias, significand: INTEGER_BIT | aligned },
      denormal: false,
    };
  if (fraction === 0n) return { value: zero(negative), denormal: false };
  const shift = 64 - bitLength(aligned);
  return {
    value: { negative, exponent: 1 + rebias - shift, significand: aligned << BigInt(shift) },
    denormal: true,
  };
}

/** The 80 bits as one integer: sign, exponent, significand. */
export function pack({ negative, exponent, significand }: Extended): bigint {
  return (BigInt(exponent | (negative ? 0x8000 : 0)) << 64n) | significand;
}

export function unpack(bits: bigint): Extended {
  const upper = Number(bits >> 64n);
  return {
    negative: (upper & 0x8000) !== 0,
    exponent: upper & MAX_EXPONENT,
    significand: bits & SIGNIFICAND_MASK,
  };
}
