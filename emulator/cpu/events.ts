import {
  SYS_INTERRUPT_GATE16,
  SYS_INTERRUPT_GATE32,
  SYS_TASK_GATE,
  SYS_TRAP_GATE16,
  SYS_TRAP_GATE32,
} from '../arch/descriptors.js';
import { FLAG_IF, FLAG_NT, FLAG_RF, FLAG_TF, FLAG_VM } from '../arch/flags.js';
import { CS, ESP, SS } from '../arch/registers.js';
import { CR2_I32 } from '../arch/state.js';
import {
  VECTOR_BP,
  VECTOR_DB,
  VECTOR_DF,
  VECTOR_GP,
  VECTOR_NAMES,
  VECTOR_NP,
  VECTOR_OF,
  VECTOR_PF,
  VECTOR_TS,
} from '../arch/vectors.js';
import { ATTENTION_SHADOW } from './attention.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import { checkOffset } from './far-transfer.js';
import type { Event } from './processor.js';
import { setCode } from './segmentation.js';
import { StackFrame } from './stack-frame.js';

/** Error code bits (APM vol. 2, section 8.4.1 "Selector-Error Code"). */
const ERROR_EXT = 1;
const ERROR_IDT = 2;

/** #DE, #TS, #NP, #SS, #GP: two of them, or one during a page fault's delivery, make a double fault (APM vol. 2, section 8.2.9). */
const CONTRIBUTORY: ReadonlySet<number> = new Set([0, 10, 11, 12, 13]);
/** Exceptions that are traps: the next instruction's eip is pushed, and RF stays clear in the pushed flags. */
const TRAPS: ReadonlySet<number> = new Set([VECTOR_DB, VECTOR_BP, VECTOR_OF]);

/** What came of an event: delivered (itself, or what it turned into), or shutdown. */
export type Delivery = { kind: 'delivered'; event: Event } | { kind: 'shutdown'; chain: readonly string[] };

/** The pending fault of `cpu.fault` as an event. */
export function faultEvent(cpu: Cpu): Event {
  const { vector, errorCode, cr2 } = cpu.fault;
  const event: Event = { vector, kind: 'exception', errorCode: errorCode < 0 ? null : errorCode };
  if (vector === VECTOR_PF) event.cr2 = cr2;
  return event;
}

export function eventName({ vector, errorCode }: Event): string {
  const name = VECTOR_NAMES[vector] ?? `interrupt ${vector}`;
  return errorCode === null ? name : `${name}(0x${errorCode.toString(16)})`;
}

/** INT n, INT3 and INTO: the program asked for it, so the gate's DPL counts and EXT stays clear. */
function isSoftware({ kind }: Event): boolean {
  return kind === 'int' || kind === 'int3' || kind === 'into';
}

/**
 * Delivers an event through the IDT; faults on the way are delivered in its place, or become a double fault, or
 * shutdown. State is that at the event: eip is what goes on the stack.
 * @throws VmExit in guest mode when an event on the way is intercepted.
 */
export function deliverEvent(cpu: Cpu, first: Event): Delivery {
  const chain: string[] = [];
  let event = first;
  for (;;) {
    chain.push(eventName(event));
    cpu.setAttention(ATTENTION_SHADOW, false);
    // Until here `delivering` is the event before this one, whose delivery the intercept cuts off.
    if (cpu.guestMode && event.kind === 'exception') cpu.svmUnit.interceptException(event);
    cpu.delivering = event;
    if (event.cr2 !== undefined) cpu.u32[CR2_I32] = event.cr2;
    cpu.ledger.charge('guest', event.kind === 'exception' ? 'exception' : 'interrupt');
    traceEvent(cpu, event);
    try {
      throughIdt(cpu, event);
      cpu.delivering = null;
      return { kind: 'delivered', event };
    } catch (thrown) {
      if (thrown !== cpu.fault) throw thrown;
      const fault = faultEvent(cpu);
      // The second fault's own intercept comes before it makes a double fault.
      if (cpu.guestMode) cpu.svmUnit.interceptException(fault);
      const second = combine(event, fault);
      if (second === null) {
        chain.push(eventName(fault));
        cpu.delivering = null;
        if (cpu.guestMode) cpu.svmUnit.interceptShutdown();
        return { kind: 'shutdown', chain };
      }
      event = second;
    }
  }
}

/**
 * The delivery that an interrupt instruction performs itself, part of its execution and of its price.
 * @throws Fault raised on the way, at the instruction; VmExit when intercepted.
 */
export function deliverSoftware(cpu: Cpu, event: Event): void {
  if (cpu.guestMode) {
    if (event.kind === 'int') cpu.svmUnit.interceptSoftwareInterrupt(event.vector);
    else cpu.svmUnit.interceptException(event);
  }
  cpu.delivering = event;
  throughIdt(cpu, event);
  cpu.delivering = null;
  traceEvent(cpu, event);
}

/** The event that follows when `second` was raised during the delivery of `first`; null: shutdown. */
function combine(first: Event, second: Event): Event | null {
  if (first.kind !== 'exception') return second;
  const secondSerious = CONTRIBUTORY.has(second.vector) || second.vector === VECTOR_PF;
  if (first.vector === VECTOR_DF) return secondSerious ? null : second;
  const doubles =
    first.vector === VECTOR_PF
      ? secondSerious
      : CONTRIBUTORY.has(first.vector) && CONTRIBUTORY.has(second.vector);
  return doubles ? { vector: VECTOR_DF, kind: 'exception', errorCode: 0 } : second;
}

/** One delivery (APM vol. 2, section 8.7 "Legacy Protected-Mode Interrupt Control Transfers"). */
function throughIdt(cpu: Cpu, event: Event): void {
  const ext = isSoftware(event) ? 0 : ERROR_EXT;
  const gate = readGate(cpu, event, ext);
  const code = gateTarget(cpu, gate.selector, ext);
  const { attributes } = code;
  const cpl = descriptors.isConforming(attributes) ? cpu.cpl : descriptors.dpl(attributes);
  const inward = cpl < cpu.cpl;
  const stack = inward ? StackFrame.fromTss(cpu, cpl, ext) : StackFrame.current(cpu, ext);
  const words = (inward ? 5 : 3) + (event.errorCode === null ? 0 : 1);
  stack.requireRoom(words * gate.bytes);
  checkOffset(cpu, code, gate.offset, ext);
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
  cpu.writeEflags(0, FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | (gate.masks ? FLAG_IF : 0));
}

/** Faults push RF set, so that a breakpoint on the instruction does not fire again. */
function flagsImage(cpu: Cpu, { vector, kind }: Event): number {
  const flags = cpu.readEflags();
  return kind === 'exception' && !TRAPS.has(vector) ? flags | FLAG_RF : flags;
}

interface InterruptGate {
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
  if (type === SYS_TASK_GATE) {
    if (cpu.guestMode) cpu.svmUnit.interceptTaskSwitch(low >>> 16);
    cpu.noteMissing('task gate in the IDT');
    cpu.fault.raise(VECTOR_TS, ((low >>> 16) & ~3) | ext);
  }
  return {
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

function traceEvent(cpu: Cpu, { vector, kind, errorCode, cr2 }: Event): void {
  const { trace } = cpu.parts;
  if (!trace.enabled) return;
  const { ticks } = cpu.ledger;
  if (kind === 'external') trace.record({ ticks, kind: 'interrupt', vector, eip: cpu.eip });
  else trace.record({ ticks, kind: 'exception', vector, errorCode, eip: cpu.eip, cr2: cr2 ?? null });
}
