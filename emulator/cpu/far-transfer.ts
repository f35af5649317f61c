import {
  ATTR_DPL,
  SYS_CALL_GATE16,
  SYS_CALL_GATE32,
  SYS_TASK_GATE,
  SYS_TSS16_AVAILABLE,
  SYS_TSS32_AVAILABLE,
} from '../arch/descriptors.js';
import type { SegmentState } from '../arch/descriptors.js';
import { CS, DS, ES, ESP, FS, GS, SS } from '../arch/registers.js';
import { CPL_I32, EIP_I32 } from '../arch/state.js';
import { VECTOR_GP, VECTOR_NP } from '../arch/vectors.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import type { Descriptor } from './descriptor.js';
import { isProtected } from './modes.js';
import { nullSegment, setCode, stackDescriptor } from './segmentation.js';
import { StackFrame } from './stack-frame.js';
import { availableTss, switchTask } from './task-switch.js';
import { call8086, jump8086, return8086 } from './transfer-8086.js';

const GATE_PARAMETERS = 0x1f;

/** @param target cut to the operand size. @throws Fault #GP(0) beyond the CS limit. */
export function jumpNear(cpu: Cpu, target: number): void {
  if (target >>> 0 > cpu.limit(CS)) cpu.fault.raise(VECTOR_GP, 0);
  cpu.s32[EIP_I32] = target;
}

/** JMP far (APM vol. 3, "JMP (Far)"). */
export function farJump(cpu: Cpu, selector: number, offset: number, operandBytes: 2 | 4): void {
  if (!isProtected(cpu)) {
    jump8086(cpu, selector, offset);
    return;
  }
  const descriptor = fetchTarget(cpu, selector);
  if (descriptors.isCode(descriptor.attributes)) {
    checkDirectCode(cpu, descriptor);
    enterCode(cpu, descriptor, operandBytes === 2 ? offset & 0xffff : offset, cpu.cpl);
    return;
  }
  const gate = checkGate(cpu, descriptor, 'jump');
  if (gate === null) return;
  const code = gateTarget(cpu, gate.selector);
  const { attributes } = code;
  const matches = descriptors.isConforming(attributes)
    ? descriptors.dpl(attributes) <= cpu.cpl
    : descriptors.dpl(attributes) === cpu.cpl;
  if (!matches) cpu.fault.raise(VECTOR_GP, gate.selector & ~3);
  requirePresent(cpu, code);
  enterCode(cpu, code, gate.offset, cpu.cpl);
}

/** CALL far (APM vol. 3, "CALL (Far)"). */
export function farCall(cpu: Cpu, selector: number, offset: number, operandBytes: 2 | 4): void {
  if (!isProtected(cpu)) {
    call8086(cpu, selector, offset, operandBytes);
    return;
  }
  const descriptor = fetchTarget(cpu, selector);
  const returnCs = cpu.selector(CS);
  const returnEip = cpu.eip;
  if (descriptors.isCode(descriptor.attributes)) {
    checkDirectCode(cpu, descriptor);
    const stack = StackFrame.current(cpu);
    callThrough(cpu, stack, descriptor, operandBytes === 2 ? offset & 0xffff : offset, cpu.cpl, operandBytes);
    return;
  }
  const gate = checkGate(cpu, descriptor, 'call');
  if (gate === null) return;
  const code = gateTarget(cpu, gate.selector);
  const { attributes } = code;
  if (descriptors.dpl(attributes) > cpu.cpl) cpu.fault.raise(VECTOR_GP, gate.selector & ~3);
  requirePresent(cpu, code);
  if (descriptors.isConforming(attributes) || descriptors.dpl(attributes) === cpu.cpl) {
    callThrough(cpu, StackFrame.current(cpu), code, gate.offset, cpu.cpl, gate.bytes);
    return;
  }
  const cpl = descriptors.dpl(attributes);
  const outer = StackFrame.current(cpu);
  const inner = StackFrame.fromTss(cpu, cpl, 0);
  inner.requireRoom(4 + gate.parameters, gate.bytes);
  checkOffset(cpu, code, gate.offset);
  const parameters = Array.from({ length: gate.parameters }, () => outer.pop(gate.bytes)).reverse();
  for (const value of [cpu.selector(SS), cpu.gpr(ESP), ...parameters, returnCs, returnEip]) {
    inner.push(value, gate.bytes);
  }
  setCode(cpu, code, cpl);
  inner.commit();
  cpu.eip = gate.offset;
}

/** RET far (APM vol. 3, "RET (Far)"): within a ring or to an outer one. */
export function farReturn(cpu: Cpu, operandBytes: 2 | 4, popBytes: number): void {
  if (!isProtected(cpu)) {
    return8086(cpu, operandBytes, popBytes);
    return;
  }
  const stack = StackFrame.current(cpu);
  const eip = stack.pop(operandBytes) >>> 0;
  const selector = stack.pop(operandBytes) & 0xffff;
  const code = returnTarget(cpu, selector);
  stack.skip(popBytes);
  if (descriptors.rpl(selector) === cpu.cpl) {
    checkOffset(cpu, code, eip);
    setCode(cpu, code, cpu.cpl);
    stack.commitPointer();
    cpu.eip = eip;
    return;
  }
  const outer = popOuterStack(cpu, stack, operandBytes, descriptors.rpl(selector));
  checkOffset(cpu, code, eip);
  returnOutward(cpu, code, eip, outer, descriptors.rpl(selector));
  outer.skip(popBytes);
  outer.commitPointer();
}

