import { ECX } from '../../arch/registers.js';
import { INDIRECT_JUMPS_I32 } from '../../arch/state.js';
import { VECTOR_BR, VECTOR_UD } from '../../arch/vectors.js';
import type { ExecutionContext } from '../context.js';
import type { Handler, Operation } from '../operation.js';
import * as flags from './flags.js';
import { advance, effectiveAddress, readMemory, readRegister, readRm } from './operands.js';
import { moveStackPointer, peek, push } from './stack.js';

/** Near branch target: relative to the next instruction, cut to the operand size. */
function target(cpu: ExecutionContext, op: Operation): number {
  const sum = cpu.eip + op.immediate;
  return op.operandBytes === 4 ? sum >>> 0 : sum & 0xffff;
}

function branch(cpu: ExecutionContext, op: Operation): void {
  cpu.jumpNear(target(cpu, op));
}

/** By condition number. Written out so that each has a call site of its own, which the host's compiler inlines. */
export const JCC: readonly Handler[] = [
  (cpu, op) => flags.overflowFlag(cpu.s32) && branch(cpu, op),
  (cpu, op) => flags.overflowFlag(cpu.s32) || branch(cpu, op),
  (cpu, op) => flags.carryFlag(cpu.s32) !== 0 && branch(cpu, op),
  (cpu, op) => flags.carryFlag(cpu.s32) === 0 && branch(cpu, op),
  (cpu, op) => flags.zeroFlag(cpu.s32) && branch(cpu, op),
  (cpu, op) => flags.zeroFlag(cpu.s32) || branch(cpu, op),
  (cpu, op) => (flags.carryFlag(cpu.s32) !== 0 || flags.zeroFlag(cpu.s32)) && branch(cpu, op),
  (cpu, op) => flags.carryFlag(cpu.s32) !== 0 || flags.zeroFlag(cpu.s32) || branch(cpu, op),
  (cpu, op) => flags.signFlag(cpu.s32) && branch(cpu, op),
  (cpu, op) => flags.signFlag(cpu.s32) || branch(cpu, op),
  (cpu, op) => flags.parityFlag(cpu.s32) && branch(cpu, op),
  (cpu, op) => flags.parityFlag(cpu.s32) || branch(cpu, op),
  (cpu, op) => flags.lessFlag(cpu.s32) && branch(cpu, op),
  (cpu, op) => flags.lessFlag(cpu.s32) || branch(cpu, op),
  (cpu, op) => (flags.lessFlag(cpu.s32) || flags.zeroFlag(cpu.s32)) && branch(cpu, op),
  (cpu, op) => flags.lessFlag(cpu.s32) || flags.zeroFlag(cpu.s32) || branch(cpu, op),
];

/** The counter of LOOP and JECXZ has the address size. */
function readCounter(cpu: ExecutionContext, op: Operation): number {
  return op.addressBytes === 4 ? cpu.s32[ECX << 1] : cpu.u16[ECX << 2];
}

export const jecxz: Handler = (cpu, op) => {
  if (readCounter(cpu, op) === 0) branch(cpu, op);
};

/** @param zeroWanted the ZF that LOOPE and LOOPNE go on with; null for LOOP. */
function loopWhile(zeroWanted: boolean | null): Handler {
  return (cpu, op) => {
    const count = advance(op, readCounter(cpu, op), -1);
    if (count !== 0 && (zeroWanted === null || flags.zeroFlag(cpu.s32) === zeroWanted)) branch(cpu, op);
    if (op.addressBytes === 4) cpu.s32[ECX << 1] = count;
    else cpu.u16[ECX << 2] = count;
  };
}

export const loop = loopWhile(null);
export const loope = loopWhile(true);
export const loopne = loopWhile(false);

export const jmpRelative: Handler = branch;

export const jmpRm: Handler = (cpu, op) => {
  cpu.jumpNear(readRm(cpu, op, op.operandBytes) >>> 0);
  cpu.s32[INDIRECT_JUMPS_I32]++;
};

