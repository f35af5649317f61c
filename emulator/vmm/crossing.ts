import type { CostKey } from '../cost/keys.js';

/** A way from the guest into the monitor and back: what it costs and who charges it. */
export interface Crossing {
  /** Charged by the machine when it stopped the guest; null when nothing was. */
  enteredBy: CostKey | null;
  /** Charged by the exit funnel for finding the handler; null when that is known since translation. */
  foundBy: CostKey | null;
  /** Charged by the exit funnel when the guest is about to run on; null when the machine does that. */
  leavesBy: CostKey | null;
  /** Charged by the machine when the guest resumes; null when the funnel did. */
  resumedBy: CostKey | null;
}

/** A deprivileged guest trapped; the monitor returns with an iret of its own. */
export const TRAP: Crossing = {
  enteredBy: 'trap.enter',
  foundBy: 'vmm.dispatch',
  leavesBy: 'trap.resume',
  resumedBy: null,
};
/** Translated code called the monitor: one price for both ways, no trap. */
export const CALLOUT: Crossing = { enteredBy: null, foundBy: null, leavesBy: 'callout', resumedBy: null };
/** #VMEXIT, and VMRUN back into the guest. */
export const WORLD_SWITCH: Crossing = {
  enteredBy: 'vmexit',
  foundBy: 'vmm.exit',
  leavesBy: null,
  resumedBy: 'vmrun',
};
/** The monitor executes for the guest without the guest having run: nothing is crossed. */
export const INTERPRETED: Crossing = { enteredBy: null, foundBy: null, leavesBy: null, resumedBy: null };
/** What remains of a crossing when the guest ended with it. */
export const NO_WAY_BACK: Pick<Crossing, 'leavesBy' | 'resumedBy'> = { leavesBy: null, resumedBy: null };
