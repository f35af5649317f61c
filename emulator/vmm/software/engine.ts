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
  const { eflags, cpl } = guest;
  if (guest.guestMode) return 'interpret';
  const protectedMode = (guest.cr0 & CR0_PE) !== 0 && (eflags & FLAG_VM) === 0;
  if (!protectedMode || guest.debug(7) & DR7_ENABLES) return 'interpret';
  const changesInterruptFlag = (eflags & FLAG_IOPL) === FLAG_IOPL || (guest.cr4 & CR4_PVI) !== 0;
  if (cpl === 3 && direct && !changesInterruptFlag) return 'direct';
  if (eflags & FLAG_TF || !(guest.segment(CS).attributes & ATTR_DB)) return 'interpret';
  return 'translate';
}