/** Checks the code segment that RET or IRET returns to; its privilege is the selector's RPL. */
export function returnTarget(cpu: Cpu, selector: number): Descriptor {
  const privilege = descriptors.rpl(selector);
  const code = selector & ~3;
  if (descriptors.isNull(selector)) cpu.fault.raise(VECTOR_GP, 0);
  const descriptor = descriptors.fetchDescriptor(cpu, selector, VECTOR_GP);
  const { attributes } = descriptor;
  if (!descriptors.isCode(attributes) || privilege < cpu.cpl) cpu.fault.raise(VECTOR_GP, code);
  const matches = descriptors.isConforming(attributes)
    ? descriptors.dpl(attributes) <= privilege
    : descriptors.dpl(attributes) === privilege;
  if (!matches) cpu.fault.raise(VECTOR_GP, code);
  requirePresent(cpu, descriptor);
  return descriptor;
}

/** Pops SS:ESP of an outer ring from `stack` and checks them. */
export function popOuterStack(cpu: Cpu, stack: StackFrame, operandBytes: 2 | 4, cpl: number): StackFrame {
  const esp = stack.pop(operandBytes) >>> 0;
  const selector = stack.pop(operandBytes) & 0xffff;
  const descriptor = stackDescriptor(cpu, selector, cpl, VECTOR_GP, 0);
  return new StackFrame(cpu, descriptor, esp, cpl, 0);
}

/** Makes an outer ring current; data segments that it may not use become null. */
export function returnOutward(cpu: Cpu, code: Descriptor, eip: number, stack: StackFrame, cpl: number): void {
  setCode(cpu, code, cpl);
  stack.commit();
  cpu.eip = eip;
  for (const segment of [ES, DS, FS, GS] as const) {
    const attributes = cpu.attributes(segment);
    const isConforming = descriptors.isCode(attributes) && descriptors.isConforming(attributes);
    if (!isConforming && (attributes & ATTR_DPL) >> 5 < cpl) cpu.setSegment(segment, nullSegment(0));
  }
}

/** @throws Fault #GP(0) when `offset` lies beyond the code segment's limit. */
export function checkOffset(cpu: Cpu, code: SegmentState, offset: number, ext = 0): void {
  if (offset >>> 0 > code.limit) cpu.fault.raise(VECTOR_GP, ext);
}

function fetchTarget(cpu: Cpu, selector: number): Descriptor {
  if (descriptors.isNull(selector)) cpu.fault.raise(VECTOR_GP, 0);
  return descriptors.fetchDescriptor(cpu, selector, VECTOR_GP);
}

function checkDirectCode(cpu: Cpu, descriptor: Descriptor): void {
  const { attributes, selector } = descriptor;
  const cpl = cpu.s32[CPL_I32];
  const matches = descriptors.isConforming(attributes)
    ? descriptors.dpl(attributes) <= cpl
    : descriptors.rpl(selector) <= cpl && descriptors.dpl(attributes) === cpl;
  if (!matches) cpu.fault.raise(VECTOR_GP, selector & ~3);
  requirePresent(cpu, descriptor);
}

function requirePresent(cpu: Cpu, descriptor: Descriptor): void {
  if (!descriptors.isPresent(descriptor.attributes)) cpu.fault.raise(VECTOR_NP, descriptor.selector & ~3);
}

interface Gate {
  selector: number;
  offset: number;
  bytes: 2 | 4;
  parameters: number;
}

/** Checks a system descriptor as target of a far transfer. @returns the call gate; null when it was a task, which runs now. */
function checkGate(cpu: Cpu, descriptor: Descriptor, transfer: 'jump' | 'call'): Gate | null {
  const { attributes, selector, low, high } = descriptor;
  const type = descriptors.systemType(attributes);
  const code = selector & ~3;
  const isTss = type === SYS_TSS16_AVAILABLE || type === SYS_TSS32_AVAILABLE;
  const isKnown = type === SYS_CALL_GATE16 || type === SYS_CALL_GATE32 || type === SYS_TASK_GATE || isTss;
  if (!isKnown) cpu.fault.raise(VECTOR_GP, code);
  if (descriptors.dpl(attributes) < Math.max(cpu.cpl, descriptors.rpl(selector)))
    cpu.fault.raise(VECTOR_GP, code);
  requirePresent(cpu, descriptor);
  if (isTss || type === SYS_TASK_GATE) {
    const tss = availableTss(cpu, isTss ? selector : low >>> 16, 0);
    switchTask(cpu, tss, { source: transfer, flags: cpu.readEflags(), errorCode: null, ext: 0 });
    return null;
  }
  const is32 = type === SYS_CALL_GATE32;
  return {
    selector: low >>> 16,
    offset: is32 ? ((low & 0xffff) | (high & 0xffff_0000)) >>> 0 : low & 0xffff,
    bytes: is32 ? 4 : 2,
    parameters: high & GATE_PARAMETERS,
  };
}

function gateTarget(cpu: Cpu, selector: number): Descriptor {
  const code = fetchTarget(cpu, selector);
  if (!descriptors.isCode(code.attributes)) cpu.fault.raise(VECTOR_GP, selector & ~3);
  return code;
}

function enterCode(cpu: Cpu, code: Descriptor, offset: number, cpl: number): void {
  checkOffset(cpu, code, offset);
  setCode(cpu, code, cpl);
  cpu.eip = offset;
}

/** A call that stays on its stack. */
function callThrough(
  cpu: Cpu,
  stack: StackFrame,
  code: Descriptor,
  offset: number,
  cpl: number,
  bytes: 2 | 4,
): void {
  stack.requireRoom(2, bytes);
  checkOffset(cpu, code, offset);
  stack.push(cpu.selector(CS), bytes);
  stack.push(cpu.eip, bytes);
  setCode(cpu, code, cpl);
  stack.commitPointer();
  cpu.eip = offset;
}
