import {
  SYS_INTERRUPT_GATE16,
  SYS_INTERRUPT_GATE32,
  SYS_TASK_GATE,
  SYS_TRAP_GATE16,
  SYS_TRAP_GATE32,
} from '../arch/descriptors.js';
import { FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VIF, FLAG_VM } from '../arch/flags.js';
import { CS, DS, ES, ESP, FS, GS, SS, TR } from '../arch/registers.js';
import { CR4_I32 } from '../arch/state.js';
import { VECTOR_BP, VECTOR_DB, VECTOR_GP, VECTOR_NP, VECTOR_OF } from '../arch/vectors.js';
import { CR4_VME } from '../arch/control.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import { checkOffset } from './far-transfer.js';
import { iopl, virtualImage } from './flag-control.js';
import { isReal, isVirtual8086 } from './modes.js';
import type { Event } from './processor.js';
import { nullSegment, setCode } from './segmentation.js';
import { StackFrame } from './stack-frame.js';
import { availableTss, switchTask } from './task-switch.js';
import { interrupt8086, throughVectorTable } from './transfer-8086.js';

/** Error code bits (APM vol. 2, section 8.4.1 "Selector-Error Code"). */
const ERROR_EXT = 1;
const ERROR_IDT = 2;

/** Exceptions that are traps: the next instruction's eip is pushed, and RF stays clear in the pushed flags. */
const TRAPS: ReadonlySet<number> = new Set([VECTOR_DB, VECTOR_BP, VECTOR_OF]);

/** Offset in a 32-bit TSS of the I/O permission bitmap's own offset; the interrupt redirection bitmap ends where that begins. */
const TSS_IO_BASE = 102;
const REDIRECTION_BYTES = 32;

/** In the order in which they are pushed when an event leaves virtual-8086 mode. */
const DATA_SEGMENTS = [GS, FS, DS, ES] as const;

/** INT n, INT3 and INTO: the program asked for it, so the gate's DPL counts and EXT stays clear. */
function isSoftware({ kind }: Event): boolean {
  return kind === 'int' || kind === 'int3' || kind === 'into';
}

/** One delivery of an event, as the mode has it. @throws Fault raised on the way; what was pushed has had no effect. */
export function carryOut(cpu: Cpu, event: Event): void {
  if (isReal(cpu)) throughVectorTable(cpu, event);
  else if (event.kind !== 'int' || !isVirtual8086(cpu) || !redirects(cpu, event.vector))
    throughIdt(cpu, event);
}

/**
 * INT n in virtual-8086 mode: with the extensions the redirection bitmap of the TSS says whether it goes through the
 * program's own vector table, at linear address 0 (Intel SDM vol. 3, "Software Interrupt Handling Methods While Operating
 * in Virtual-8086 Mode"). @returns whether it went there. @throws Fault #GP(0) when IOPL leaves it to the monitor.
 */
function redirects(cpu: Cpu, vector: number): boolean {
  const isDenied = iopl(cpu) < 3;
  if ((cpu.s32[CR4_I32] & CR4_VME) === 0 || redirectionBit(cpu, vector)) {
    if (isDenied) cpu.fault.raise(VECTOR_GP, 0);
    return false;
  }
  const flags = cpu.readEflags();
  interrupt8086(cpu, vector * 4, isDenied ? virtualImage(flags) : flags);
  cpu.writeEflags(0, FLAG_TF | FLAG_RF | (isDenied ? FLAG_VIF : FLAG_IF));
  return true;
}

/** @throws Fault #GP(0) when the TSS has no place for the bit. */
function redirectionBit(cpu: Cpu, vector: number): boolean {
  const { limit, base } = cpu.segment(TR);
  if (limit < TSS_IO_BASE + 1) cpu.fault.raise(VECTOR_GP, 0);
  const offset = cpu.readLinear(base + TSS_IO_BASE, 2, false) - REDIRECTION_BYTES + (vector >> 3);
  if (offset < 0 || offset > limit) cpu.fault.raise(VECTOR_GP, 0);
  return (cpu.readLinear(base + offset, 1, false) & (1 << (vector & 7))) !== 0;
}

/**
 * Through a gate of the IDT (APM vol. 2, sections 8.7 "Legacy Protected-Mode Interrupt Control Transfers" and 8.8
 * "Legacy Interrupts: Virtual-8086 Mode").
 */
