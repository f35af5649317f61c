import type { InstructionRow } from './operation.js';
import { opcodePlus, row } from './row.js';
import * as arithmetic from './semantics/arithmetic.js';
import * as bcd from './semantics/bcd.js';
import * as bits from './semantics/bits.js';
import * as fast from './semantics/fast.js';
import * as multiply from './semantics/multiply.js';
import * as shift from './semantics/shift.js';

/** The eight two-operand operations: opcodes 00-3d and groups 80, 81, 82, 83. */
const BINARY_ROWS = ['add', 'or', 'adc', 'sbb', 'and', 'sub', 'xor', 'cmp'].flatMap((mnemonic, number) => {
  const opcode = (offset: number): string => opcodePlus(number * 8, offset);
  const { writes } = arithmetic.BINARY[mnemonic];
  const toRm = { memory: writes ? 'modify' : 'read', lockable: writes } as const;
  const rmReg = arithmetic.binaryRmReg(mnemonic);
  const regRm = arithmetic.binaryRegRm(mnemonic);
  const regImmediate = arithmetic.binaryRegImmediate(mnemonic);
  const rmImmediate = arithmetic.binaryRmImmediate(mnemonic);
  return [
    row(mnemonic, `${opcode(0)} /r`, 'Eb,Gb', rmReg, toRm),
    row(mnemonic, `${opcode(1)} /r`, 'Ev,Gv', rmReg, { ...toRm, specialise: fast.specialiseRmReg }),
    row(mnemonic, `${opcode(2)} /r`, 'Gb,Eb', regRm, { memory: 'read' }),
    row(mnemonic, `${opcode(3)} /r`, 'Gv,Ev', regRm, { memory: 'read', specialise: fast.specialiseRegRm }),
    row(mnemonic, opcode(4), 'AL,Ib', regImmediate),
    row(mnemonic, opcode(5), 'eAX,Iz', regImmediate, { specialise: fast.specialiseRegImmediate }),
    row(mnemonic, `80 /${number}`, 'Eb,Ib', rmImmediate, toRm),
    row(mnemonic, `81 /${number}`, 'Ev,Iz', rmImmediate, { ...toRm, specialise: fast.specialiseRmImmediate }),
    row(mnemonic, `82 /${number}`, 'Eb,Ib', rmImmediate, toRm),
    row(mnemonic, `83 /${number}`, 'Ev,Isb', rmImmediate, {
      ...toRm,
      specialise: fast.specialiseRmImmediate,
    }),
  ];
});

const SHIFT_ROWS = shift.SHIFTS.flatMap(({ mnemonic, operate }, digit) => {
  const options = { cost: 'shift', memory: 'modify' } as const;
  const byImmediate = shift.shiftByImmediate(operate);
  const byCl = shift.shiftByCl(operate);
  return [
    row(mnemonic, `c0 /${digit}`, 'Eb,Ib', byImmediate, options),
    row(mnemonic, `c1 /${digit}`, 'Ev,Ib', byImmediate, options),
    row(mnemonic, `d0 /${digit}`, 'Eb,1', byImmediate, options),
    row(mnemonic, `d1 /${digit}`, 'Ev,1', byImmediate, options),
    row(mnemonic, `d2 /${digit}`, 'Eb,CL', byCl, options),
    row(mnemonic, `d3 /${digit}`, 'Ev,CL', byCl, options),
  ];
});

const BIT_TEST_ROWS = ['bt', 'bts', 'btr', 'btc'].flatMap((mnemonic, number) => {
  const memory = mnemonic === 'bt' ? 'read' : 'modify';
  const options = { cost: 'bit', memory, lockable: memory === 'modify' } as const;
  return [
    row(mnemonic, `0f ${opcodePlus(0xa3, number * 8)} /r`, 'Ev,Gv', bits.bitTestRegister(mnemonic), options),
    row(mnemonic, `0f ba /${4 + number}`, 'Ev,Ib', bits.bitTestImmediate(mnemonic), options),
  ];
});

const modify = { memory: 'modify', lockable: true } as const;
const read = { memory: 'read' } as const;
const test = arithmetic.binaryRmReg('test');
const testImmediate = arithmetic.binaryRmImmediate('test');
const double = { cost: 'shift', memory: 'modify' } as const;

