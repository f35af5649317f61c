import type { InstructionRow } from './operation.js';
import { opcodePlus, row } from './row.js';
import * as bits from './semantics/bits.js';
import * as data from './semantics/data.js';
import * as fast from './semantics/fast.js';
import { CONDITION_NAMES } from './semantics/flags.js';
import * as segment from './semantics/segment.js';
import * as stack from './semantics/stack.js';
import * as string from './semantics/string.js';
import { DS, ES, FS, GS, SEGMENT_NAMES, SS } from '../arch/registers.js';

const CONDITIONAL_ROWS = CONDITION_NAMES.flatMap((name, condition) => [
  row(`cmov${name}`, `0f ${opcodePlus(0x40, condition)} /r`, 'Gv,Ev', bits.cmovcc, { memory: 'read' }),
  row(`set${name}`, `0f ${opcodePlus(0x90, condition)} /r`, 'Eb', bits.setcc, { memory: 'write' }),
]);

/** Loads of a segment register in ring 1-3 consult the host's descriptors and check against the real CPL. */
const segmentLoad = { cost: 'segment.load', sensitivity: 'silent' } as const;

/** MOV to and from each segment register; CS cannot be loaded. A load of SS holds interrupts off for an instruction. */
const MOV_SEGMENT_ROWS = [ES, 1, SS, DS, FS, GS].flatMap((number) => [
  row('mov', `8c /${number}`, 'Ev,Sw', segment.movRmSegment, { memory: 'write', sensitivity: 'silent' }),
  ...(number === 1
    ? []
    : [
        row('mov', `8e /${number}`, 'Sw,Ew', segment.movSegmentRm, {
          ...segmentLoad,
          memory: 'read',
          flow: number === SS ? 'unmask' : 'next',
        }),
      ]),
]);

const PUSH_SEGMENT_ROWS = ['06', '0e', '16', '1e', '0f a0', '0f a8'].map((opcode, number) =>
  row('push', opcode, SEGMENT_NAMES[number].toUpperCase(), segment.pushSegment, {
    cost: 'stack',
    sensitivity: 'silent',
  }),
);

const POP_SEGMENT_ROWS = [
  ['07', 'ES'],
  ['17', 'SS'],
  ['1f', 'DS'],
  ['0f a1', 'FS'],
  ['0f a9', 'GS'],
].map(([opcode, name]) =>
  row('pop', opcode, name, segment.popSegment, { ...segmentLoad, flow: name === 'SS' ? 'unmask' : 'next' }),
);

const FAR_POINTER_ROWS = (
  [
    ['les', 'c4 /r', ES],
    ['lds', 'c5 /r', DS],
    ['lss', '0f b2 /r', SS],
    ['lfs', '0f b4 /r', FS],
    ['lgs', '0f b5 /r', GS],
  ] as const
).map(([mnemonic, opcode, number]) =>
  row(mnemonic, opcode, 'Gv,Mp', segment.loadFarPointer(number), {
    ...segmentLoad,
    memory: 'read',
    flow: number === SS ? 'serial' : 'next',
  }),
);

/**
 * String instructions, each alone and repeated. A repeated one ends its block, because it may stop in the middle.
 * Its first iteration is charged with the row, also when the count is 0.
 */
const STRING_ROWS = (
  [
    ['movs', 'a4', 'Yb,Xb', 'Yv,Xv', string.movs, 1, 1],
    ['cmps', 'a6', 'Xb,Yb', 'Xv,Yv', string.cmps, 2, 0],
    ['stos', 'aa', 'Yb,AL', 'Yv,eAX', string.stos, 0, 1],
    ['lods', 'ac', 'AL,Xb', 'eAX,Xv', string.lods, 1, 0],
    ['scas', 'ae', 'AL,Yb', 'eAX,Yv', string.scas, 1, 0],
    ['ins', '6c', 'Yb,DX', 'Yv,DX', string.ins, 0, 1],
    ['outs', '6e', 'DX,Xb', 'DX,Xv', string.outs, 1, 0],
  ] as const
).flatMap(([mnemonic, opcode, byteOperands, operands, element, loads, stores]) => {
  const port = mnemonic === 'ins' || mnemonic === 'outs';
  const shared = {
    cost: 'string',
    loads,
    stores,
    ...(port && ({ flow: 'serial', sensitivity: 'traps', intercept: 'IOIO' } as const)),
  } as const;
  const repeated = { ...shared, flow: 'serial' } as const;
  const compares = mnemonic === 'cmps' || mnemonic === 'scas';
  const wide = opcodePlus(Number.parseInt(opcode, 16), 1);
  return (
    [
      [opcode, byteOperands],
      [wide, operands],
    ] as const
  ).flatMap(([code, notation]) => [
    row(mnemonic, code, notation, element, shared),
    row(mnemonic, `f3 ${code}`, notation, string.repeat(element, compares ? true : null), repeated),
    row(mnemonic, `f2 ${code}`, notation, string.repeat(element, compares ? false : null), repeated),
  ]);
});

