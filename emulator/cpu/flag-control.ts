import { CR4_PVI, CR4_VME } from '../arch/control.js';
import {
  FLAGS_ARITHMETIC,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  IOPL_SHIFT,
} from '../arch/flags.js';
import { CPL_I32, CR4_I32, EFLAGS_I32 } from '../arch/state.js';
import { VECTOR_GP } from '../arch/vectors.js';
import type { Cpu } from './cpu.js';
import { isVirtual8086 } from './modes.js';

export function iopl(cpu: Cpu): number {
  return (cpu.s32[EFLAGS_I32] & FLAG_IOPL) >> IOPL_SHIFT;
}

/** PUSHF. With virtual-8086 mode extensions the program sees VIF as its IF, and IOPL 3. */
export function pushFlagsImage(cpu: Cpu, operandBytes: 2 | 4): number {
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('pushf');
  const isVirtual = usesVirtualFlag(cpu, operandBytes);
  const flags = cpu.readEflags() & ~(FLAG_VM | FLAG_RF);
  return isVirtual ? virtualImage(flags) : flags;
}

/** POPF: IOPL changes only at CPL 0, IF only where IOPL allows it; no fault in protected mode, the bits just stay. */
export function popFlagsImage(cpu: Cpu, value: number, operandBytes: 2 | 4): void {
  if (usesVirtualFlag(cpu, operandBytes)) writeVirtualFlags(cpu, value);
  // RF, VIF and VIP are cleared; VM stays.
  else writeFlagsImage(cpu, value & ~(FLAG_RF | FLAG_VIF | FLAG_VIP), operandBytes);
}

/** Writes an image from the stack, as far as mode and privilege allow. */
export function writeFlagsImage(cpu: Cpu, value: number, operandBytes: 2 | 4): void {
  cpu.writeEflags(value, flagsThatMayChange(cpu) & (operandBytes === 2 ? 0xffff : -1));
}

/** What POPF and IRET may write at any privilege, and at CPL 0. */
const COMMON_FLAGS = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;
export const KERNEL_FLAGS = COMMON_FLAGS | FLAG_IOPL | FLAG_VIF | FLAG_VIP | FLAG_IF;

/** The EFLAGS bits that POPF and IRET may write at this privilege, VM excepted. */
export function flagsThatMayChange(cpu: Cpu): number {
  const cpl = cpu.s32[CPL_I32];
  let mask = COMMON_FLAGS;
  if (cpl === 0) mask |= FLAG_IOPL | FLAG_VIF | FLAG_VIP;
  if (cpl <= iopl(cpu)) mask |= FLAG_IF;
  return mask;
}

/**
 * Whether PUSHF, POPF and IRET work on VIF in place of IF: in virtual-8086 mode with its extensions, with 16-bit
 * operands (Intel SDM vol. 3, "Virtual Interrupt Flags"). @throws Fault #GP(0) where IOPL forbids them altogether.
 */
export function usesVirtualFlag(cpu: Cpu, operandBytes: 2 | 4): boolean {
  if (!isVirtual8086(cpu) || iopl(cpu) === 3) return false;
  if (operandBytes === 4 || (cpu.s32[CR4_I32] & CR4_VME) === 0) cpu.fault.raise(VECTOR_GP, 0);
  return true;
}

/** @throws Fault #GP(0) when the image sets TF, or IF while an interrupt is pending for the program. */
export function writeVirtualFlags(cpu: Cpu, value: number): void {
  const pending = (cpu.s32[EFLAGS_I32] & FLAG_VIP) !== 0;
  if (value & FLAG_TF || (value & FLAG_IF && pending)) cpu.fault.raise(VECTOR_GP, 0);
  writeFlagsImage(cpu, value, 2);
  setFlag(cpu, FLAG_VIF, (value & FLAG_IF) !== 0);
}

/** What a program that works on VIF sees of its flags. */
export function virtualImage(flags: number): number {
  return (flags & ~FLAG_IF) | FLAG_IOPL | (flags & FLAG_VIF ? FLAG_IF : 0);
}

export function clearInterruptFlag(cpu: Cpu): void {
  setFlag(cpu, ownInterruptFlag(cpu), false);
}

/** STI. Only IF brings a shadow. @throws Fault #GP(0) when VIF is to be set and VIP says that an interrupt waits. */
export function setInterruptFlag(cpu: Cpu): void {
  const flag = ownInterruptFlag(cpu);
  const flags = cpu.s32[EFLAGS_I32];
  if (flag === FLAG_VIF && flags & FLAG_VIP) cpu.fault.raise(VECTOR_GP, 0);
  if ((flags & flag) !== 0) return;
  setFlag(cpu, flag, true);
  if (flag === FLAG_IF) cpu.beginShadow();
}

/**
 * The flag that CLI and STI write: IF where IOPL allows it, VIF in virtual-8086 mode with CR4.VME and at CPL 3 with
 * CR4.PVI (SDM vol. 2, "CLI" and "STI"). @throws Fault #GP(0) when it is neither.
 */
function ownInterruptFlag(cpu: Cpu): number {
  const cpl = cpu.s32[CPL_I32];
  if (cpl <= iopl(cpu)) return FLAG_IF;
  const extension = isVirtual8086(cpu) ? CR4_VME : CR4_PVI;
  if (cpl !== 3 || (cpu.s32[CR4_I32] & extension) === 0) cpu.fault.raise(VECTOR_GP, 0);
  return FLAG_VIF;
}

function setFlag(cpu: Cpu, flag: number, on: boolean): void {
  cpu.s32[EFLAGS_I32] = on ? cpu.s32[EFLAGS_I32] | flag : cpu.s32[EFLAGS_I32] & ~flag;
}
