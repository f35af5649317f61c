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

/** Registers that a handler reads from the VMCB. */
const VMCB_READS = 9;
const WORLD_SWITCH: readonly CostKey[] = ['vmexit', 'vmrun', 'vmm.exit'];

/**
 * Adams & Agesen 2006, section 7.3: binary translation while page tables churn, guest mode while system calls dominate.
 * Exits are counted over an interval, and each half's bill is laid beside what the other's would have been.
 *
 * Translating is an investment, and part of binary translation's bill. The guest starts in guest mode, which needs none, and
 * leaves it when what binary translation would have saved there, since the guest came, is worth what it had to translate
 * during its last stay; and it comes back when guest mode would have saved as much as was missed there the last time: so
 * neither half can cost much more than the other would have (ski rental), whichever way the guest alternates. A stay under binary
 * translation begins with an allowance of as much translating as was to be saved when it began, and earns more by what it
 * saves; what is translated beyond that speaks for guest mode, as what the processor would do there by itself does.
 */
export class AdaptivePolicy implements Policy {
  readonly name = 'adaptive';
  readonly first = 'svm-shadow';
  private active: Half = 'svm-shadow';
  private readonly means = new ExitMeans();
  /** More that an exit costs in guest mode than its callout. */
  private readonly worldSwitchTicks: number;
  // The interval under way.
  private exits = 0;
  private startTicks = 0;
  /** What the other half would save; below zero: cost. */
  private gainTicks = 0;
  /** The translator's whole bill when it began. */
  private translatorTicks = 0;
  // The stay under way.
  private votes = 0;
  /** In guest mode: what binary translation would have saved since the guest came. */
  private missedTicks = 0;
  /** What it was when the guest last left guest mode. */
  private lastMissedTicks = 0;
  /** Under binary translation: what guest mode would have saved since it last would have cost more. */
  private lostTicks = 0;
  /** Under binary translation: what may be translated unbilled. */
  private allowanceTicks = 0;
  /** What was translated in the stay under binary translation that is under way, or else in the last one. */
  private investedTicks = 0;

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
    if (this.active === 'binary-translation')
      this.billTranslating(exit.translateTicks - this.translatorTicks);
    else this.missedTicks += this.gainTicks;
    const pays = this.gainTicks > MARGIN * (exit.atTicks - this.startTicks);
    this.lostTicks = Math.max(0, this.lostTicks + this.gainTicks);
    this.votes = pays ? this.votes + 1 : 0;
    this.exits = 0;
    this.gainTicks = 0;
    this.startTicks = exit.atTicks;
    this.translatorTicks = exit.translateTicks;
    if (this.active === 'binary-translation') {
      if (this.votes >= VOTES_FOR_HARDWARE && this.lostTicks >= this.lastMissedTicks)
        this.change('svm-shadow');
    } else if (pays && this.missedTicks >= this.investedTicks) this.change('binary-translation');
    return this.active;
  }

  private billTranslating(ticks: number): void {
    this.investedTicks += ticks;
    this.allowanceTicks += Math.max(0, -this.gainTicks);
    const allowed = Math.min(ticks, this.allowanceTicks);
    this.allowanceTicks -= allowed;
    this.gainTicks += ticks - allowed;
  }

  /** What an exit would have cost less in the other half. */
  private gainOf({ reason, ticks, freeInGuestMode }: SeenExit): number {
    if (this.active === 'binary-translation') {
      if (freeInGuestMode ?? FREE_IN_GUEST_MODE.has(reason)) return ticks;
      return ticks - (this.means.of('svm-shadow', reason) ?? ticks + this.worldSwitchTicks);
    }
    const translated = this.means.of('binary-translation', reason);
    return Math.max(0, ticks - (translated ?? Math.max(0, ticks - this.worldSwitchTicks)));
  }

  private change(to: Half): void {
    if (to === 'binary-translation') {
      this.allowanceTicks = this.missedTicks;
      this.investedTicks = 0;
      this.lastMissedTicks = this.missedTicks;
    }
    this.lostTicks = 0;
    this.missedTicks = 0;
    this.active = to;
    this.votes = 0;
  }
}
