/** Radix named by a prefix or suffix letter (NASM manual 2.16, "Numeric Constants"). */
const radixOfLetter: Readonly<Record<string, number>> = {
  x: 16,
  h: 16,
  d: 10,
  t: 10,
  o: 8,
  q: 8,
  b: 2,
  y: 2,
};

function digitsValue(digits: string, radix: number): bigint | undefined {
  const plain = digits.replaceAll('_', '');
  if (plain === '') return undefined;
  let value = 0n;
  for (const character of plain) {
    const digit = parseInt(character, 36);
    if (!(digit < radix)) return undefined;
    value = value * BigInt(radix) + BigInt(digit);
  }
  return BigInt.asUintN(64, value);
}

/**
 * The value of an integer constant, modulo 2^64, or undefined when it is not one. When a prefix and a suffix
 * both fit, as in `0b1h`, the larger radix is meant, as in NASM.
 */
export function parseInteger(text: string): bigint | undefined {
  const lower = text.toLowerCase();
  if (lower.startsWith('$')) return digitsValue(lower.slice(1), 16);
  const prefix = lower.length > 2 && lower[0] === '0' ? (radixOfLetter[lower[1]] ?? 0) : 0;
  const suffix = lower.length > 1 ? (radixOfLetter[lower[lower.length - 1]] ?? 0) : 0;
  if (lower.endsWith('x') && prefix === 0) return undefined;
  if (prefix > suffix) return digitsValue(lower.slice(2), prefix);
  if (suffix > prefix) return digitsValue(lower.slice(0, -1), suffix);
  return digitsValue(lower, 10);
}

/** Whether a word that starts with a digit is a decimal floating-point constant. */
export function isFloatLiteral(text: string): boolean {
  return /^[0-9][0-9_]*(\.[0-9_]*([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)$/.test(text);
}

/** The IEEE bytes of a floating-point constant in 4 or 8 bytes, little-endian. */
export function floatBytes(text: string, size: 4 | 8, negative: boolean): Uint8Array {
  const value = Number(text.replaceAll('_', '')) * (negative ? -1 : 1);
  const view = new DataView(new ArrayBuffer(size));
  if (size === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  return new Uint8Array(view.buffer);
}
