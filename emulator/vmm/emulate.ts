import type { ExitReason } from '../arch/exits.js';
import { ECX } from '../arch/registers.js';
import type { CostKey } from '../cost/keys.js';
import type { Operation } from '../isa/operation.js';
import type { Event, StepResult } from '../machine.js';
import { hasRepeatPrefix } from './current-operation.js';
import type { Monitor } from './monitor.js';

export interface EmulationOptions {
  /** The monitor knows the instruction already: from the exit itself, or from its translation. */
  decoded?: boolean;
  /** It calls a device model. */
  device?: boolean;
  /** Known to have a REP prefix or to have none; else the monitor looks. */
  repeated?: boolean | undefined;
}

const GATE_AND_DESCRIPTOR = 2;
/** EFLAGS, CS, EIP. */
const FRAME_WORDS = 3;
/** SS and ESP of the TSS, the descriptor of SS, old SS and ESP pushed. */
const RING_CHANGE_ACCESSES = 5;

/**
 * Emulation on exit: the virtual processor executes the guest's instruction with the guest's own tables, memory
 * and devices, so its effect is that on bare hardware by construction. The guest's registers must be current in
 * `monitor.guest.cpu` before, and are after. The monitor pays for it, for each iteration of a repeated one.
 */
export function emulateInstruction(
  monitor: Monitor,
  { decoded = false, device = false, repeated }: EmulationOptions = {},
): StepResult {
  const { cpu } = monitor.guest;
  const { eip, cpl } = cpu;
  if (!decoded) monitor.chargeDecode();
  const repeats = repeated ?? hasRepeatPrefix(monitor.guest);
  const countBefore = cpu.gpr(ECX);
  const result = cpu.step();
  const iterations = repeats ? Math.max(1, countBefore - cpu.gpr(ECX)) : 1;
  monitor.charge('vmm.emulate', iterations);
  if (device) monitor.charge('vmm.device', iterations);
  settle(monitor, result, eip);
  if (result.kind === 'delivered') noteDelivery(monitor, result.event, cpl);
  return result;
}

/** Delivers an event through the guest's own IDT, double faults and shutdown included. */
export function deliverEvent(monitor: Monitor, event: Event): StepResult {
  const { cpu } = monitor.guest;
  const { eip, cpl } = cpu;
  const result = cpu.deliver(event);
  settle(monitor, result, eip);
  noteDelivery(monitor, event, cpl);
  return result;
}

/**
 * Charges and traces an event that the monitor has delivered: it read a gate and a code descriptor, and pushed a
 * frame; for a change of ring it read the stack's segment and pointer from the TSS, the descriptor of that, and pushed two
 * words more (APM vol. 2, section 8.9 "Protected-Mode Interrupt Control Transfers").
 */
function noteDelivery(monitor: Monitor, event: Event, cplBefore: number): void {
  const frame = event.errorCode === null ? FRAME_WORDS : FRAME_WORDS + 1;
  const change = monitor.guest.cpu.cpl === cplBefore ? 0 : RING_CHANGE_ACCESSES;
  monitor.charge('vmm.guest.access', GATE_AND_DESCRIPTOR + frame + change);
  noteInjection(monitor, event);
}

/** Traces an event given to the guest: delivered by the monitor, or left to hardware. */
export function noteInjection(monitor: Monitor, { vector, errorCode }: Event): void {
  const { ledger, trace } = monitor.host;
  if (trace.enabled) trace.record({ ticks: ledger.ticks, kind: 'inject', vector, errorCode });
}

/** Carries what the virtual processor did over to the monitor: its control registers, and the guest's end. */
function settle(monitor: Monitor, result: StepResult, eip: number): void {
  const { guest } = monitor;
  monitor.paging.follow(guest.cpu);
  const end = guest.takeEnd();
  if (end !== null) monitor.stop(end);
  if (result.kind === 'shutdown') monitor.stop({ kind: 'tripleFault', chain: result.chain, eip });
}

/** What kind of exit an instruction is when it comes to the monitor. The cost key is the table's own grouping. */
const REASON_BY_COST: Readonly<Partial<Record<CostKey, ExitReason>>> = {
  'flags.read': 'PUSHF',
  'flags.write': 'POPF',
  'if.clear': 'INTERRUPT_FLAG',
  'if.set': 'INTERRUPT_FLAG',
  'segment.load': 'SEGMENT_LOAD',
  'far.transfer': 'FAR_TRANSFER',
  'software.interrupt': 'SOFTWARE_INTERRUPT',
  'interrupt.return': 'IRET',
  'fast.syscall': 'SYSTEM_CALL',
  'fast.sysret': 'SYSTEM_CALL',
  'descriptor.query': 'DESCRIPTOR_TABLE',
  'descriptor.load': 'DESCRIPTOR_TABLE',
  'control.read': 'CR_READ',
  'control.write': 'CR_WRITE',
  'cr3.write': 'CR3_WRITE',
  invlpg: 'INVLPG',
  cpuid: 'CPUID',
  rdtsc: 'RDTSC',
  'msr.read': 'MSR_READ',
  'msr.write': 'MSR_WRITE',
  'cache.flush': 'CACHE_CONTROL',
  halt: 'HLT',
  'svm.state': 'SVM_INSTRUCTION',
};

/** Where the grouping by cost is not the one by reason. */
const REASON_BY_MNEMONIC: Readonly<Record<string, ExitReason>> = {
  in: 'IOIO_IN',
  ins: 'IOIO_IN',
  out: 'IOIO_OUT',
  outs: 'IOIO_OUT',
  smsw: 'CR_READ',
  vmmcall: 'VMMCALL',
  vmrun: 'SVM_INSTRUCTION',
  rdpmc: 'RDPMC',
};

/** The exit reason under which the emulation of an instruction is counted. */
export function exitReasonOf({ row, reg }: Operation): ExitReason {
  const byName = REASON_BY_MNEMONIC[row.mnemonic];
  if (byName) return byName;
  // Register operands in the manual's notation: C is a control register, D a debug register.
  if (/\bDd\b/.test(row.operands)) return 'DR_ACCESS';
  const reason = REASON_BY_COST[row.cost] ?? 'EMULATE';
  if (!/\bCd\b/.test(row.operands) || reg !== 3) return reason;
  return reason === 'CR_READ' ? 'CR3_READ' : 'CR3_WRITE';
}
