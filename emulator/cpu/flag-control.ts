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
import { CPL_I32, EFLAGS_I32 } from '../arch/state.js';
import { VECTOR_GP } from '../arch/vectors.js';
import type { Cpu } from './cpu.js';

export function iopl(cpu: Cpu): number {
  return (cpu.s32[EFLAGS_I32] & FLAG_IOPL) >> IOPL_SHIFT;
}

export function pushFlagsImage(cpu: Cpu): number {
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('pushf');
  return cpu.readEflags() & ~(FLAG_VM | FLAG_RF);
}

/** POPF: IOPL changes only at CPL 0, IF only where IOPL allows it; no fault, the bits just stay. */
export function popFlagsImage(cpu: Cpu, value: number, operandBytes: 2 | 4): void {
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('popf');
  const width = operandBytes === 2 ? 0xffff : -1;
  // RF, VIF and VIP are cleared; VM stays.
  cpu.writeEflags(value & ~(FLAG_RF | FLAG_VIF | FLAG_VIP), flagsThatMayChange(cpu) & width);
}

/** The EFLAGS bits that POPF and IRET may write at this privilege, VM excepted. */
export function flagsThatMayChange(cpu: Cpu): number {
  const cpl = cpu.s32[CPL_I32];
  let mask = FLAGS_ARITHMETIC | FLAG_TF | FLAG_DF | FLAG_NT | FLAG_RF | FLAG_AC | FLAG_ID;
  if (cpl === 0) mask |= FLAG_IOPL | FLAG_VIF | FLAG_VIP;
  if (cpl <= iopl(cpu)) mask |= FLAG_IF;
  return mask;
}

export function clearInterruptFlag(cpu: Cpu): void {
  requireIopl(cpu);
  cpu.s32[EFLAGS_I32] &= ~FLAG_IF;
}

export function setInterruptFlag(cpu: Cpu): void {
  requireIopl(cpu);
  if ((cpu.s32[EFLAGS_I32] & FLAG_IF) !== 0) return;
  cpu.s32[EFLAGS_I32] |= FLAG_IF;
  cpu.beginShadow();
}

function requireIopl(cpu: Cpu): void {
  if (cpu.s32[CPL_I32] > iopl(cpu)) cpu.fault.raise(VECTOR_GP, 0);
}
