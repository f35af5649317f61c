import { CR0_PG, CR0_TS } from '../arch/control.js';
import { DR6_BT } from '../arch/debug.js';
import { ATTR_P, SYS_LDT, SYS_TSS16_AVAILABLE, SYS_TSS32_AVAILABLE } from '../arch/descriptors.js';
import { FLAGS_DEFINED, FLAG_NT, FLAG_VM } from '../arch/flags.js';
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import { CR0_I32 } from '../arch/state.js';
import { VECTOR_GP, VECTOR_NP, VECTOR_TS } from '../arch/vectors.js';
import { setCr3 } from './control.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import type { Descriptor } from './descriptor.js';
import { checkOffset } from './far-transfer.js';
import { virtualSegment } from './modes.js';
import { dataDescriptor, nullSegment, setCode, stackDescriptor } from './segmentation.js';
import { StackFrame } from './stack-frame.js';
import { TSS16, TSS32 } from './tss.js';
import type { TssLayout } from './tss.js';

/*
 * Hardware task switches (Intel SDM vol. 3, chapter "Task Management", "Task Switching"; APM vol. 2, section 12.3
 * "Hardware Task-Management in Legacy Mode"). Up to the commit point a fault is the old task's and nothing has
 * happened; from there on it is the new task's, before its first instruction.
 */

/** What brings a task switch about. `return`: IRET with NT set. */
export type TaskSource = 'jump' | 'call' | 'interrupt' | 'return';

export interface TaskSwitch {
  source: TaskSource;
  /** EFLAGS as the old task is to find them. */
  flags: number;
  /** Goes on the new task's stack, for an exception that has one. */
  errorCode: number | null;
  /** Bit 0 of the error codes of faults. */
  ext: number;
}

/** Local breakpoints and LE, which are of one task (SDM vol. 3, "Debug Control Register (DR7)"). */
const DR7_LOCAL = 0x155;
const TYPE_BUSY = 2;
const ACCESS_BYTE = 5;

const SEGMENTS: readonly SegmentIndex[] = [ES, CS, SS, DS, FS, GS];
const DATA_SEGMENTS = [DS, ES, FS, GS] as const;

/**
 * The TSS that a task gate or a far transfer names: in the GDT, available and present.
 * @throws Fault #GP, #NP with the selector.
 */
export function availableTss(cpu: Cpu, selector: number, ext: number): Descriptor {
  const code = (selector & ~3) | ext;
  if (selector & descriptors.SELECTOR_TI || descriptors.isNull(selector)) cpu.fault.raise(VECTOR_GP, code);
  const descriptor = descriptors.fetchDescriptor(cpu, selector, VECTOR_GP, ext);
  const type = descriptors.systemType(descriptor.attributes);
  if (type !== SYS_TSS16_AVAILABLE && type !== SYS_TSS32_AVAILABLE) cpu.fault.raise(VECTOR_GP, code);
  if (!descriptors.isPresent(descriptor.attributes)) cpu.fault.raise(VECTOR_NP, code);
  return descriptor;
}

/** IRET with NT set: back to the task that the current one links to. @throws Fault #TS, #NP and what the switch raises. */
export function returnToTask(cpu: Cpu): void {
  const selector = cpu.readLinear(cpu.base(TR), 2, false);
  const code = selector & ~3;
  if (selector & descriptors.SELECTOR_TI || descriptors.isNull(selector)) cpu.fault.raise(VECTOR_TS, code);
  const descriptor = descriptors.fetchDescriptor(cpu, selector, VECTOR_TS);
  const type = descriptors.systemType(descriptor.attributes) & ~TYPE_BUSY;
  const isTss = type === SYS_TSS16_AVAILABLE || type === SYS_TSS32_AVAILABLE;
  if (!isTss || (descriptor.attributes & TYPE_BUSY) === 0) cpu.fault.raise(VECTOR_TS, code);
  if (!descriptors.isPresent(descriptor.attributes)) cpu.fault.raise(VECTOR_NP, code);
  const flags = cpu.readEflags() & ~FLAG_NT;
  switchTask(cpu, descriptor, { source: 'return', flags, errorCode: null, ext: 0 });
}

