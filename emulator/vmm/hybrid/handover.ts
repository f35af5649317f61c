import type { CostKey } from '../../cost/keys.js';
import type { Half } from './policy.js';

/**
 * What a processor does when the guest goes over, apart from the VMCB, whose fields the hardware half counts: VMLOAD of the
 * guest's further registers; or VMSAVE of them and VMLOAD of the host's, then the control registers, address space,
 * segments and descriptor table that deprivileged code runs on.
 */
export const HANDOVER: Readonly<Record<Half, readonly (readonly [CostKey, number])[]>> = {
  'svm-shadow': [['svm.state', 1]],
  'binary-translation': [
    ['svm.state', 2],
    ['control.write', 2],
    ['cr3.write', 1],
    ['segment.load', 6],
    ['descriptor.load', 1],
  ],
};

/** What a handover to a half costs at the least, in ticks: the registers of the VMCB come on top. */
export function handoverTicks(half: Half, priceTicks: (key: CostKey) => number): number {
  return HANDOVER[half].reduce((sum, [key, count]) => sum + count * priceTicks(key), 0);
}
