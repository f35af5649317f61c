import { CR0_PE, CR4_PVI } from '../../arch/control.js';
import { FLAG_IOPL, FLAG_TF, FLAG_VM } from '../../arch/flags.js';
import type { Machine, Processor } from '../../machine.js';

/**
 * How the guest runs on from where it stands. The paper's rule (section 3.2; details in Bugnion et al., TOCS
 * 2012) is: translate what is sensitive to privilege, run the rest directly.
 * - `translate`: kernel code, of 16 and of 32 bits, in real mode too; and user code that may change the interrupt
 *   flag, which the host would not let it change and would not tell.
 * - `direct`: other user code.
 * - `interpret`: what neither can do is emulated one instruction at a time: virtual-8086 mode, single steps in
 *   translated code, hardware breakpoints, the guest of a guest that is a hypervisor, and code behind a closed A20
 *   gate, which the translation cache does not know by the addresses that it has there.
 */
export type Engine = 'translate' | 'direct' | 'interpret';

/** The enable bits of the four breakpoints in DR7 (AMD64 APM vol. 2, rev. 3.44, section 13.1.1.4). */
const DR7_ENABLES = 0xff;

/** @param direct user code may run directly. */
export function chooseEngine(guest: Machine, direct: boolean): Engine {
  const { cpu } = guest;
  if (!hostCanRun(guest)) return 'interpret';
  const isProtected = (cpu.cr0 & CR0_PE) !== 0;
  if (isProtected && cpu.cpl === 3 && direct && !changesInterruptFlag(cpu)) return 'direct';
  return cpu.eflags & FLAG_TF ? 'interpret' : 'translate';
}

/**
 * Whether guest code can run on as it is, its kernel deprivileged. Code of the rings between, where a deprivileged
 * kernel would be, is emulated.
 */
export function runsDeprivileged(guest: Machine): boolean {
  const { cpu } = guest;
  if (!hostCanRun(guest) || (cpu.cr0 & CR0_PE) === 0) return false;
  if (cpu.cpl === 0) return (cpu.eflags & FLAG_TF) === 0;
  return cpu.cpl === 3 && !changesInterruptFlag(cpu);
}

/** No hardware breakpoints, no virtual-8086 mode, no guest of the guest's: what the host can be in while it runs a guest. */
function hostCanRun({ cpu, platform }: Machine): boolean {
  const plain = (cpu.eflags & FLAG_VM) === 0 && (cpu.debug(7) & DR7_ENABLES) === 0;
  return plain && !cpu.guestMode && platform.a20.open;
}

/** User code may change the interrupt flag. */
function changesInterruptFlag({ eflags, cr4 }: Processor): boolean {
  return (eflags & FLAG_IOPL) === FLAG_IOPL || (cr4 & CR4_PVI) !== 0;
}