function throughIdt(cpu: Cpu, event: Event): void {
  if (cpu.quickTransfer.deliver(event, flagsImage(cpu, event), isSoftware(event))) return;
  const ext = isSoftware(event) ? 0 : ERROR_EXT;
  const gate = readGate(cpu, event, ext);
  if (gate.isTask) {
    const { errorCode } = event;
    const tss = availableTss(cpu, gate.selector, ext);
    switchTask(cpu, tss, { source: 'interrupt', flags: flagsImage(cpu, event), errorCode, ext });
    return;
  }
  const code = gateTarget(cpu, gate.selector, ext);
  const { attributes } = code;
  const leaves8086 = isVirtual8086(cpu);
  const cpl = descriptors.isConforming(attributes) ? cpu.cpl : descriptors.dpl(attributes);
  // The monitor of an 8086 program is at CPL 0.
  if (leaves8086 && cpl !== 0) cpu.fault.raise(VECTOR_GP, (gate.selector & ~3) | ext);
  const inward = cpl < cpu.cpl;
  const stack = inward ? StackFrame.fromTss(cpu, cpl, ext) : StackFrame.current(cpu, ext);
  const words = (leaves8086 ? 9 : inward ? 5 : 3) + (event.errorCode === null ? 0 : 1);
  stack.requireRoom(words, gate.bytes);
  checkOffset(cpu, code, gate.offset, ext);
  if (leaves8086) for (const segment of DATA_SEGMENTS) stack.push(cpu.selector(segment), gate.bytes);
  if (inward) {
    stack.push(cpu.selector(SS), gate.bytes);
    stack.push(cpu.gpr(ESP), gate.bytes);
  }
  stack.push(flagsImage(cpu, event), gate.bytes);
  stack.push(cpu.selector(CS), gate.bytes);
  stack.push(cpu.eip, gate.bytes);
  if (event.errorCode !== null) stack.push(event.errorCode, gate.bytes);
  setCode(cpu, code, cpl);
  if (inward) stack.commit();
  else stack.commitPointer();
  cpu.eip = gate.offset;
  if (leaves8086) for (const segment of DATA_SEGMENTS) cpu.setSegment(segment, nullSegment(0));
  cpu.writeEflags(0, FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (gate.masks ? FLAG_IF : 0));
}

/** Faults push RF set, so that a breakpoint on the instruction does not fire again. */
function flagsImage(cpu: Cpu, { vector, kind }: Event): number {
  const flags = cpu.readEflags();
  return kind === 'exception' && !TRAPS.has(vector) ? flags | FLAG_RF : flags;
}

interface InterruptGate {
  /** A task gate: only the selector counts, which is a TSS's. */
  isTask: boolean;
  selector: number;
  offset: number;
  bytes: 2 | 4;
  /** Clears IF. */
  masks: boolean;
}

function readGate(cpu: Cpu, event: Event, ext: number): InterruptGate {
  const code = event.vector * 8 + ERROR_IDT + ext;
  const { base, limit } = cpu.table('idtr');
  if (event.vector * 8 + 7 > limit) cpu.fault.raise(VECTOR_GP, code);
  const address = base + event.vector * 8;
  const low = cpu.readLinear(address, 4, false);
  const high = cpu.readLinear(address + 4, 4, false);
  const attributes = (high >>> 8) & 0xff;
  const type = descriptors.systemType(attributes);
  const is32 = type === SYS_INTERRUPT_GATE32 || type === SYS_TRAP_GATE32;
  const is16 = type === SYS_INTERRUPT_GATE16 || type === SYS_TRAP_GATE16;
  if (!is32 && !is16 && type !== SYS_TASK_GATE) cpu.fault.raise(VECTOR_GP, code);
  if (isSoftware(event) && descriptors.dpl(attributes) < cpu.cpl) cpu.fault.raise(VECTOR_GP, code);
  if (!descriptors.isPresent(attributes)) cpu.fault.raise(VECTOR_NP, code);
  return {
    isTask: type === SYS_TASK_GATE,
    selector: low >>> 16,
    offset: is32 ? ((low & 0xffff) | (high & 0xffff_0000)) >>> 0 : low & 0xffff,
    bytes: is32 ? 4 : 2,
    masks: type === SYS_INTERRUPT_GATE32 || type === SYS_INTERRUPT_GATE16,
  };
}

function gateTarget(cpu: Cpu, selector: number, ext: number): descriptors.Descriptor {
  if (descriptors.isNull(selector)) cpu.fault.raise(VECTOR_GP, ext);
  const code = descriptors.fetchDescriptor(cpu, selector, VECTOR_GP, ext);
  const errorCode = (selector & ~3) | ext;
  if (!descriptors.isCode(code.attributes) || descriptors.dpl(code.attributes) > cpu.cpl) {
    cpu.fault.raise(VECTOR_GP, errorCode);
  }
  if (!descriptors.isPresent(code.attributes)) cpu.fault.raise(VECTOR_NP, errorCode);
  return code;
}
