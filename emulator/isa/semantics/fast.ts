import type { Handler, Operation } from '../operation.js';
import { add, decrement, increment, setLogic, subtract } from './flags.js';
import { byteIndex, effectiveAddress } from './operands.js';

/*
 * Handlers of the commonest 32-bit forms. Each does exactly what the general handler of its row does, with the
 * operand kinds settled at decoding. They are written out, one function each, because the host's compiler inlines
 * a call whose target is fixed at its site and not one that a shared function gets from a table.
 */
type Handlers = Readonly<Partial<Record<string, Handler>>>;
type Specialise = (op: Operation) => Handler;

const REGISTER_REGISTER: Handlers = {
  mov: ({ s32 }, op) => {
    s32[op.destinationI32] = s32[op.sourceI32];
  },
  add: ({ s32 }, op) => {
    s32[op.destinationI32] = add(s32, s32[op.destinationI32], s32[op.sourceI32], 0);
  },
  sub: ({ s32 }, op) => {
    s32[op.destinationI32] = subtract(s32, s32[op.destinationI32], s32[op.sourceI32], 0);
  },
  and: ({ s32 }, op) => {
    s32[op.destinationI32] = setLogic(s32, s32[op.destinationI32] & s32[op.sourceI32], 0);
  },
  or: ({ s32 }, op) => {
    s32[op.destinationI32] = setLogic(s32, s32[op.destinationI32] | s32[op.sourceI32], 0);
  },
  xor: ({ s32 }, op) => {
    s32[op.destinationI32] = setLogic(s32, s32[op.destinationI32] ^ s32[op.sourceI32], 0);
  },
  cmp: ({ s32 }, op) => {
    subtract(s32, s32[op.destinationI32], s32[op.sourceI32], 0);
  },
  test: ({ s32 }, op) => {
    setLogic(s32, s32[op.destinationI32] & s32[op.sourceI32], 0);
  },
};

const REGISTER_IMMEDIATE: Handlers = {
  mov: ({ s32 }, op) => {
    s32[op.destinationI32] = op.immediate;
  },
  add: ({ s32 }, op) => {
    s32[op.destinationI32] = add(s32, s32[op.destinationI32], op.immediate, 0);
  },
  sub: ({ s32 }, op) => {
    s32[op.destinationI32] = subtract(s32, s32[op.destinationI32], op.immediate, 0);
  },
  and: ({ s32 }, op) => {
    s32[op.destinationI32] = setLogic(s32, s32[op.destinationI32] & op.immediate, 0);
  },
  or: ({ s32 }, op) => {
    s32[op.destinationI32] = setLogic(s32, s32[op.destinationI32] | op.immediate, 0);
  },
  xor: ({ s32 }, op) => {
    s32[op.destinationI32] = setLogic(s32, s32[op.destinationI32] ^ op.immediate, 0);
  },
  cmp: ({ s32 }, op) => {
    subtract(s32, s32[op.destinationI32], op.immediate, 0);
  },
  test: ({ s32 }, op) => {
    setLogic(s32, s32[op.destinationI32] & op.immediate, 0);
  },
};

const REGISTER_MEMORY: Handlers = {
  mov: (cpu, op) => {
    cpu.s32[op.destinationI32] = cpu.read32(op.segment, effectiveAddress(cpu, op));
  },
  add: (cpu, op) => {
    const right = cpu.read32(op.segment, effectiveAddress(cpu, op));
    cpu.s32[op.destinationI32] = add(cpu.s32, cpu.s32[op.destinationI32], right, 0);
  },
  sub: (cpu, op) => {
    const right = cpu.read32(op.segment, effectiveAddress(cpu, op));
    cpu.s32[op.destinationI32] = subtract(cpu.s32, cpu.s32[op.destinationI32], right, 0);
  },
  and: (cpu, op) => {
    const right = cpu.read32(op.segment, effectiveAddress(cpu, op));
    cpu.s32[op.destinationI32] = setLogic(cpu.s32, cpu.s32[op.destinationI32] & right, 0);
  },
  xor: (cpu, op) => {
    const right = cpu.read32(op.segment, effectiveAddress(cpu, op));
    cpu.s32[op.destinationI32] = setLogic(cpu.s32, cpu.s32[op.destinationI32] ^ right, 0);
  },
  cmp: (cpu, op) => {
    const right = cpu.read32(op.segment, effectiveAddress(cpu, op));
    subtract(cpu.s32, cpu.s32[op.destinationI32], right, 0);
  },
};

