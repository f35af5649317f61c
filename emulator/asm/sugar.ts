import { scalar } from './evaluate.js';
import type { Argument } from './match.js';
import { registers, type RegisterName } from './registers.js';

/** A way to read an instruction with some operands left out or turned round, as NASM allows. */
export interface Reading {
  readonly mnemonic: string;
  readonly args: readonly Argument[];
  /** Address size the written operands asked for, as in `loop again, cx`. */
  readonly addressBits?: 16 | 32;
}

const named = (name: string): Argument => ({
  kind: 'register',
  register: registers.get(name) as RegisterName,
  to: false,
});
const isRegister = (arg: Argument | undefined, name: string) =>
  arg?.kind === 'register' && arg.register.name === name;

/** Instructions whose two operands can be swapped without changing what they do. */
const commutative = new Set(['xchg', 'test']);

/** x87 arithmetic: without operands it is the popping form on st1 and st0. */
const x87Popping: Readonly<Record<string, string>> = {
  fadd: 'faddp',
  fmul: 'fmulp',
  fsub: 'fsubp',
  fsubr: 'fsubrp',
  fdiv: 'fdivp',
  fdivr: 'fdivrp',
};
const x87PoppingNames = new Set(Object.values(x87Popping));
/** x87 instructions on st0 and a second register that may be left out (then st1). */
const x87OneRegister = new Set([
  'fcom',
  'fcomp',
  'fucom',
  'fucomp',
  'fxch',
  'ffree',
  'ffreep',
  'fld',
  'fst',
  'fstp',
]);
const x87Accumulator = new Set([
  'fcomi',
  'fcomip',
  'fucomi',
  'fucomip',
  ...['b', 'e', 'be', 'u', 'nb', 'ne', 'nbe', 'nu'].map((condition) => `fcmov${condition}`),
]);

/** Instructions on fixed registers, which may be written out (NASM's insns.dat lists these). */
const fixedOperands: Readonly<Record<string, readonly string[]>> = {
  monitor: ['eax', 'ecx', 'edx'],
  mwait: ['eax', 'ecx'],
  invlpga: ['eax', 'ecx'],
};

/** All readings of an instruction, the one as written first. */
export function readings(mnemonic: string, args: readonly Argument[]): Reading[] {
  const asWritten: Reading = { mnemonic, args };
  const [first, second] = args;
  switch (args.length) {
    case 0:
      if (Object.hasOwn(x87Popping, mnemonic))
        return [{ mnemonic: x87Popping[mnemonic], args: [named('st1'), named('st0')] }];
      if (x87PoppingNames.has(mnemonic)) return [{ mnemonic, args: [named('st1'), named('st0')] }];
      if (x87Accumulator.has(mnemonic)) return [{ mnemonic, args: [named('st0'), named('st1')] }];
      if (mnemonic === 'fxch' || mnemonic.startsWith('fcom') || mnemonic.startsWith('fucom')) {
        return [
          asWritten,
          { mnemonic, args: [named('st0'), named('st1')] },
          { mnemonic, args: [named('st1')] },
        ];
      }
      if (x87OneRegister.has(mnemonic)) return [asWritten, { mnemonic, args: [named('st1')] }];
      if (mnemonic === 'aam' || mnemonic === 'aad') {
        return [{ mnemonic, args: [{ kind: 'immediate', value: scalar(10n), strict: false }] }];
      }
      return [asWritten];
    case 1:
      if (first.kind === 'register' && first.register.class === 'st') return x87Readings(mnemonic, first);
      return [asWritten];
    case 2:
      if (first.kind === 'register' && second.kind === 'immediate' && mnemonic === 'imul') {
        return [{ mnemonic, args: [first, first, second] }];
      }
      if (commutative.has(mnemonic)) {
        const swapped = { mnemonic, args: [second, first] };
        // NASM puts the first operand of xchg into the register field.
        return mnemonic === 'xchg' ? [swapped, asWritten] : [asWritten, swapped];
      }
      if (/^loop/.test(mnemonic) && (isRegister(second, 'cx') || isRegister(second, 'ecx'))) {
        return [{ mnemonic, args: [first], addressBits: isRegister(second, 'cx') ? 16 : 32 }];
      }
      if (mnemonic === 'fxch' && isRegister(second, 'st0')) return [{ mnemonic, args: [second, first] }];
      return fixedReadings(asWritten);
    default:
      return fixedReadings(asWritten);
  }
}

function x87Readings(mnemonic: string, operand: Extract<Argument, { kind: 'register' }>): Reading[] {
  const asWritten = { mnemonic, args: [operand] };
  if (x87PoppingNames.has(mnemonic) !== operand.to) return [{ mnemonic, args: [operand, named('st0')] }];
  return [asWritten, { mnemonic, args: [named('st0'), operand] }];
}

/** Drops fixed operands that are written out; the first of invlpga names the address size. */
function fixedReadings(reading: Reading): Reading[] {
  const { mnemonic, args } = reading;
  if (!Object.hasOwn(fixedOperands, mnemonic)) return [reading];
  const names = fixedOperands[mnemonic];
  if (args.length !== names.length) return [reading];
  const narrow = mnemonic === 'invlpga' && isRegister(args[0], 'ax');
  const matches = names.every((name, index) => (index === 0 && narrow) || isRegister(args[index], name));
  if (!matches) return [reading];
  return [{ mnemonic, args: [], ...(mnemonic === 'invlpga' && { addressBits: narrow ? 16 : 32 }) }];
}
