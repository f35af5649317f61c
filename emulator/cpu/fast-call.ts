import { EFER_SCE } from '../arch/control.js';
import {
  ATTR_ACCESSED,
  ATTR_CODE,
  ATTR_DB,
  ATTR_DPL_SHIFT,
  ATTR_G,
  ATTR_P,
  ATTR_RW,
  ATTR_S,
} from '../arch/descriptors.js';
import type { SegmentState } from '../arch/descriptors.js';
import { FLAG_IF, FLAG_RF, FLAG_VM } from '../arch/flags.js';
import { CS, ECX, EDX, ESP, SS } from '../arch/registers.js';
import { EFER_I32 } from '../arch/state.js';
import { VECTOR_GP, VECTOR_UD } from '../arch/vectors.js';
import type { Cpu } from './cpu.js';
import { isReal } from './modes.js';

const FLAT = ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED | ATTR_DB | ATTR_G;

/** The fast calls load fixed flat segments and read no descriptor. */
function flatSegment(selector: number, cpl: number, isCode: boolean): SegmentState {
  const attributes = FLAT | (isCode ? ATTR_CODE : 0) | (cpl << ATTR_DPL_SHIFT);
  return { selector: selector & 0xffff, attributes, limit: 0xffff_ffff, base: 0 };
}

function enter(cpu: Cpu, codeSelector: number, stackSelector: number, cpl: number, eip: number): void {
  cpu.setSegment(CS, flatSegment(codeSelector, cpl, true));
  cpu.setSegment(SS, flatSegment(stackSelector, cpl, false));
  cpu.cpl = cpl;
  cpu.eip = eip;
}

/** APM vol. 3, "SYSENTER". */
export function sysenter(cpu: Cpu): void {
  const { sysenterCs, sysenterEsp, sysenterEip } = cpu.msrs;
  if (isReal(cpu) || (sysenterCs & 0xfffc) === 0) cpu.fault.raise(VECTOR_GP, 0);
  const selector = sysenterCs & 0xfffc;
  cpu.writeEflags(0, FLAG_VM | FLAG_IF | FLAG_RF);
  enter(cpu, selector, selector + 8, 0, sysenterEip);
  cpu.setGpr(ESP, sysenterEsp);
}

/** APM vol. 3, "SYSEXIT". */
export function sysexit(cpu: Cpu): void {
  const { sysenterCs } = cpu.msrs;
  if (isReal(cpu) || cpu.cpl !== 0 || (sysenterCs & 0xfffc) === 0) cpu.fault.raise(VECTOR_GP, 0);
  const selector = (sysenterCs & 0xfffc) | 3;
  enter(cpu, selector + 16, selector + 24, 3, cpu.gpr(EDX));
  cpu.setGpr(ESP, cpu.gpr(ECX));
}

/** APM vol. 3, "SYSCALL", legacy mode. */
export function syscall(cpu: Cpu): void {
  if ((cpu.s32[EFER_I32] & EFER_SCE) === 0) cpu.fault.raise(VECTOR_UD, -1);
  const { starEip, starSyscallCs } = cpu.msrs;
  cpu.setGpr(ECX, cpu.eip);
  cpu.writeEflags(0, FLAG_VM | FLAG_IF | FLAG_RF);
  enter(cpu, starSyscallCs & 0xfffc, (starSyscallCs & 0xfffc) + 8, 0, starEip);
}

/** APM vol. 3, "SYSRET", legacy mode: CS and SS as SYSCALL's partner in STAR says; of SS only the selector changes. */
export function sysret(cpu: Cpu): void {
  if ((cpu.s32[EFER_I32] & EFER_SCE) === 0) cpu.fault.raise(VECTOR_UD, -1);
  if (isReal(cpu)) cpu.fault.raise(VECTOR_GP, 0);
  cpu.requireCpl0();
  const selector = cpu.msrs.starSysretCs | 3;
  enter(cpu, selector, selector + 8, 3, cpu.gpr(ECX));
  cpu.writeEflags(FLAG_IF, FLAG_IF);
}
