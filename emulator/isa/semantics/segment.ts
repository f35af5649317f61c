import type { SegmentIndex } from '../../arch/registers.js';

import type { ExecutionContext } from '../context.js';
import type { Handler, Operation } from '../operation.js';
import { setZero } from './flags.js';
import {
  advance,
  effectiveAddress,
  modifyRm,
  readMemory,
  readRegister,
  readRm,
  writeModified,
  writeRegister,
  writeRm,
} from './operands.js';
import { moveStackPointer, peek, push } from './stack.js';

/** `mov E,S`: 16 bits to memory, zero-extended into a register. The reg field numbers the segment register. */
export const movRmSegment: Handler = (cpu, op) => {
  writeRm(cpu, op, op.rm >= 0 ? op.operandBytes : 2, cpu.readSelector(op.reg as SegmentIndex));
};

export const movSegmentRm: Handler = (cpu, op) => {
  cpu.loadSegment(op.reg as SegmentIndex, readRm(cpu, op, 2));
};

export const pushSegment: Handler = (cpu, op) => {
  push(cpu, op.operandBytes, cpu.readSelector(op.reg as SegmentIndex));
};

/** The pop belongs to the old stack segment, also for POP SS. */
export const popSegment: Handler = (cpu, op) => {
  const mask = cpu.stackMask;
  cpu.loadSegment(op.reg as SegmentIndex, peek(cpu, 0, 2));
  moveStackPointer(cpu, op.operandBytes, mask);
};

/** LDS, LES, LFS, LGS, LSS: a far pointer's offset to a general register, its selector to `segment`. */
export function loadFarPointer(segment: SegmentIndex): Handler {
  return (cpu, op) => {
    const at = effectiveAddress(cpu, op);
    const offset = readMemory(cpu, op.segment, at, op.operandBytes);
    const selector = cpu.read16(op.segment, advance(op, at, op.operandBytes));
    cpu.loadSegment(segment, selector);
    writeRegister(cpu, op.reg, op.operandBytes, offset);
  };
}

/** Raises the destination selector's RPL to the source's; ZF tells whether it did. */
export const arpl: Handler = (cpu, op) => {
  cpu.requireProtectedMode();
  const selector = modifyRm(cpu, op);
  const privilege = readRegister(cpu, op.reg, 2) & 3;
  const raised = (selector & 3) < privilege;
  writeModified(cpu, op, raised ? (selector & ~3) | privilege : selector);
  setZero(cpu.s32, raised);
};

function queryDescriptor(cpu: ExecutionContext, op: Operation, result: number | null): void {
  setZero(cpu.s32, result !== null);
  if (result !== null) writeRegister(cpu, op.reg, op.operandBytes, result);
}

export const lar: Handler = (cpu, op) => {
  cpu.requireProtectedMode();
  queryDescriptor(cpu, op, cpu.accessRights(readRm(cpu, op, 2)));
};

export const lsl: Handler = (cpu, op) => {
  cpu.requireProtectedMode();
  queryDescriptor(cpu, op, cpu.segmentLimit(readRm(cpu, op, 2)));
};

function verify(forWriting: boolean): Handler {
  return (cpu, op) => {
    cpu.requireProtectedMode();
    setZero(cpu.s32, cpu.verifySegment(readRm(cpu, op, 2), forWriting));
  };
}

export const verr = verify(false);
export const verw = verify(true);
