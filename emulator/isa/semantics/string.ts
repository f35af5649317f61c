import { FLAG_DF } from '../../arch/flags.js';
import { EAX, ECX, EDI, EDX, ES, ESI } from '../../arch/registers.js';
import { EFLAGS_I32 } from '../../arch/state.js';
import type { ExecutionContext } from '../context.js';
import type { Handler, Operation, PortWidth } from '../operation.js';
import { subtract, zeroFlag } from './flags.js';
import {
  modifyMemory,
  readMemory,
  readRegister,
  signShift,
  writeBack,
  writeMemory,
  writeRegister,
} from './operands.js';

/** An index or count register in the address size. */
function readIndex(cpu: ExecutionContext, op: Operation, register: number): number {
  return op.addressBytes === 4 ? cpu.s32[register << 1] : cpu.u16[register << 2];
}

/** Moves an index register by one element in the direction of DF. */
function step(cpu: ExecutionContext, op: Operation, register: number): void {
  const distance = cpu.s32[EFLAGS_I32] & FLAG_DF ? -op.operandBytes : op.operandBytes;
  if (op.addressBytes === 4) cpu.s32[register << 1] += distance;
  else cpu.u16[register << 2] += distance;
}

function readSource(cpu: ExecutionContext, op: Operation): number {
  return readMemory(cpu, op.segment, readIndex(cpu, op, ESI), op.operandBytes);
}

/** The destination is always in ES. */
function readDestination(cpu: ExecutionContext, op: Operation): number {
  return readMemory(cpu, ES, readIndex(cpu, op, EDI), op.operandBytes);
}

// One element of each instruction. Registers move only when no access can fault any more.

export const movs: Handler = (cpu, op) => {
  const value = readSource(cpu, op);
  writeMemory(cpu, ES, readIndex(cpu, op, EDI), op.operandBytes, value);
  step(cpu, op, ESI);
  step(cpu, op, EDI);
};

export const cmps: Handler = (cpu, op) => {
  const left = readSource(cpu, op);
  subtract(cpu.s32, left, readDestination(cpu, op), signShift(op.operandBytes));
  step(cpu, op, ESI);
  step(cpu, op, EDI);
};

export const stos: Handler = (cpu, op) => {
  const value = readRegister(cpu, EAX, op.operandBytes);
  writeMemory(cpu, ES, readIndex(cpu, op, EDI), op.operandBytes, value);
  step(cpu, op, EDI);
};

export const lods: Handler = (cpu, op) => {
  writeRegister(cpu, EAX, op.operandBytes, readSource(cpu, op));
  step(cpu, op, ESI);
};

export const scas: Handler = (cpu, op) => {
  const right = readDestination(cpu, op);
  subtract(cpu.s32, readRegister(cpu, EAX, op.operandBytes), right, signShift(op.operandBytes));
  step(cpu, op, EDI);
};

/** The port is read, which a device may notice, only when the store cannot fault. */
export const ins: Handler = (cpu, op) => {
  const width = op.operandBytes as PortWidth;
  const port = cpu.u16[EDX << 2];
  cpu.requirePort(port, width, 'in');
  modifyMemory(cpu, op, ES, readIndex(cpu, op, EDI));
  writeBack(cpu, op, cpu.portIn(port, width));
  step(cpu, op, EDI);
};

export const outs: Handler = (cpu, op) => {
  const width = op.operandBytes as PortWidth;
  const port = cpu.u16[EDX << 2];
  cpu.requirePort(port, width, 'out');
  const value = readSource(cpu, op);
  cpu.portOut(port, width, width === 4 ? value >>> 0 : value);
  step(cpu, op, ESI);
};

/**
 * Repeats `element` while the count register is not 0 and, with `zeroWanted`, ZF is that. The registers are up to
 * date after each iteration, so a fault or an interrupt in the middle can be resumed.
 */
export function repeat(element: Handler, zeroWanted: boolean | null = null): Handler {
  return (cpu, op) => {
    let count = readIndex(cpu, op, ECX);
    while (count !== 0) {
      element(cpu, op);
      count = op.addressBytes === 4 ? (count - 1) | 0 : count - 1;
      if (op.addressBytes === 4) cpu.s32[ECX << 1] = count;
      else cpu.u16[ECX << 2] = count;
      if (count === 0 || (zeroWanted !== null && zeroFlag(cpu.s32) !== zeroWanted)) return;
      if (cpu.endIteration()) return;
    }
  };
}
