import { randomSource } from '../../isa/random.js';

/** One instruction on one state. */
export interface Case {
  /** What is executed: mnemonic and operands, for messages. */
  name: string;
  /** An FRSTOR image in 32-bit protected format, hexadecimal. */
  image: string;
  /** The instruction; a memory operand is [edi]. */
  code: string;
  /** 16 bytes for edi to point to. */
  memory: string;
}

export const IMAGE_BYTES = 108;
const INTEGER_BIT = 1n << 63n;

type Random = (bound: number) => number;

function randomBits(random: Random, count: number): bigint {
  let bits = 0n;
  for (let at = 0; at < count; at += 16) bits = (bits << 16n) | BigInt(random(0x1_0000));
  return bits & ((1n << BigInt(count)) - 1n);
}

const SPECIAL: readonly bigint[] = [
  0n, // zero
  1n << 79n, // negative zero
  (0x7fffn << 64n) | INTEGER_BIT, // infinity
  (0xffffn << 64n) | INTEGER_BIT,
  (0x7fffn << 64n) | (3n << 62n) | 5n, // quiet NaN
  (0xffffn << 64n) | (3n << 62n) | (1n << 40n),
  (0x7fffn << 64n) | INTEGER_BIT | 7n, // signalling NaN
  (0x3fffn << 64n) | INTEGER_BIT, // 1
  (0xbfffn << 64n) | INTEGER_BIT,
  (0x3ffen << 64n) | INTEGER_BIT, // 1/2
  (0x4000n << 64n) | (3n << 62n), // 3
  1n, // least denormal
  INTEGER_BIT - 1n, // greatest denormal
  INTEGER_BIT, // pseudo-denormal
  (1n << 64n) | INTEGER_BIT, // least normal
  (0x7ffen << 64n) | (INTEGER_BIT * 2n - 1n), // greatest
  (0x4005n << 64n) | 5n, // unnormal
  (0x7fffn << 64n) | 5n, // pseudo-NaN
  (0x4000n << 64n) | 0xc90f_daa2_2168_c235n, // pi
  (0x403en << 64n) | (INTEGER_BIT * 2n - 1n), // 2^64 - 1
  (0xc03en << 64n) | INTEGER_BIT, // -2^63
];

/** A register's 80 bits: mostly numbers of like size, so that sums cancel and quotients are near 1; some odd ones. */
function registerBits(random: Random): bigint {
  const kind = random(8);
  if (kind === 0) return SPECIAL[random(SPECIAL.length)];
  const sign = BigInt(random(2)) << 79n;
  const exponents = [
    0x3fff,
    0x3fff,
    0x3ffe + random(4),
    0x3fe0 + random(96),
    1 + random(70),
    0x7fb0 + random(0x4e),
    random(0x7fff),
  ];
  const exponent = BigInt(exponents[kind - 1]) << 64n;
  // Few significant bits make ties and exact results.
  const significand = random(3) === 0 ? randomBits(random, 8) << BigInt(random(55)) : randomBits(random, 63);
  return sign | exponent | INTEGER_BIT | significand;
}

function hex(bits: bigint, bytes: number): string {
  let text = '';
  for (let at = 0; at < bytes; at++)
    text += Number((bits >> BigInt(at * 8)) & 0xffn)
      .toString(16)
      .padStart(2, '0');
  return text;
}

function image(random: Random): string {
  const masks = random(3) === 0 ? random(0x40) : 0x3f;
  const precision = random(2) === 0 ? 3 : [0, 2, 3][random(3)];
  const control = masks | 0x40 | (precision << 8) | (random(4) << 10);
  const top = random(8);
  const conditions = (random(2) << 8) | (random(2) << 9) | (random(2) << 10) | (random(2) << 14);
  const full = random(4) !== 0;
  let tags = 0;
  for (let register = 0; register < 8; register++) {
    // Two places stay free so that something can be pushed; sometimes none or any are.
    const place = (register - top) & 7;
    const isEmpty = full ? place >= 6 : random(2) === 0;
    tags |= (isEmpty ? 3 : 0) << (register * 2);
  }
  const words = [
    0xffff_0000 | control,
    0xffff_0000 | (top << 11) | conditions,
    0xffff_0000 | tags,
    0,
    0,
    0,
    0,
  ];
  const head = words.map((word) => hex(BigInt(word >>> 0), 4)).join('');
  return head + Array.from({ length: 8 }, () => hex(registerBits(random), 10)).join('');
}

