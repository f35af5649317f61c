import type { SegmentState, TableState } from '../../arch/descriptors.js';
import { MSR_STAR, MSR_SYSENTER_CS, MSR_SYSENTER_EIP, MSR_SYSENTER_ESP } from '../../arch/msrs.js';
import {
  CS,
  DS,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  ES,
  ESI,
  ESP,
  FS,
  GS,
  LDTR,
  SS,
  TR,
} from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import { VMCB_CONTROL, VMCB_SEGMENTS, VMCB_STATE } from '../../arch/vmcb.js';
import type { VmcbField } from '../../arch/vmcb.js';
import type { Processor } from '../../machine.js';
import type { VmcbView } from '../../platform/vmcb-view.js';

/**
 * Where each register of the guest lies while it is not in the virtual processor. VMRUN and #VMEXIT move some
 * registers to and from the VMCB; the others stay in the host's processor, where the host leaves them alone (AMD64
 * APM vol. 2, rev. 3.44, section 15.5.1 "Basic Operation").
 */
export interface Slot {
  /** Read by the monitor to emulate an instruction; the other slots only to deliver an event to the guest. */
  basic: boolean;
  /** Brings the value from the VMCB to the virtual processor. */
  pull(vmcb: VmcbView, guest: Processor): void;
  /** Brings it back. @returns whether it had changed. */
  push(vmcb: VmcbView, guest: Processor): boolean;
  /** Between processors: for a run that was stopped while in guest mode. @returns whether the values differed. */
  copy(from: Processor, to: Processor): boolean;
}

/** A register of a processor. */
interface Register<T> {
  get(cpu: Processor): T;
  set(cpu: Processor, value: T): void;
  same(a: T, b: T): boolean;
}

/** Its place in the VMCB. */
interface Place<T> {
  read(vmcb: VmcbView): T;
  write(vmcb: VmcbView, value: T): void;
}

const sameNumber = (a: number, b: number): boolean => a === b;
const sameTable = (a: TableState, b: TableState): boolean => a.base === b.base && a.limit === b.limit;
const sameSegment = (a: SegmentState, b: SegmentState): boolean =>
  sameTable(a, b) && a.selector === b.selector && a.attributes === b.attributes;

function numeric(
  get: (cpu: Processor) => number,
  set: (cpu: Processor, value: number) => void,
): Register<number> {
  return { get, set, same: sameNumber };
}
const byName = (name: 'eip' | 'eflags' | 'cpl' | 'cr0' | 'cr2' | 'cr3' | 'cr4'): Register<number> =>
  numeric(
    (cpu) => cpu[name],
    (cpu, value) => void (cpu[name] = value),
  );
const gpr = (index: number): Register<number> =>
  numeric(
    (cpu) => cpu.gpr(index),
    (cpu, value) => cpu.setGpr(index, value),
  );
const debug = (index: number): Register<number> =>
  numeric(
    (cpu) => cpu.debug(index),
    (cpu, value) => cpu.setDebug(index, value),
  );
const msr = (index: number): Register<number> =>
  numeric(
    (cpu) => cpu.msr(index),
    (cpu, value) => cpu.setMsr(index, value),
  );
const interruptShadow = numeric(
  (cpu) => (cpu.interruptShadow ? 1 : 0),
  (cpu, value) => void (cpu.interruptShadow = (value & 1) !== 0),
);
const segment = (index: SegmentIndex): Register<SegmentState> => ({
  get: (cpu) => cpu.segment(index),
  set: (cpu, value) => cpu.setSegment(index, value),
  same: sameSegment,
});
const table = (name: 'gdtr' | 'idtr'): Register<TableState> => ({
  get: (cpu) => cpu[name],
  set: (cpu, value) => void (cpu[name] = value),
  same: sameTable,
});