const MEMORY_REGISTER: Handlers = {
  mov: (cpu, op) => {
    cpu.write32(op.segment, effectiveAddress(cpu, op), cpu.s32[op.sourceI32]);
  },
  add: (cpu, op) => {
    const left = cpu.modify32(op.segment, effectiveAddress(cpu, op));
    cpu.modifyWrite32(add(cpu.s32, left, cpu.s32[op.sourceI32], 0));
  },
  cmp: (cpu, op) => {
    const left = cpu.read32(op.segment, effectiveAddress(cpu, op));
    subtract(cpu.s32, left, cpu.s32[op.sourceI32], 0);
  },
};

const MEMORY_IMMEDIATE: Handlers = {
  mov: (cpu, op) => {
    cpu.write32(op.segment, effectiveAddress(cpu, op), op.immediate);
  },
  add: (cpu, op) => {
    const left = cpu.modify32(op.segment, effectiveAddress(cpu, op));
    cpu.modifyWrite32(add(cpu.s32, left, op.immediate, 0));
  },
  cmp: (cpu, op) => {
    subtract(cpu.s32, cpu.read32(op.segment, effectiveAddress(cpu, op)), op.immediate, 0);
  },
};

/** Byte moves, the other width that loops are made of. */
const loadByte: Handler = (cpu, op) => {
  cpu.u8[byteIndex(op.reg)] = cpu.read8(op.segment, effectiveAddress(cpu, op));
};
const storeByte: Handler = (cpu, op) => {
  cpu.write8(op.segment, effectiveAddress(cpu, op), cpu.u8[byteIndex(op.reg)]);
};
const loadZeroExtendedByte: Handler = (cpu, op) => {
  cpu.s32[op.destinationI32] = cpu.read8(op.segment, effectiveAddress(cpu, op));
};

const ONE_REGISTER: Handlers = {
  inc: ({ s32 }, op) => {
    s32[op.destinationI32] = increment(s32, s32[op.destinationI32], 0);
  },
  dec: ({ s32 }, op) => {
    s32[op.destinationI32] = decrement(s32, s32[op.destinationI32], 0);
  },
  push: (cpu, op) => cpu.push32(cpu.s32[op.destinationI32]),
  pop: (cpu, op) => {
    cpu.s32[op.destinationI32] = cpu.pop32();
  },
  lea: (cpu, op) => {
    cpu.s32[op.destinationI32] = effectiveAddress(cpu, op);
  },
};

/** `op E,G` */
export const specialiseRmReg: Specialise = (op) => {
  const { handler, mnemonic } = op.row;
  op.sourceI32 = op.reg << 1;
  op.destinationI32 = op.rm << 1;
  if (op.operandBytes !== 4)
    return mnemonic === 'mov' && op.operandBytes === 1 && op.rm < 0 ? storeByte : handler;
  return (op.rm < 0 ? MEMORY_REGISTER : REGISTER_REGISTER)[mnemonic] ?? handler;
};

/** `op G,E` */
export const specialiseRegRm: Specialise = (op) => {
  const { handler, mnemonic } = op.row;
  op.destinationI32 = op.reg << 1;
  op.sourceI32 = op.rm << 1;
  if (op.operandBytes !== 4)
    return mnemonic === 'mov' && op.operandBytes === 1 && op.rm < 0 ? loadByte : handler;
  return (op.rm < 0 ? REGISTER_MEMORY : REGISTER_REGISTER)[mnemonic] ?? handler;
};

/** `op E,I` */
export const specialiseRmImmediate: Specialise = (op) => {
  const { handler, mnemonic } = op.row;
  op.destinationI32 = op.rm << 1;
  if (op.operandBytes !== 4) return handler;
  return (op.rm < 0 ? MEMORY_IMMEDIATE : REGISTER_IMMEDIATE)[mnemonic] ?? handler;
};

/** `op Z,I` and `op accumulator,I` */
export const specialiseRegImmediate: Specialise = (op) => {
  op.destinationI32 = op.reg << 1;
  return (op.operandBytes === 4 ? REGISTER_IMMEDIATE[op.row.mnemonic] : null) ?? op.row.handler;
};

/** A single operand in the opcode or reg field. */
export const specialiseRegister: Specialise = (op) => {
  op.destinationI32 = op.reg << 1;
  return (op.operandBytes === 4 ? ONE_REGISTER[op.row.mnemonic] : null) ?? op.row.handler;
};

/** A single operand in the r/m field. */
export const specialiseRm: Specialise = (op) => {
  op.destinationI32 = op.rm << 1;
  return (op.operandBytes === 4 && op.rm >= 0 ? ONE_REGISTER[op.row.mnemonic] : null) ?? op.row.handler;
};

export const specialiseMovzxByte: Specialise = (op) => {
  op.destinationI32 = op.reg << 1;
  return op.operandBytes === 4 && op.rm < 0 ? loadZeroExtendedByte : op.row.handler;
};
