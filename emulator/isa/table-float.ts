import type { CostKey } from '../cost/keys.js';
import type { InstructionRow, MemoryUse } from './operation.js';
import { opcodePlus, row } from './row.js';
import { wait } from './semantics/system.js';
import { memoryHandler, registerHandler } from './x87/handlers.js';

/** Memory forms of opcodes d8-df by reg field: mnemonic and operand size. '' is undefined. */
const MEMORY: readonly string[][] = [
  'fadd d, fmul d, fcom d, fcomp d, fsub d, fsubr d, fdiv d, fdivr d',
  'fld d, , fst d, fstp d, fldenv ?, fldcw w, fnstenv ?, fnstcw w',
  'fiadd d, fimul d, ficom d, ficomp d, fisub d, fisubr d, fidiv d, fidivr d',
  'fild d, fisttp d, fist d, fistp d, , fld t, , fstp t',
  'fadd q, fmul q, fcom q, fcomp q, fsub q, fsubr q, fdiv q, fdivr q',
  'fld q, fisttp q, fst q, fstp q, frstor ?, , fnsave ?, fnstsw w',
  'fiadd w, fimul w, ficom w, ficomp w, fisub w, fisubr w, fidiv w, fidivr w',
  'fild w, fisttp w, fist w, fistp w, fbld t, fild q, fbstp t, fistp q',
].map((line) => line.split(',').map((form) => form.trim()));

/** Register forms by reg field, operand st(i). '' is undefined or in {@link FIXED}. */
const REGISTER: readonly string[][] = [
  'fadd, fmul, fcom, fcomp, fsub, fsubr, fdiv, fdivr',
  'fld, fxch, , fstpnce, , , , ',
  'fcmovb, fcmove, fcmovbe, fcmovu, , , , ',
  'fcmovnb, fcmovne, fcmovnbe, fcmovnu, , fucomi, fcomi, ',
  'fadd, fmul, fcom, fcomp, fsubr, fsub, fdivr, fdiv',
  'ffree, fxch, fst, fstp, fucom, fucomp, , ',
  'faddp, fmulp, fcomp, , fsubrp, fsubp, fdivrp, fdivp',
  'ffreep, fxch, fstp, fstp, , fucomip, fcomip, ',
].map((line) => line.split(',').map((form) => form.trim()));

/** Forms without an operand: first ModRM byte of a run, and the mnemonics from it on. */
const FIXED: readonly (readonly [number, number, string])[] = [
  [0xd9, 0xd0, 'fnop'],
  [0xd9, 0xe0, 'fchs, fabs, , , ftst, fxam, , , fld1, fldl2t, fldl2e, fldpi, fldlg2, fldln2, fldz'],
  [0xd9, 0xf0, 'f2xm1, fyl2x, fptan, fpatan, fxtract, fprem1, fdecstp, fincstp'],
  [0xd9, 0xf8, 'fprem, fyl2xp1, fsqrt, fsincos, frndint, fscale, fsin, fcos'],
  [0xda, 0xe9, 'fucompp'],
  [0xdb, 0xe0, 'fneni, fndisi, fnclex, fninit, fnsetpm'],
  [0xde, 0xd9, 'fcompp'],
];

/** Register forms whose destination is st(i) name it first. */
function registerOperands(opcode: number, mnemonic: string): string {
  if (/^(f(add|mul|subr?|divr?)p?)$/.test(mnemonic)) return opcode === 0xd8 ? 'ST0,H?' : 'H?,ST0';
  return /^(fcmov|fu?comi)/.test(mnemonic) ? 'ST0,H?' : 'H?';
}

const COSTLY: Readonly<Record<string, CostKey>> = {
  ...keys('x87.divide', 'fdiv fdivr fdivp fdivrp fidiv fidivr fsqrt fprem fprem1'),
  ...keys('x87.transcendental', 'f2xm1 fyl2x fyl2xp1 fpatan fptan fsin fcos fsincos'),
  ...keys('x87.state', 'fnsave frstor fnstenv fldenv fninit fbld fbstp'),
};

function keys(key: CostKey, mnemonics: string): Record<string, CostKey> {
  return Object.fromEntries(mnemonics.split(' ').map((mnemonic) => [mnemonic, key]));
}

function costOf(mnemonic: string): CostKey {
  return COSTLY[mnemonic] ?? 'x87';
}

const STORES = /^(fi?stt?p?|fbstp|fnst|fnsave)/;

function memoryRow(mnemonic: string, opcode: string, size: string): InstructionRow {
  const memory: MemoryUse = STORES.test(mnemonic) ? 'write' : 'read';
  return row(mnemonic, opcode, `M${size}`, memoryHandler(mnemonic, size), { cost: costOf(mnemonic), memory });
}

function registerRow(mnemonic: string, opcode: string, operands: string): InstructionRow {
  const handler = registerHandler(mnemonic, operands.startsWith('ST0'));
  return row(mnemonic, opcode, operands, handler, { cost: costOf(mnemonic) });
}

const BY_OPCODE = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((offset) => {
  const opcode = opcodePlus(0xd8, offset);
  return [0, 1, 2, 3, 4, 5, 6, 7].flatMap((digit) => {
    const [memory, size] = MEMORY[offset][digit].split(' ');
    const register = REGISTER[offset][digit];
    return [
      ...(memory ? [memoryRow(memory, `${opcode} /${digit}`, size)] : []),
      ...(register
        ? [registerRow(register, `${opcode} /${digit}`, registerOperands(0xd8 + offset, register))]
        : []),
    ];
  });
});

export const FLOAT_ROWS: readonly InstructionRow[] = [
  row('wait', '9b', '', wait),
  ...BY_OPCODE,
  ...FIXED.flatMap(([opcode, modrm, mnemonics]) =>
    mnemonics.split(',').flatMap((text, index) => {
      const mnemonic = text.trim();
      return mnemonic === ''
        ? []
        : [registerRow(mnemonic, `${opcodePlus(opcode, 0)} ${opcodePlus(modrm, index)}`, '')];
    }),
  ),
  registerRow('fnstsw', 'df e0', 'AX'),
];
