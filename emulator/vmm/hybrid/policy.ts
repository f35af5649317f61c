import type { ExitReason } from '../../arch/exits.js';
import type { CostKey } from '../../cost/keys.js';

/** The two monitors that a hybrid one is made of, by technique. */
export type Half = 'binary-translation' | 'svm-shadow';
export const HALVES: readonly Half[] = ['binary-translation', 'svm-shadow'];

/** An exit that has been handled. Times are ticks of the machine's clock. */
export interface SeenExit {
  by: Half;
  reason: ExitReason;
  /** What it cost, from the exit to the guest's resumption. */
  ticks: number;
  /** When. */
  atTicks: number;
  /** What the translator has cost, from the start of the run until then. */
  translateTicks: number;
  /** Whether there would have been no exit in guest mode. Null: the reason tells. */
  freeInGuestMode: boolean | null;
}

/**
 * Decides which half of a hybrid monitor runs the guest. It sees what both halves see, exits and what they cost; state
 * must lie in fields, as everywhere in a monitor.
 */
export interface Policy {
  readonly name: string;
  /** Where the guest starts. */
  readonly first: Half;
  /** Asked after each exit. @returns who is to run the guest on; it goes there at the next instruction boundary. */
  choose(exit: SeenExit): Half;
}

/** Makes the policy of one run. @param priceTicks what the processor charges for a key: a monitor measures that when it starts. */
export type CreatePolicy = (priceTicks: (key: CostKey) => number) => Policy;

/** One half alone, as its own technique but for what the two share. */
export class FixedPolicy implements Policy {
  readonly name: string;

  constructor(readonly first: Half) {
    this.name = first === 'svm-shadow' ? 'hardware' : 'software';
  }

  choose(): Half {
    return this.first;
  }
}
