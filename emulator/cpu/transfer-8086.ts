import {
  FLAGS_DEFINED,
  FLAG_AC,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
} from '../arch/flags.js';
import { CS } from '../arch/registers.js';
import { VECTOR_GP } from '../arch/vectors.js';
import type { Cpu } from './cpu.js';
import { usesVirtualFlag, writeFlagsImage, writeVirtualFlags } from './flag-control.js';
import { loadParagraph } from './modes.js';
import type { Event } from './processor.js';
import { StackFrame } from './stack-frame.js';

/*
 * Far transfers, interrupts and IRET where a selector is a paragraph number: in real mode, and within virtual-8086 mode
 * (Intel SDM vol. 3, "8086 Emulation"; vol. 2, the REAL-ADDRESS-MODE parts of "CALL", "INT n", "IRET", "JMP", "RET").
 */

const VECTOR_BYTES = 4;
/** IRET leaves these as they are. */
const KEPT_BY_IRET = FLAG_VM | FLAG_VIF | FLAG_VIP;

export function jump8086(cpu: Cpu, selector: number, offset: number): void {
  checkOffset(cpu, offset);
  enter(cpu, selector, offset);
}

export function call8086(cpu: Cpu, selector: number, offset: number, operandBytes: 2 | 4): void {
  const stack = StackFrame.current(cpu);
  checkOffset(cpu, offset);
  stack.push(cpu.selector(CS), operandBytes);
  stack.push(cpu.eip, operandBytes);
  stack.commitPointer();
  enter(cpu, selector, offset);
}

export function return8086(cpu: Cpu, operandBytes: 2 | 4, popBytes: number): void {
  const stack = StackFrame.current(cpu);
  const { selector, offset } = popTarget(cpu, stack, operandBytes);
  stack.skip(popBytes);
  stack.commitPointer();
  enter(cpu, selector, offset);
}

/** IRET in real mode. */
export function interruptReturnReal(cpu: Cpu, operandBytes: 2 | 4): void {
  const stack = StackFrame.current(cpu);
  const { selector, offset } = popTarget(cpu, stack, operandBytes);
  const flags = stack.pop(operandBytes);
  stack.commitPointer();
  enter(cpu, selector, offset);
  cpu.writeEflags(flags, operandBytes === 2 ? FLAGS_DEFINED & 0xffff : FLAGS_DEFINED & ~KEPT_BY_IRET);
}

/** IRET in virtual-8086 mode, which it does not leave. @throws Fault #GP(0) for the monitor to emulate it. */
export function interruptReturnVirtual(cpu: Cpu, operandBytes: 2 | 4): void {
  const isVirtual = usesVirtualFlag(cpu, operandBytes);
  const stack = StackFrame.current(cpu);
  const { selector, offset } = popTarget(cpu, stack, operandBytes);
  const flags = stack.pop(operandBytes);
  if (isVirtual) writeVirtualFlags(cpu, flags);
  else writeFlagsImage(cpu, flags, operandBytes);
  stack.commitPointer();
  enter(cpu, selector, offset);
}

/** An event in real mode: through the vector table at IDTR's base; no error code is pushed. @throws Fault #GP beyond its limit. */
export function throughVectorTable(cpu: Cpu, { vector }: Event): void {
  const { base, limit } = cpu.table('idtr');
  if (vector * VECTOR_BYTES + VECTOR_BYTES - 1 > limit) cpu.fault.raise(VECTOR_GP, 0);
  interrupt8086(cpu, (base + vector * VECTOR_BYTES) | 0, cpu.readEflags());
  cpu.writeEflags(0, FLAG_IF | FLAG_TF | FLAG_AC | FLAG_RF);
}

/** Pushes flags, CS and IP and goes where the vector at linear address `entry` says. */
export function interrupt8086(cpu: Cpu, entry: number, flags: number): void {
  const stack = StackFrame.current(cpu);
  stack.push(flags, 2);
  stack.push(cpu.selector(CS), 2);
  stack.push(cpu.eip, 2);
  const offset = cpu.readLinear(entry, 2, false);
  const selector = cpu.readLinear(entry + 2, 2, false);
  checkOffset(cpu, offset);
  stack.commitPointer();
  enter(cpu, selector, offset);
}

function popTarget(cpu: Cpu, stack: StackFrame, operandBytes: 2 | 4): { selector: number; offset: number } {
  const offset = stack.pop(operandBytes) >>> 0;
  const selector = stack.pop(operandBytes) & 0xffff;
  checkOffset(cpu, offset);
  return { selector, offset };
}

function enter(cpu: Cpu, selector: number, offset: number): void {
  loadParagraph(cpu, CS, selector);
  cpu.eip = offset;
}

/** The limit of CS does not change with its selector here. */
function checkOffset(cpu: Cpu, offset: number): void {
  if (offset > cpu.limit(CS)) cpu.fault.raise(VECTOR_GP, 0);
}
