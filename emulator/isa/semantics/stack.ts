import { EBP, ESP, SS } from '../../arch/registers.js';
import type { ExecutionContext } from '../context.js';
import type { Handler, Operation } from '../operation.js';
import {
  effectiveAddress,
  readMemory,
  readRegister,
  readRm,
  writeMemory,
  writeRegister,
} from './operands.js';

/** Offset in SS that is `distance` bytes above the stack pointer, wrapped to the stack's size. */
export function stackOffset(cpu: ExecutionContext, distance: number): number {
  return (cpu.s32[ESP << 1] + distance) & cpu.stackMask;
}

/** Moves ESP, or SP in a 16-bit stack segment. `mask` is the stack mask to go by. */
export function moveStackPointer(cpu: ExecutionContext, distance: number, mask = cpu.stackMask): void {
  setStackPointer(cpu, cpu.s32[ESP << 1] + distance, mask);
}

function setStackPointer(cpu: ExecutionContext, value: number, mask: number): void {
  cpu.s32[ESP << 1] = (cpu.s32[ESP << 1] & ~mask) | (value & mask);
}

/** Reads the stack `distance` bytes above its top without popping: for what must not move ESP when a later step faults. */
export function peek(cpu: ExecutionContext, distance: number, bytes: number): number {
  return readMemory(cpu, SS, stackOffset(cpu, distance), bytes);
}

export function push(cpu: ExecutionContext, bytes: number, value: number): void {
  if (bytes === 4) cpu.push32(value | 0);
  else cpu.push16(value & 0xffff);
}

export const pushRegister: Handler = (cpu, op) =>
  push(cpu, op.operandBytes, readRegister(cpu, op.reg, op.operandBytes));

export const pushRm: Handler = (cpu, op) => push(cpu, op.operandBytes, readRm(cpu, op, op.operandBytes));

export const pushImmediate: Handler = (cpu, op) => push(cpu, op.operandBytes, op.immediate);

export const popRegister: Handler = (cpu, op) => {
  const value = op.operandBytes === 4 ? cpu.pop32() : cpu.pop16();
  writeRegister(cpu, op.reg, op.operandBytes, value);
};

/** An address based on ESP is computed with ESP already moved. */
export const popRm: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const value = peek(cpu, 0, bytes);
  if (op.rm >= 0) {
    moveStackPointer(cpu, bytes);
    writeRegister(cpu, op.rm, bytes, value);
    return;
  }
  const moved = (cpu.s32[ESP << 1] & ~cpu.stackMask) | stackOffset(cpu, bytes);
  const correction = op.base === ESP ? moved - cpu.s32[ESP << 1] : 0;
  writeMemory(cpu, op.segment, (effectiveAddress(cpu, op) + correction) | 0, bytes, value);
  moveStackPointer(cpu, bytes);
};

export const pusha: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  for (let register = 0; register < 8; register++) {
    const offset = stackOffset(cpu, -bytes * (register + 1));
    writeMemory(cpu, SS, offset, bytes, readRegister(cpu, register, bytes));
  }
  moveStackPointer(cpu, -8 * bytes);
};

/** What a POPA has read, until all of it is there. */
const popped = new Int32Array(8);

export const popa: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  for (let register = 0; register < 8; register++)
    popped[register] = peek(cpu, (7 - register) * bytes, bytes);
  for (let register = 0; register < 8; register++) {
    if (register !== ESP) writeRegister(cpu, register, bytes, popped[register]);
  }
  moveStackPointer(cpu, 8 * bytes);
};

/** Level 0 to 31: copies that many frame pointers less one and pushes the new one. */
export const enter: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const level = op.immediate2 & 31;
  const { s32 } = cpu;
  const mask = cpu.stackMask;
  let distance = -bytes;
  writeMemory(cpu, SS, stackOffset(cpu, distance), bytes, readRegister(cpu, EBP, bytes));
  const frame = (s32[ESP << 1] & ~mask) | stackOffset(cpu, distance);
  for (let depth = 1; depth < level; depth++) {
    const pointer = readMemory(cpu, SS, (s32[EBP << 1] - depth * bytes) & mask, bytes);
    distance -= bytes;
    writeMemory(cpu, SS, stackOffset(cpu, distance), bytes, pointer);
  }
  if (level > 0) {
    distance -= bytes;
    writeMemory(cpu, SS, stackOffset(cpu, distance), bytes, frame);
  }
  distance -= op.immediate;
  checkWritable(cpu, op, stackOffset(cpu, distance));
  writeRegister(cpu, EBP, bytes, frame);
  moveStackPointer(cpu, distance);
};

/** ENTER faults when the new stack top could not be written, though it writes nothing there. */
function checkWritable(cpu: ExecutionContext, op: Operation, offset: number): void {
  if (op.operandBytes === 4) cpu.modify32(SS, offset);
  else cpu.modify16(SS, offset);
}

export const leave: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const mask = cpu.stackMask;
  const frame = cpu.s32[EBP << 1];
  const value = readMemory(cpu, SS, frame & mask, bytes);
  setStackPointer(cpu, frame + bytes, mask);
  writeRegister(cpu, EBP, bytes, value);
};

export const pushf: Handler = (cpu, op) => {
  const bytes = op.operandBytes === 2 ? 2 : 4;
  push(cpu, bytes, cpu.pushFlagsImage(bytes));
};

export const popf: Handler = (cpu, op) => {
  cpu.intercept(op);
  const bytes = op.operandBytes === 2 ? 2 : 4;
  const value = peek(cpu, 0, bytes);
  cpu.popFlagsImage(value, bytes);
  moveStackPointer(cpu, bytes);
};