const load = { memory: 'read' } as const;
const store = { memory: 'write' } as const;
const exchange = { memory: 'modify', lockable: true } as const;

/** Moves, exchanges, stack, segment registers and strings. */
export const DATA_ROWS: readonly InstructionRow[] = [
  row('mov', '88 /r', 'Eb,Gb', data.movRmReg, { ...store, specialise: fast.specialiseRmReg }),
  row('mov', '89 /r', 'Ev,Gv', data.movRmReg, { ...store, specialise: fast.specialiseRmReg }),
  row('mov', '8a /r', 'Gb,Eb', data.movRegRm, { ...load, specialise: fast.specialiseRegRm }),
  row('mov', '8b /r', 'Gv,Ev', data.movRegRm, { ...load, specialise: fast.specialiseRegRm }),
  row('mov', 'a0', 'AL,Ob', data.movRegRm, load),
  row('mov', 'a1', 'eAX,Ov', data.movRegRm, { ...load, specialise: fast.specialiseRegRm }),
  row('mov', 'a2', 'Ob,AL', data.movRmReg, store),
  row('mov', 'a3', 'Ov,eAX', data.movRmReg, { ...store, specialise: fast.specialiseRmReg }),
  row('mov', 'b0 +r', 'Zb,Ib', data.movRegImmediate),
  row('mov', 'b8 +r', 'Zv,Iz', data.movRegImmediate, { specialise: fast.specialiseRegImmediate }),
  row('mov', 'c6 /0', 'Eb,Ib', data.movRmImmediate, store),
  row('mov', 'c7 /0', 'Ev,Iz', data.movRmImmediate, { ...store, specialise: fast.specialiseRmImmediate }),
  row('movzx', '0f b6 /r', 'Gv,Eb', data.movzxByte, { ...load, specialise: fast.specialiseMovzxByte }),
  row('movzx', '0f b7 /r', 'Gv,Ew', data.movzxWord, load),
  row('movsx', '0f be /r', 'Gv,Eb', data.movsxByte, load),
  row('movsx', '0f bf /r', 'Gv,Ew', data.movsxWord, load),
  ...CONDITIONAL_ROWS,
  row('xchg', '86 /r', 'Eb,Gb', data.xchgRmReg, exchange),
  row('xchg', '87 /r', 'Ev,Gv', data.xchgRmReg, exchange),
  row('xchg', '90 +r', 'Zv,eAX', data.xchgAccumulator),
  row('cmpxchg8b', '0f c7 /1', 'Mq', data.cmpxchg8b, { ...exchange, loads: 1, stores: 1 }),
  row('bswap', '0f c8 +r', 'Zv', data.bswap),
  row('cbw', '98', '', data.cbw),
  row('cwd', '99', '', data.cwd),
  row('xlat', 'd7', '', data.xlat, { loads: 1 }),
  row('lahf', '9f', '', data.lahf, { cost: 'flags.read' }),
  row('sahf', '9e', '', data.sahf),
  row('salc', 'd6', '', data.salc),
  row('push', '50 +r', 'Zv', stack.pushRegister, { cost: 'stack', specialise: fast.specialiseRegister }),
  row('pop', '58 +r', 'Zv', stack.popRegister, { cost: 'stack', specialise: fast.specialiseRegister }),
  row('push', '68', 'Iz', stack.pushImmediate, { cost: 'stack' }),
  row('push', '6a', 'Isb', stack.pushImmediate, { cost: 'stack' }),
  row('push', 'ff /6', 'Ev', stack.pushRm, { cost: 'stack', memory: 'read' }),
  row('pop', '8f /0', 'Ev', stack.popRm, { cost: 'stack', memory: 'write' }),
  // 'stack' covers one slot; the other seven are loads and stores.
  row('pusha', '60', '', stack.pusha, { cost: 'stack', stores: 7 }),
  row('popa', '61', '', stack.popa, { cost: 'stack', loads: 7 }),
  row('enter', 'c8', 'Iw,Il', stack.enter, { cost: 'stack' }),
  row('leave', 'c9', '', stack.leave, { cost: 'stack' }),
  row('pushf', '9c', '', stack.pushf, { cost: 'flags.read', sensitivity: 'silent', intercept: 'PUSHF' }),
  row('popf', '9d', '', stack.popf, {
    cost: 'flags.write',
    flow: 'unmask',
    sensitivity: 'silent',
    intercept: 'POPF',
  }),
  ...MOV_SEGMENT_ROWS,
  ...PUSH_SEGMENT_ROWS,
  ...POP_SEGMENT_ROWS,
  ...FAR_POINTER_ROWS,
  ...STRING_ROWS,
];