/** Sizes of memory operands of the real and integer forms: single, double, extended, and 2, 4 and 8 bytes. */
const MEMORY_FORMS: readonly (readonly [name: string, opcode: number, digit: number, kind: string])[] = [
  ...['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr'].flatMap((name, digit) => [
    [`${name} m32`, 0xd8, digit, 'single'] as const,
    [`${name} m64`, 0xdc, digit, 'double'] as const,
    [`fi${name.slice(1)} m32`, 0xda, digit, 'integer'] as const,
    [`fi${name.slice(1)} m16`, 0xde, digit, 'integer'] as const,
  ]),
  ['fld m32', 0xd9, 0, 'single'],
  ['fst m32', 0xd9, 2, 'integer'],
  ['fstp m32', 0xd9, 3, 'integer'],
  ['fnstcw', 0xd9, 7, 'integer'],
  ['fild m32', 0xdb, 0, 'integer'],
  ['fisttp m32', 0xdb, 1, 'integer'],
  ['fist m32', 0xdb, 2, 'integer'],
  ['fistp m32', 0xdb, 3, 'integer'],
  ['fld m80', 0xdb, 5, 'extended'],
  ['fstp m80', 0xdb, 7, 'integer'],
  ['fld m64', 0xdd, 0, 'double'],
  ['fisttp m64', 0xdd, 1, 'integer'],
  ['fst m64', 0xdd, 2, 'integer'],
  ['fstp m64', 0xdd, 3, 'integer'],
  ['fnstsw m16', 0xdd, 7, 'integer'],
  ['fild m16', 0xdf, 0, 'integer'],
  ['fisttp m16', 0xdf, 1, 'integer'],
  ['fist m16', 0xdf, 2, 'integer'],
  ['fistp m16', 0xdf, 3, 'integer'],
  ['fbld', 0xdf, 4, 'decimal'],
  ['fild m64', 0xdf, 5, 'integer'],
  ['fbstp', 0xdf, 6, 'integer'],
  ['fistp m64', 0xdf, 7, 'integer'],
];

const REGISTER_FORMS: readonly (readonly [name: string, opcode: number, first: number])[] = [
  ...['fadd', 'fmul', 'fcom', 'fcomp', 'fsub', 'fsubr', 'fdiv', 'fdivr'].map(
    (name, digit) => [`${name} st0`, 0xd8, 0xc0 + digit * 8] as const,
  ),
  ['fld', 0xd9, 0xc0],
  ['fxch', 0xd9, 0xc8],
  ['fcmovb', 0xda, 0xc0],
  ['fcmove', 0xda, 0xc8],
  ['fcmovnbe', 0xdb, 0xd0],
  ['fucomi', 0xdb, 0xe8],
  ['fcomi', 0xdb, 0xf0],
  ['fadd to', 0xdc, 0xc0],
  ['fmul to', 0xdc, 0xc8],
  ['fsubr to', 0xdc, 0xe0],
  ['fsub to', 0xdc, 0xe8],
  ['fdivr to', 0xdc, 0xf0],
  ['fdiv to', 0xdc, 0xf8],
  ['ffree', 0xdd, 0xc0],
  ['fst', 0xdd, 0xd0],
  ['fstp', 0xdd, 0xd8],
  ['fucom', 0xdd, 0xe0],
  ['fucomp', 0xdd, 0xe8],
  ['faddp', 0xde, 0xc0],
  ['fmulp', 0xde, 0xc8],
  ['fsubrp', 0xde, 0xe0],
  ['fsubp', 0xde, 0xe8],
  ['fdivrp', 0xde, 0xf0],
  ['fdivp', 0xde, 0xf8],
  ['fucomip', 0xdf, 0xe8],
  ['fcomip', 0xdf, 0xf0],
];