/** Switches to the task of a checked TSS descriptor. @throws Fault; VmExit when intercepted. */
export function switchTask(
  cpu: Cpu,
  target: Descriptor,
  { source, flags, errorCode, ext }: TaskSwitch,
): void {
  const old = cpu.segment(TR);
  const oldLayout = layoutOf(old.attributes);
  const layout = layoutOf(target.attributes);
  if (cpu.guestMode) cpu.svmUnit.interceptTaskSwitch(target.selector, source, errorCode, flags);
  if (target.limit < layout.minimumLimit) cpu.fault.raise(VECTOR_TS, (target.selector & ~3) | ext);
  if (old.limit < oldLayout.savedEnd - 1) cpu.fault.raise(VECTOR_TS, (old.selector & ~3) | ext);
  const links = source === 'call' || source === 'interrupt';
  // Every page that is about to be used, so that nothing is half done when one of them faults.
  cpu.requireLinear(target.base, layout.minimumLimit + 1, links);
  cpu.requireLinear(old.base, oldLayout.savedEnd, true);
  cpu.requireLinear(target.address, 8, true);

  cpu.ledger.charge('guest', 'task.switch');
  if (!links) clearBusy(cpu, old.selector);
  oldLayout.save(cpu, old.base, flags);
  if (links) cpu.writeLinear(target.base, 2, old.selector, false);
  const next = layout.load(cpu, target.base);
  descriptors.writeType(cpu, target, descriptors.systemType(target.attributes) | TYPE_BUSY);
  cpu.setSegment(TR, target);
  cpu.s32[CR0_I32] |= CR0_TS;
  cpu.setDebug(7, cpu.debug(7) & ~DR7_LOCAL);

  // The commit point.
  cpu.completeInstruction();
  // An unchanged CR3 flushes nothing (SDM vol. 3, "Operations that Invalidate TLBs and Paging-Structure Caches").
  const { cr3 } = next;
  if (cr3 !== null && cr3 !== cpu.cr3 && cpu.s32[CR0_I32] & CR0_PG) setCr3(cpu, cr3 | 0);
  next.gprs.forEach((value, register) => {
    cpu.setGpr(register, value);
  });
  cpu.eip = next.eip;
  cpu.writeEflags(links ? next.flags | FLAG_NT : next.flags, FLAGS_DEFINED);
  loadSegments(cpu, next.selectors, next.ldt, ext);
  if (errorCode !== null) {
    const stack = StackFrame.current(cpu, ext);
    stack.push(errorCode, layout.errorCodeBytes);
    stack.commitPointer();
  }
  checkOffset(cpu, cpu.segment(CS), cpu.eip, ext);
  if (next.traps) {
    cpu.debugUnit.owe(DR6_BT);
  }
}

function layoutOf(attributes: number): TssLayout {
  return (attributes & ~TYPE_BUSY & 0xf) === SYS_TSS32_AVAILABLE ? TSS32 : TSS16;
}

/** The old task may be switched to again. */
function clearBusy(cpu: Cpu, selector: number): void {
  const address = (cpu.table('gdtr').base + (selector & ~7) + ACCESS_BYTE) | 0;
  const access = cpu.readLinear(address, 1, false);
  cpu.writeLinear(address, 1, access & ~TYPE_BUSY, false);
}

/**
 * Loads LDTR and the segment registers with the selectors of the new task, in the order of SDM vol. 3, table "Exception
 * Conditions Checked During a Task Switch". At a fault all selectors are there, and those not reached yet are unusable;
 * CPL is 3 until the end, so that the handler gets a stack from the TSS even when the task's own is at fault.
 */
function loadSegments(cpu: Cpu, selectors: readonly number[], ldt: number, ext: number): void {
  const selectorOf = (segment: SegmentIndex): number => selectors[segment];
  for (const segment of SEGMENTS) cpu.setSegment(segment, nullSegment(selectorOf(segment)));
  cpu.setSegment(LDTR, nullSegment(ldt));
  cpu.cpl = 3;
  loadLdt(cpu, ldt, ext);
  if (cpu.readEflags() & FLAG_VM) {
    for (const segment of SEGMENTS) cpu.setSegment(segment, virtualSegment(selectorOf(segment)));
    return;
  }
  const cpl = descriptors.rpl(selectorOf(CS));
  const code = taskCode(cpu, selectorOf(CS), ext);
  const stack = stackDescriptor(cpu, selectorOf(SS), cpl, VECTOR_TS, ext);
  cpu.setSegment(SS, stack);
  for (const segment of DATA_SEGMENTS) loadData(cpu, segment, selectorOf(segment), cpl, ext);
  setCode(cpu, code, cpl);
}

function loadLdt(cpu: Cpu, selector: number, ext: number): void {
  if (descriptors.isNull(selector)) return;
  const code = (selector & ~3) | ext;
  if (selector & descriptors.SELECTOR_TI) cpu.fault.raise(VECTOR_TS, code);
  const descriptor = descriptors.fetchDescriptor(cpu, selector, VECTOR_TS, ext);
  const { attributes } = descriptor;
  if (descriptors.systemType(attributes) !== SYS_LDT || (attributes & ATTR_P) === 0) {
    cpu.fault.raise(VECTOR_TS, code);
  }
  cpu.setSegment(LDTR, descriptor);
}

function taskCode(cpu: Cpu, selector: number, ext: number): Descriptor {
  const code = (selector & ~3) | ext;
  if (descriptors.isNull(selector)) cpu.fault.raise(VECTOR_TS, code);
  const descriptor = descriptors.fetchDescriptor(cpu, selector, VECTOR_TS, ext);
  const { attributes } = descriptor;
  const dpl = descriptors.dpl(attributes);
  const rpl = descriptors.rpl(selector);
  const matches = descriptors.isConforming(attributes) ? dpl <= rpl : dpl === rpl;
  if (!descriptors.isCode(attributes) || !matches) cpu.fault.raise(VECTOR_TS, code);
  if (!descriptors.isPresent(attributes)) cpu.fault.raise(VECTOR_NP, code);
  return descriptor;
}

function loadData(cpu: Cpu, segment: SegmentIndex, selector: number, cpl: number, ext: number): void {
  if (descriptors.isNull(selector)) return;
  cpu.setSegment(segment, dataDescriptor(cpu, selector, cpl, VECTOR_TS, ext));
}
