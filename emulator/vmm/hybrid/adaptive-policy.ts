import type { ExitReason } from '../../arch/exits.js';
import type { CostKey } from '../../cost/keys.js';
import { ExitMeans } from './exit-means.js';
import type { Half, Policy, SeenExit } from './policy.js';

/** What binary translation pays for and the processor does by itself in guest mode. */
const FREE_IN_GUEST_MODE: ReadonlySet<ExitReason> = new Set<ExitReason>([
  'SOFTWARE_INTERRUPT',
  'SYSTEM_CALL',
  'IRET',
  'SEGMENT_LOAD',
  'FAR_TRANSFER',
  'DESCRIPTOR_TABLE',
  'INTERRUPT_FLAG',
  'PUSHF',
  'POPF',
  'EXCEPTION',
  'RDTSC',
  'DR_ACCESS',
  'EMULATE',
]);

/** Of an interval's time, what the other half has to save. */
const MARGIN = 0.1;
/** Intervals in a row that speak for guest mode before the guest goes there. */
const VOTES_FOR_HARDWARE = 2;
/** A stay of so many intervals under binary translation was a trial that did not pay. */
const TRIAL_INTERVALS = 4;
const MAX_PATIENCE = 64;

/** Registers that a handler reads from the VMCB. */
const VMCB_READS = 9;
const WORLD_SWITCH: readonly CostKey[] = ['vmexit', 'vmrun', 'vmm.exit'];

/**
 * Adams & Agesen 2006, section 7.3: binary translation while page tables churn, guest mode while system calls dominate.
 * Exits are counted over an interval. Under binary translation everything is seen: what the processor would do by itself
 * speaks for guest mode, what would take a world switch against it. In guest mode system calls are not seen, so that exits
 * which binary translation would handle without a world switch lead to a trial of it; after a trial that did not pay, the
 * next takes twice as many such intervals. What translating costs does not count: it is paid before it could be avoided, and
 * to count it makes short runs go to and fro (measured on `web-threads`).
 */
export class AdaptivePolicy implements Policy {
  readonly name = 'adaptive';
  readonly first = 'binary-translation';
  private active: Half = 'binary-translation';
  private readonly means = new ExitMeans();
  /** More that an exit costs in guest mode than its callout. */
  private readonly worldSwitchTicks: number;
  // The interval under way.
  private exits = 0;
  private startTicks = 0;
  /** What the other half would save; below zero: cost. */
  private gainTicks = 0;
  // Hysteresis.
  private votes = 0;
  private stayed = 0;
  private patience = 1;

  /** @param intervalExits length of an interval. */
  constructor(
    private readonly intervalExits: number,
    priceTicks: (key: CostKey) => number,
  ) {
    const transitions = WORLD_SWITCH.reduce((sum, key) => sum + priceTicks(key), 0);
    this.worldSwitchTicks = transitions + VMCB_READS * priceTicks('vmcb.read') - priceTicks('callout');
  }

  choose(exit: SeenExit): Half {
    this.means.add(exit);
    this.gainTicks += this.gainOf(exit);
    if (++this.exits < this.intervalExits) return this.active;
    const pays = this.gainTicks > MARGIN * (exit.atTicks - this.startTicks);
    this.votes = pays ? this.votes + 1 : 0;
    this.stayed++;
    this.exits = 0;
    this.gainTicks = 0;
    this.startTicks = exit.atTicks;
    if (this.active === 'binary-translation') this.considerHardware();
    else if (this.votes >= this.patience) this.change('binary-translation');
    return this.active;
  }

  /** What an exit would have cost less in the other half. */
  private gainOf(exit: SeenExit): number {
    const { reason, ticks } = exit;
    if (this.active === 'binary-translation') {
      if (FREE_IN_GUEST_MODE.has(reason)) return ticks;
      return ticks - (this.means.of('svm-shadow', reason) ?? ticks + this.worldSwitchTicks);
    }
    const translated = this.means.of('binary-translation', reason);
    return Math.max(0, ticks - (translated ?? Math.max(0, ticks - this.worldSwitchTicks)));
  }

  private considerHardware(): void {
    const onTrial = this.stayed <= TRIAL_INTERVALS;
    if (this.votes >= VOTES_FOR_HARDWARE) {
      this.patience = onTrial ? Math.min(2 * this.patience, MAX_PATIENCE) : 1;
      this.change('svm-shadow');
    } else if (!onTrial) this.patience = 1;
  }

  private change(to: Half): void {
    this.active = to;
    this.votes = 0;
    this.stayed = 0;
  }
}
