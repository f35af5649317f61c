import { CR0_PE, CR4_PVI } from '../../arch/control.js';
import { ATTR_DB } from '../../arch/descriptors.js';
import { FLAG_IOPL, FLAG_TF, FLAG_VM } from '../../arch/flags.js';
import { CS } from '../../arch/registers.js';
import type { Processor } from '../../machine.js';

/**
 * How the guest runs on from where it stands. The paper's rule (section 3.2; details in Bugnion et al., TOCS
 * 2012) is: translate what is sensitive to privilege, run the rest directly.
 * - `translate`: kernel code; and user code that may change the interrupt flag, which the host would not let it
 *   change and would not tell.
 * - `direct`: other user code.
 * - `interpret`: what neither can do is emulated one instruction at a time: 16-bit kernel code, single steps in
 *   translated code, hardware breakpoints, and the guest of a guest that is a hypervisor.
 */
export type Engine = 'translate' | 'direct' | 'interpret';

/** The enable bits of the four breakpoints in DR7 (AMD64 APM vol. 2, rev. 3.44, section 13.1.1.4). */
const DR7_ENABLES = 0xff;

/** @param direct user code may run directly. */
export function chooseEngine(guest: Processor, direct: boolean): Engine {
  if (!hostHasMode(guest)) return 'interpret';
  if (guest.cpl === 3 && direct && !changesInterruptFlag(guest)) return 'direct';
  if (guest.eflags & FLAG_TF || !(guest.segment(CS).attributes & ATTR_DB)) return 'interpret';
  return 'translate';
}

/**
 * Whether guest code can run on as it is, its kernel deprivileged. Code of the rings between, where a deprivileged
 * kernel would be, is emulated.
 */
export function runsDeprivileged(guest: Processor): boolean {
  if (!hostHasMode(guest)) return false;
  if (guest.cpl === 0) return (guest.eflags & FLAG_TF) === 0;
  return guest.cpl === 3 && !changesInterruptFlag(guest);
}

/** Protected mode without hardware breakpoints, and no guest of the guest's: what the host can be in while it runs a guest. */
function hostHasMode(guest: Processor): boolean {
  const protectedMode = (guest.cr0 & CR0_PE) !== 0 && (guest.eflags & FLAG_VM) === 0;
  return protectedMode && !guest.guestMode && (guest.debug(7) & DR7_ENABLES) === 0;
}

/** User code may change the interrupt flag. */
function changesInterruptFlag({ eflags, cr4 }: Processor): boolean {
  return (eflags & FLAG_IOPL) === FLAG_IOPL || (cr4 & CR4_PVI) !== 0;
}