/** The target is checked before the push, so that a fault of either leaves ESP; eip is put back by the processor. */
export const callRelative: Handler = (cpu, op) => {
  const returnEip = cpu.eip;
  branch(cpu, op);
  push(cpu, op.operandBytes, returnEip);
};

export const callRm: Handler = (cpu, op) => {
  const returnEip = cpu.eip;
  cpu.jumpNear(readRm(cpu, op, op.operandBytes) >>> 0);
  push(cpu, op.operandBytes, returnEip);
};

/** `ret` and `ret I`: pops the target, checks it, then discards `immediate` bytes of arguments. */
export const ret: Handler = (cpu, op) => {
  cpu.jumpNear(peek(cpu, 0, op.operandBytes) >>> 0);
  moveStackPointer(cpu, op.operandBytes + op.immediate);
};

function farBytes(op: Operation): 2 | 4 {
  return op.operandBytes === 2 ? 2 : 4;
}

export const jmpFar: Handler = (cpu, op) => cpu.farJump(op.immediate2, op.immediate >>> 0, farBytes(op));
export const callFar: Handler = (cpu, op) => cpu.farCall(op.immediate2, op.immediate >>> 0, farBytes(op));

/** `jmp far [mem]`: offset first, selector after it. */
export const jmpFarMemory: Handler = (cpu, op) => {
  const at = effectiveAddress(cpu, op);
  const offset = readMemory(cpu, op.segment, at, op.operandBytes) >>> 0;
  const selector = cpu.read16(op.segment, advance(op, at, op.operandBytes));
  cpu.farJump(selector, offset, farBytes(op));
};

export const callFarMemory: Handler = (cpu, op) => {
  const at = effectiveAddress(cpu, op);
  const offset = readMemory(cpu, op.segment, at, op.operandBytes) >>> 0;
  const selector = cpu.read16(op.segment, advance(op, at, op.operandBytes));
  cpu.farCall(selector, offset, farBytes(op));
};

export const retFar: Handler = (cpu, op) => cpu.farReturn(farBytes(op), op.immediate);

export const iret: Handler = (cpu, op) => cpu.interruptReturn(farBytes(op));

export const int: Handler = (cpu, op) => cpu.softwareInterrupt(op.immediate, 'int');
export const int3: Handler = (cpu) => cpu.softwareInterrupt(3, 'int3');
export const int1: Handler = (cpu) => cpu.softwareInterrupt(1, 'int1');
export const into: Handler = (cpu) => {
  if (flags.overflowFlag(cpu.s32)) cpu.softwareInterrupt(4, 'into');
};

/** #BR unless lower <= index <= upper, all signed. */
export const bound: Handler = (cpu, op) => {
  const bytes = op.operandBytes;
  const shift = 32 - (bytes << 3);
  const at = effectiveAddress(cpu, op);
  const lower = (readMemory(cpu, op.segment, at, bytes) << shift) >> shift;
  const upper = (readMemory(cpu, op.segment, advance(op, at, bytes), bytes) << shift) >> shift;
  const index = (readRegister(cpu, op.reg, bytes) << shift) >> shift;
  if (index < lower || index > upper) cpu.raise(VECTOR_BR);
};

/** UD2 and its like, which are meant to be undefined. */
export const undefinedOpcode: Handler = (cpu) => cpu.raise(VECTOR_UD);

/** An encoding that the table has not: newer than this processor, or a guest astray. A misplaced LOCK has no opcode here. */
export const undefinedEncoding: Handler = (cpu, op) => {
  const opcode = op.immediate;
  if (opcode !== 0) {
    const bytes = opcode > 0xff ? [opcode >> 8, opcode & 0xff] : [opcode];
    cpu.noteMissing(`opcode ${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}`);
  }
  cpu.raise(VECTOR_UD);
};
