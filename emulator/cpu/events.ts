import { CR2_I32 } from '../arch/state.js';
import { VECTOR_DF, VECTOR_NAMES, VECTOR_PF } from '../arch/vectors.js';
import type { CostKey } from '../cost/keys.js';
import type { Cpu } from './cpu.js';
import { carryOut } from './interrupt-delivery.js';
import type { Event } from './processor.js';

/** #DE, #TS, #NP, #SS, #GP: two of them, or one during a page fault's delivery, make a double fault (APM vol. 2, section 8.2.9). */
const CONTRIBUTORY: ReadonlySet<number> = new Set([0, 10, 11, 12, 13]);

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

function deliveryCost({ kind, vector }: Event): CostKey {
  if (kind !== 'exception') return 'interrupt';
  return vector === VECTOR_PF ? 'page.fault' : 'exception';
}

/**
 * Delivers an event through the IDT; faults on the way are delivered in its place, or become a double fault, or
 * shutdown. State is that at the event: eip is what goes on the stack.
 * @throws VmExit in guest mode when an event on the way is intercepted.
 */
export function deliverEvent(cpu: Cpu, first: Event): Delivery {
  // Their names are made for a shutdown only: a delivery is to be quick.
  const chain: Event[] = [];
  let event = first;
  for (;;) {
    chain.push(event);
    cpu.interruptShadow = false;
    // Until here `delivering` is the event before this one, whose delivery the intercept cuts off.
    if (cpu.guestMode && event.kind === 'exception') cpu.svmUnit.interceptException(event);
    cpu.delivering = event;
    if (event.cr2 !== undefined) cpu.u32[CR2_I32] = event.cr2;
    cpu.ledger.charge('guest', deliveryCost(event));
    traceEvent(cpu, event);
    try {
      carryOut(cpu, event);
      cpu.delivering = null;
      if (cpu.debugUnit.watchesEvents) cpu.debugUnit.noteEvent(event.vector);
      return { kind: 'delivered', event };
    } catch (thrown) {
      if (thrown !== cpu.fault) throw thrown;
      const fault = faultEvent(cpu);
      // The second fault's own intercept comes before it makes a double fault.
      if (cpu.guestMode) cpu.svmUnit.interceptException(fault);
      if (fault.cr2 !== undefined) cpu.u32[CR2_I32] = fault.cr2;
      const second = combine(event, fault);
      if (second === null || isEndless(chain, second)) {
        chain.push(fault);
        cpu.delivering = null;
        if (cpu.guestMode) cpu.svmUnit.interceptShutdown();
        return { kind: 'shutdown', chain: chain.map(eventName) };
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
  carryOut(cpu, event);
  cpu.delivering = null;
  if (cpu.debugUnit.watchesEvents) cpu.debugUnit.noteEvent(event.vector);
  traceEvent(cpu, event);
}

/**
 * Whether the delivery of `next` has failed before, with nothing changed since: as when an alignment check is delivered to a
 * stack that is not aligned, at CPL 3. A real processor never comes back from there and sees no interrupt (CVE-2015-5307);
 * this one shuts down.
 */
function isEndless(chain: readonly Event[], next: Event): boolean {
  return chain.some(
    ({ vector, kind, errorCode, cr2 }) =>
      vector === next.vector && kind === next.kind && errorCode === next.errorCode && cr2 === next.cr2,
  );
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

function traceEvent(cpu: Cpu, { vector, kind, errorCode, cr2 }: Event): void {
  const { trace } = cpu.parts;
  if (!trace.enabled) return;
  const { ticks } = cpu.ledger;
  if (kind === 'external') trace.record({ ticks, kind: 'interrupt', vector, eip: cpu.eip });
  else trace.record({ ticks, kind: 'exception', vector, errorCode, eip: cpu.eip, cr2: cr2 ?? null });
}
