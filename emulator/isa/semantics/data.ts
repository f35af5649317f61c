import { FLAG_AF, FLAG_CF, FLAG_OF, FLAG_PF, FLAG_SF, FLAG_ZF } from '../../arch/flags.js';
import { EAX, EBX, ECX, EDX } from '../../arch/registers.js';
import type { Handler } from '../operation.js';
import { carryFlag, readArithmeticFlags, setArithmeticFlags, setZero } from './flags.js';
import {
  advance,
  byteIndex,
  effectiveAddress,
  modifyRm,
  readRegister,
  readRm,
  signShift,
  writeModified,
  writeRegister,
  writeRm,
} from './operands.js';

const AL = 0;
const AH = 4;

/** `mov E,G` and `mov O,accumulator` */
export const movRmReg: Handler = (cpu, op) => {
  writeRm(cpu, op, op.operandBytes, readRegister(cpu, op.reg, op.operandBytes));
};

/** `mov G,E` and `mov accumulator,O` */
export const movRegRm: Handler = (cpu, op) => {
  writeRegister(cpu, op.reg, op.operandBytes, readRm(cpu, op, op.operandBytes));
};

export const movRmImmediate: Handler = (cpu, op) => writeRm(cpu, op, op.operandBytes, op.immediate);

export const movRegImmediate: Handler = (cpu, op) => {
  writeRegister(cpu, op.reg, op.operandBytes, op.immediate);
};

export const movzxByte: Handler = (cpu, op) => {
  writeRegister(cpu, op.reg, op.operandBytes, readRm(cpu, op, 1));
};
export const movzxWord: Handler = (cpu, op) => {
  writeRegister(cpu, op.reg, op.operandBytes, readRm(cpu, op, 2));
};
export const movsxByte: Handler = (cpu, op) => {
  writeRegister(cpu, op.reg, op.operandBytes, (readRm(cpu, op, 1) << 24) >> 24);
};
export const movsxWord: Handler = (cpu, op) => {
  writeRegister(cpu, op.reg, op.operandBytes, (readRm(cpu, op, 2) << 16) >> 16);
};

export const xchgRmReg: Handler = (cpu, op) => {
  const value = modifyRm(cpu, op);
  const register = readRegister(cpu, op.reg, op.operandBytes);
  writeModified(cpu, op, register);
  writeRegister(cpu, op.reg, op.operandBytes, value);
};

/** `xchg accumulator,reg`: opcodes 91-97. */
export const xchgAccumulator: Handler = (cpu, op) => {
  const value = readRegister(cpu, op.reg, op.operandBytes);
  writeRegister(cpu, op.reg, op.operandBytes, readRegister(cpu, EAX, op.operandBytes));
  writeRegister(cpu, EAX, op.operandBytes, value);
};

export const cmpxchg8b: Handler = (cpu, op) => {
  const { s32 } = cpu;
  const offset = effectiveAddress(cpu, op);
  const highOffset = advance(op, offset, 4);
  cpu.requireOperandAligned(op.segment, offset, 8);
  // Both halves are checked for writing before either is written.
  const low = cpu.modify32(op.segment, offset);
  const high = cpu.modify32(op.segment, highOffset);
  const equal = low === s32[EAX << 1] && high === s32[EDX << 1];
  cpu.modifyWrite32(equal ? s32[ECX << 1] : high);
  cpu.write32(op.segment, offset, equal ? s32[EBX << 1] : low);
  if (!equal) {
    s32[EAX << 1] = low;
    s32[EDX << 1] = high;
  }
  setZero(s32, equal);
};

/** A 16-bit BSWAP, undefined by the manuals, clears the register on every processor measured. */
export const bswap: Handler = (cpu, op) => {
  const value = cpu.s32[op.reg << 1];
  const swapped = (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
  writeRegister(cpu, op.reg, op.operandBytes, op.operandBytes === 4 ? swapped : 0);
};

/** CBW, CWDE: sign-extends the accumulator's lower half into all of it. */
export const cbw: Handler = (cpu, op) => {
  const half = op.operandBytes >> 1;
  const shift = signShift(half);
  writeRegister(cpu, EAX, op.operandBytes, (readRegister(cpu, EAX, half) << shift) >> shift);
};

/** CWD, CDQ: fills (E)DX with the accumulator's sign. */
export const cwd: Handler = (cpu, op) => {
  const shift = signShift(op.operandBytes);
  writeRegister(cpu, EDX, op.operandBytes, (readRegister(cpu, EAX, op.operandBytes) << shift) >> 31);
};

export const xlat: Handler = (cpu, op) => {
  const offset = advance(op, cpu.s32[EBX << 1], cpu.u8[byteIndex(AL)]);
  cpu.u8[byteIndex(AL)] = cpu.read8(op.segment, offset);
};

const AH_FLAGS = FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF;

/** Bit 1 of the flags image is always one. */
export const lahf: Handler = (cpu) => {
  cpu.u8[byteIndex(AH)] = (readArithmeticFlags(cpu.s32) & AH_FLAGS) | 2;
};

export const sahf: Handler = (cpu) => {
  const overflow = readArithmeticFlags(cpu.s32) & FLAG_OF;
  setArithmeticFlags(cpu.s32, overflow | (cpu.u8[byteIndex(AH)] & AH_FLAGS));
};

/** SALC (undocumented by Intel until the 2010s): AL becomes all ones if CF, else 0. */
export const salc: Handler = (cpu) => {
  cpu.u8[byteIndex(AL)] = -carryFlag(cpu.s32);
};

export const nop: Handler = () => {};
