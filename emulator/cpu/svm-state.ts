import { CR0_PE } from '../arch/control.js';
import type { SegmentState, TableState } from '../arch/descriptors.js';
import { FLAG_VM } from '../arch/flags.js';
import * as msrs from '../arch/msrs.js';
import { CS, DS, EAX, ES, ESP, FS, GS, LDTR, SS, TR } from '../arch/registers.js';
import { VMCB_SEGMENTS, VMCB_STATE } from '../arch/vmcb.js';
import type { Cpu } from './cpu.js';
import { enterRealMode, isReal, isVirtual8086 } from './modes.js';
import type { VmcbView } from '../platform/vmcb-view.js';

// What VMRUN and #VMEXIT move, as APM vol. 2, section 15.5.1 "Basic Operation" lists it: host state goes to the host
// save area, guest state to and from the VMCB. Neither moves FS, GS, TR, LDTR nor general registers but rAX and rSP.

const SYSTEM_REGISTERS = [
  ['efer', VMCB_STATE.efer],
  ['cr0', VMCB_STATE.cr0],
  ['cr3', VMCB_STATE.cr3],
  ['cr4', VMCB_STATE.cr4],
  ['eflags', VMCB_STATE.rflags],
  ['eip', VMCB_STATE.rip],
] as const;

const GENERAL_REGISTERS = [
  [ESP, VMCB_STATE.rsp],
  [EAX, VMCB_STATE.rax],
] as const;

const SEGMENTS = [
  [ES, VMCB_SEGMENTS.es],
  [CS, VMCB_SEGMENTS.cs],
  [SS, VMCB_SEGMENTS.ss],
  [DS, VMCB_SEGMENTS.ds],
] as const;

const GUEST_DEBUG_REGISTERS = [
  [6, VMCB_STATE.dr6],
  [7, VMCB_STATE.dr7],
] as const;

/** What VMLOAD and VMSAVE move (section 15.5.2 "VMSAVE and VMLOAD Instructions"). */
const EXTRA_SEGMENTS = [
  [FS, VMCB_SEGMENTS.fs],
  [GS, VMCB_SEGMENTS.gs],
  [TR, VMCB_SEGMENTS.tr],
  [LDTR, VMCB_SEGMENTS.ldtr],
] as const;

const EXTRA_MSRS = [
  [msrs.MSR_KERNEL_GS_BASE, VMCB_STATE.kernelGsBase],
  [msrs.MSR_STAR, VMCB_STATE.star],
  [msrs.MSR_LSTAR, VMCB_STATE.lstar],
  [msrs.MSR_CSTAR, VMCB_STATE.cstar],
  [msrs.MSR_SFMASK, VMCB_STATE.sfmask],
  [msrs.MSR_SYSENTER_CS, VMCB_STATE.sysenterCs],
  [msrs.MSR_SYSENTER_ESP, VMCB_STATE.sysenterEsp],
  [msrs.MSR_SYSENTER_EIP, VMCB_STATE.sysenterEip],
] as const;

/** DR7 with every breakpoint off; bit 10 always reads as one. */
const DR7_DISABLED = 0x400;

function saveCommon(cpu: Cpu, area: VmcbView): void {
  for (const [name, field] of SYSTEM_REGISTERS) area.write(field, cpu[name]);
  for (const [register, field] of GENERAL_REGISTERS) area.write(field, cpu.gpr(register));
  for (const [segment, offset] of SEGMENTS) area.setSegment(offset, cpu.segment(segment));
  area.setTable(VMCB_SEGMENTS.gdtr, cpu.gdtr);
  area.setTable(VMCB_SEGMENTS.idtr, cpu.idtr);
}

function loadCommon(cpu: Cpu, area: VmcbView): void {
  for (const [name, field] of SYSTEM_REGISTERS) cpu[name] = area.read(field);
  for (const [register, field] of GENERAL_REGISTERS) cpu.setGpr(register, area.read(field));
  for (const [segment, offset] of SEGMENTS) cpu.setSegment(segment, loadSegment(area, offset));
  cpu.gdtr = loadTable(area, VMCB_SEGMENTS.gdtr);
  cpu.idtr = loadTable(area, VMCB_SEGMENTS.idtr);
}

/** The registers' limits have 16 bits. */
function loadTable(area: VmcbView, offset: number): TableState {
  const { base, limit } = area.table(offset);
  return { base, limit: limit & 0xffff };
}

/** Of the segment attributes only these bits exist. */
const ATTRIBUTES = 0xfff;

function loadSegment(area: VmcbView, offset: number): SegmentState {
  const state = area.segment(offset);
  return { ...state, attributes: state.attributes & ATTRIBUTES };
}

/** The hidden parts of the segments are kept too, as the manual leaves free. */
export const saveHost = saveCommon;

/** Leaves the processor at CPL 0 in protected mode, whatever the area says. */
export function restoreHost(cpu: Cpu, area: VmcbView): void {
  loadCommon(cpu, area);
  cpu.cr0 |= CR0_PE;
  cpu.eflags &= ~FLAG_VM;
  cpu.setDebug(7, DR7_DISABLED);
  cpu.cpl = 0;
  cpu.halted = false;
  cpu.interruptShadow = false;
  cpu.reload();
}

export function saveGuest(cpu: Cpu, vmcb: VmcbView): void {
  saveCommon(cpu, vmcb);
  vmcb.write(VMCB_STATE.cr2, cpu.cr2);
  for (const [register, field] of GUEST_DEBUG_REGISTERS) vmcb.write(field, cpu.debug(register));
  vmcb.write(VMCB_STATE.cpl, cpu.cpl);
}

export function loadGuest(cpu: Cpu, vmcb: VmcbView): void {
  loadCommon(cpu, vmcb);
  cpu.cr2 = vmcb.read(VMCB_STATE.cr2);
  for (const [register, field] of GUEST_DEBUG_REGISTERS) cpu.setDebug(register, vmcb.read(field));
  // The mode decides where it says one (APM vol. 2, section 15.5.1, "Basic Operation": VMRUN and the CPL).
  cpu.cpl = isReal(cpu) ? 0 : isVirtual8086(cpu) ? 3 : vmcb.read(VMCB_STATE.cpl) & 3;
  if (isReal(cpu)) enterRealMode(cpu);
  cpu.halted = false;
  cpu.reload();
}

export function vmload(cpu: Cpu, vmcb: VmcbView): void {
  for (const [segment, offset] of EXTRA_SEGMENTS) cpu.setSegment(segment, loadSegment(vmcb, offset));
  for (const [msr, field] of EXTRA_MSRS) cpu.setMsr(msr, vmcb.read(field));
}

export function vmsave(cpu: Cpu, vmcb: VmcbView): void {
  for (const [segment, offset] of EXTRA_SEGMENTS) vmcb.setSegment(offset, cpu.segment(segment));
  for (const [msr, field] of EXTRA_MSRS) vmcb.write(field, cpu.msr(msr));
}