const PLAIN_FORMS: readonly (readonly [name: string, code: string])[] = [
  ['fchs', 'd9e0'],
  ['fabs', 'd9e1'],
  ['ftst', 'd9e4'],
  ['fxam', 'd9e5'],
  ['fld1', 'd9e8'],
  ['fldl2t', 'd9e9'],
  ['fldl2e', 'd9ea'],
  ['fldpi', 'd9eb'],
  ['fldlg2', 'd9ec'],
  ['fldln2', 'd9ed'],
  ['fldz', 'd9ee'],
  ['fxtract', 'd9f4'],
  ['fprem1', 'd9f5'],
  ['fdecstp', 'd9f6'],
  ['fincstp', 'd9f7'],
  ['fprem', 'd9f8'],
  ['fsqrt', 'd9fa'],
  ['frndint', 'd9fc'],
  ['fscale', 'd9fd'],
  ['fcompp', 'ded9'],
  ['fucompp', 'dae9'],
  ['fnstsw ax', 'dfe0'],
  ['fnclex', 'dbe2'],
  ['fninit', 'dbe3'],
];

/** Their results may differ in the last place from one processor to another. */
export const TRANSCENDENTAL: readonly (readonly [name: string, code: string])[] = [
  ['f2xm1', 'd9f0'],
  ['fyl2x', 'd9f1'],
  ['fptan', 'd9f2'],
  ['fpatan', 'd9f3'],
  ['fyl2xp1', 'd9f9'],
  ['fsincos', 'd9fb'],
  ['fsin', 'd9fe'],
  ['fcos', 'd9ff'],
];

function memoryBits(random: Random, kind: string): bigint {
  if (kind === 'extended') return registerBits(random);
  if (kind === 'decimal') {
    const digits = Array.from({ length: 18 }, () => random(10)).join('');
    return (BigInt(random(2)) << 79n) | BigInt(`0x${digits}`);
  }
  if (kind === 'integer') return random(3) === 0 ? BigInt(random(16)) : randomBits(random, 64);
  const [exponentBits, fractionBits] = kind === 'single' ? [8, 23] : [11, 52];
  const bias = (1 << (exponentBits - 1)) - 1;
  const exponents = [bias, bias + random(8) - 4, random(1 << exponentBits), 0, (1 << exponentBits) - 1];
  const exponent = exponents[random(8)] ?? bias;
  const fraction = random(4) === 0 ? 0n : randomBits(random, fractionBits);
  return ((BigInt(random(2) << exponentBits) | BigInt(exponent)) << BigInt(fractionBits)) | fraction;
}

const byte = (value: number): string => value.toString(16).padStart(2, '0');

/** FYL2XP1 beyond 1 - √2/2 and F2XM1 beyond 1 give anything. */
function isDefined({ name, image }: Case): boolean {
  const limit = { fyl2xp1: 0x3ffd, f2xm1: 0x3fff }[name];
  if (limit === undefined) return true;
  const upper = Buffer.from(image, 'hex').readUInt16LE(36) & 0x7fff;
  return upper < limit || upper === 0x7fff;
}

/** The same seed gives the same cases. */
export function makeCases(perForm: number, seed: number): Case[] {
  const random = randomSource(seed);
  const cases: Case[] = [];
  for (let round = 0; round < perForm; round++) {
    for (const [name, opcode, digit, kind] of MEMORY_FORMS) {
      const code = byte(opcode) + byte((digit << 3) | 7);
      cases.push({ name, image: image(random), code, memory: hex(memoryBits(random, kind), 16) });
    }
    for (const [name, opcode, first] of REGISTER_FORMS) {
      const register = random(8);
      const code = byte(opcode) + byte(first + register);
      cases.push({ name: `${name}, st${register}`, image: image(random), code, memory: hex(0n, 16) });
    }
    for (const [name, code] of [...PLAIN_FORMS, ...TRANSCENDENTAL]) {
      const tested = { name, image: image(random), code, memory: hex(0n, 16) };
      if (isDefined(tested)) cases.push(tested);
    }
  }
  return cases;
}