function copy<T>(register: Register<T>, from: Processor, to: Processor): boolean {
  const value = register.get(from);
  if (register.same(value, register.get(to))) return false;
  register.set(to, value);
  return true;
}

function slot<T>(basic: boolean, register: Register<T>, place: Place<T>): Slot {
  return {
    basic,
    pull: (vmcb, guest) => register.set(guest, place.read(vmcb)),
    push: (vmcb, guest) => {
      const value = register.get(guest);
      if (register.same(value, place.read(vmcb))) return false;
      place.write(vmcb, value);
      return true;
    },
    copy: (from, to) => copy(register, from, to),
  };
}

const field = (of: VmcbField): Place<number> => ({
  read: (vmcb) => vmcb.read(of),
  write: (vmcb, value) => vmcb.write(of, value),
});
const segmentAt = (offset: number): Place<SegmentState> => ({
  read: (vmcb) => vmcb.segment(offset),
  write: (vmcb, value) => vmcb.setSegment(offset, value),
});
const tableAt = (offset: number): Place<TableState> => ({
  read: (vmcb) => vmcb.table(offset),
  write: (vmcb, value) => vmcb.setTable(offset, value),
});

/** Registers that the VMCB holds, but for CR0, CR3, CR4 and EFER: writes to those exit, so the virtual processor always has them. */
export const VMCB_SLOTS: readonly Slot[] = [
  slot(true, segment(CS), segmentAt(VMCB_SEGMENTS.cs)),
  slot(true, segment(SS), segmentAt(VMCB_SEGMENTS.ss)),
  slot(true, segment(DS), segmentAt(VMCB_SEGMENTS.ds)),
  slot(true, segment(ES), segmentAt(VMCB_SEGMENTS.es)),
  slot(true, byName('cpl'), field(VMCB_STATE.cpl)),
  slot(true, byName('eflags'), field(VMCB_STATE.rflags)),
  slot(true, byName('eip'), field(VMCB_STATE.rip)),
  slot(true, gpr(EAX), field(VMCB_STATE.rax)),
  slot(true, gpr(ESP), field(VMCB_STATE.rsp)),
  slot(false, interruptShadow, field(VMCB_CONTROL.interruptShadow)),
  slot(false, byName('cr2'), field(VMCB_STATE.cr2)),
  slot(false, debug(6), field(VMCB_STATE.dr6)),
  slot(false, debug(7), field(VMCB_STATE.dr7)),
  slot(false, table('gdtr'), tableAt(VMCB_SEGMENTS.gdtr)),
  slot(false, table('idtr'), tableAt(VMCB_SEGMENTS.idtr)),
];

/** Those too, where the guest writes them without an exit. Without them the virtual processor cannot find an instruction. */
export const CONTROL_SLOTS: readonly Slot[] = [
  slot(true, byName('cr0'), field(VMCB_STATE.cr0)),
  slot(true, byName('cr3'), field(VMCB_STATE.cr3)),
  slot(true, byName('cr4'), field(VMCB_STATE.cr4)),
];

type Copy = (from: Processor, to: Processor) => boolean;
const copier =
  <T>(register: Register<T>): Copy =>
  (from, to) =>
    copy(register, from, to);

/** Registers that stay in the host's processor across VMRUN and #VMEXIT. */
export const RESIDENT: readonly Copy[] = [
  ...[ECX, EDX, EBX, EBP, ESI, EDI].map((index) => copier(gpr(index))),
  ...([FS, GS, LDTR, TR] as const).map((index) => copier(segment(index))),
  ...[0, 1, 2, 3].map((index) => copier(debug(index))),
];

/** MSRs that guest mode uses and VMRUN does not load. Every access to an MSR exits, so only the monitor changes them. */
export const GUEST_MSRS: readonly Copy[] = [
  MSR_SYSENTER_CS,
  MSR_SYSENTER_ESP,
  MSR_SYSENTER_EIP,
  MSR_STAR,
].map((index) => copier(msr(index)));