/** Integer arithmetic, logic, shifts, bits and decimal adjustment. */
export const ARITHMETIC_ROWS: readonly InstructionRow[] = [
  ...BINARY_ROWS,
  row('test', '84 /r', 'Eb,Gb', test, read),
  row('test', '85 /r', 'Ev,Gv', test, { ...read, specialise: fast.specialiseRmReg }),
  row('test', 'a8', 'AL,Ib', arithmetic.binaryRegImmediate('test')),
  row('test', 'a9', 'eAX,Iz', arithmetic.binaryRegImmediate('test'), {
    specialise: fast.specialiseRegImmediate,
  }),
  row('test', 'f6 /0', 'Eb,Ib', testImmediate, read),
  row('test', 'f6 /1', 'Eb,Ib', testImmediate, read),
  row('test', 'f7 /0', 'Ev,Iz', testImmediate, { ...read, specialise: fast.specialiseRmImmediate }),
  row('test', 'f7 /1', 'Ev,Iz', testImmediate, read),
  row('inc', '40 +r', 'Zv', arithmetic.incRegister, { specialise: fast.specialiseRegister }),
  row('dec', '48 +r', 'Zv', arithmetic.decRegister, { specialise: fast.specialiseRegister }),
  row('inc', 'fe /0', 'Eb', arithmetic.inc, modify),
  row('dec', 'fe /1', 'Eb', arithmetic.dec, modify),
  row('inc', 'ff /0', 'Ev', arithmetic.inc, { ...modify, specialise: fast.specialiseRm }),
  row('dec', 'ff /1', 'Ev', arithmetic.dec, { ...modify, specialise: fast.specialiseRm }),
  row('not', 'f6 /2', 'Eb', arithmetic.not, modify),
  row('not', 'f7 /2', 'Ev', arithmetic.not, modify),
  row('neg', 'f6 /3', 'Eb', arithmetic.neg, modify),
  row('neg', 'f7 /3', 'Ev', arithmetic.neg, modify),
  row('xadd', '0f c0 /r', 'Eb,Gb', arithmetic.xadd, modify),
  row('xadd', '0f c1 /r', 'Ev,Gv', arithmetic.xadd, modify),
  row('cmpxchg', '0f b0 /r', 'Eb,Gb', arithmetic.cmpxchg, modify),
  row('cmpxchg', '0f b1 /r', 'Ev,Gv', arithmetic.cmpxchg, modify),
  row('lea', '8d /r', 'Gv,M?', arithmetic.lea, { cost: 'lea', specialise: fast.specialiseRegister }),
  ...SHIFT_ROWS,
  row('shld', '0f a4 /r', 'Ev,Gv,Ib', shift.shldImmediate, double),
  row('shld', '0f a5 /r', 'Ev,Gv,CL', shift.shldCl, double),
  row('shrd', '0f ac /r', 'Ev,Gv,Ib', shift.shrdImmediate, double),
  row('shrd', '0f ad /r', 'Ev,Gv,CL', shift.shrdCl, double),
  row('mul', 'f6 /4', 'Eb', multiply.mul, { cost: 'multiply', memory: 'read' }),
  row('mul', 'f7 /4', 'Ev', multiply.mul, { cost: 'multiply', memory: 'read' }),
  row('imul', 'f6 /5', 'Eb', multiply.imulAccumulator, { cost: 'multiply', memory: 'read' }),
  row('imul', 'f7 /5', 'Ev', multiply.imulAccumulator, { cost: 'multiply', memory: 'read' }),
  row('imul', '0f af /r', 'Gv,Ev', multiply.imulRegRm, { cost: 'multiply', memory: 'read' }),
  row('imul', '69 /r', 'Gv,Ev,Iz', multiply.imulRegRmImmediate, { cost: 'multiply', memory: 'read' }),
  row('imul', '6b /r', 'Gv,Ev,Isb', multiply.imulRegRmImmediate, { cost: 'multiply', memory: 'read' }),
  row('div', 'f6 /6', 'Eb', multiply.div, { cost: 'divide', memory: 'read' }),
  row('div', 'f7 /6', 'Ev', multiply.div, { cost: 'divide', memory: 'read' }),
  row('idiv', 'f6 /7', 'Eb', multiply.idiv, { cost: 'divide', memory: 'read' }),
  row('idiv', 'f7 /7', 'Ev', multiply.idiv, { cost: 'divide', memory: 'read' }),
  ...BIT_TEST_ROWS,
  row('bsf', '0f bc /r', 'Gv,Ev', bits.bsf, { cost: 'bit', memory: 'read' }),
  row('bsr', '0f bd /r', 'Gv,Ev', bits.bsr, { cost: 'bit', memory: 'read' }),
  row('daa', '27', '', bcd.daa, { cost: 'bcd' }),
  row('das', '2f', '', bcd.das, { cost: 'bcd' }),
  row('aaa', '37', '', bcd.aaa, { cost: 'bcd' }),
  row('aas', '3f', '', bcd.aas, { cost: 'bcd' }),
  row('aam', 'd4', 'Ib', bcd.aam, { cost: 'bcd' }),
  row('aad', 'd5', 'Ib', bcd.aad, { cost: 'bcd' }),
];
