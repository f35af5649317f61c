import type { ExitReason } from '../../arch/exits.js';
import { COST_KEY_INDEX } from '../../cost/keys.js';
import type { CostKey } from '../../cost/keys.js';
import { TICKS_PER_CYCLE } from '../../cost/ledger.js';
import type { Machine, RunLimits } from '../../machine.js';
import { mergeExits } from '../exit-counts.js';
import { SvmShadowVmm } from '../hardware/svm-shadow.js';
import { createMachines } from '../machines.js';

import type { MonitorOptions } from '../monitor.js';
import { ShadowMmu } from '../shadow-mmu.js';
import type { ShadowStatistics } from '../shadow-statistics.js';
import { BinaryTranslationVmm } from '../software/binary-translation.js';
import type { Translations } from '../software/translations.js';
import { withDefaults } from '../switch-values.js';
import type { ExitRow, GuestStop, Vmm } from '../vmm.js';
import { AdaptivePolicy } from './adaptive-policy.js';
import { HANDOVER } from './handover.js';
import { FixedPolicy, HALVES } from './policy.js';
import type { Half, Policy } from './policy.js';

/**
 * Adams & Agesen 2006, section 7.3: binary translation and guest mode in one monitor. Both halves work on one machine, one
 * virtual machine and one set of shadow page tables; the guest goes from one to the other between two instructions, when
 * the policy says so.
 */
export class HybridVmm implements Vmm {
  readonly host: Machine;
  readonly guest: Machine;
  readonly policy: Policy;
  /** Times that the guest went from one half to the other. */
  handovers = 0;
  private readonly shadow: ShadowMmu;
  private readonly software: BinaryTranslationVmm;
  private readonly hardware: SvmShadowVmm;
  private active: Half;
  private wanted: Half;

  /** @throws RangeError for a size that a guest cannot have; for policy=oracle without a recording of the guest. */
  constructor(options: MonitorOptions) {
    const machines = createMachines(options);
    const { host, guest } = machines;
    const charge = (key: CostKey, count = 1): void => host.ledger.charge('vmm', key, count);
    this.host = host;
    this.guest = guest;
    this.shadow = new ShadowMmu({ ...machines, policy: withDefaults(options.switches), charge });
    const shared = { ...machines, shadow: this.shadow };
    this.software = new BinaryTranslationVmm({ ...options, shared });
    this.hardware = new SvmShadowVmm({ ...options, shared });
    this.policy = this.createPolicy(options);
    this.active = this.policy.first;
    this.wanted = this.active;
    for (const half of HALVES) {
      const monitor = this.monitorOf(half);
      monitor.traceName = half;
      monitor.onExit = (reason, ticks, freeInGuestMode) => this.note(half, reason, ticks, freeInGuestMode);
    }
    this.enter(this.active);
  }

  private createPolicy({ policy, switches }: MonitorOptions): Policy {
    const { policy: name, policyInterval } = withDefaults(switches);
    const priceTicks = (key: CostKey): number => this.host.ledger.prices[COST_KEY_INDEX[key]];
    if (policy) return policy(priceTicks);
    switch (name) {
      case 'adaptive':
        return new AdaptivePolicy(policyInterval, priceTicks);
      case 'software':
        return new FixedPolicy('binary-translation');
      case 'hardware':
        return new FixedPolicy('svm-shadow');
      case 'oracle':
        throw new RangeError(
          'policy=oracle needs to know the guest: run it from its image (runImage, GuestRun), which records it first',
        );
    }
  }

  run(limits: RunLimits = {}): GuestStop {
    const { ledger } = this.host;
    const lastInstruction = this.instructions + (limits.instructions ?? Infinity);
    const deadlineTicks = ledger.ticks + (limits.cycles ?? Infinity) * TICKS_PER_CYCLE;
    for (;;) {
      const left = {
        instructions: lastInstruction - this.instructions,
        cycles: (deadlineTicks - ledger.ticks) / TICKS_PER_CYCLE,
      };
      const stop = this.monitorOf(this.active).runUntil(left, () => this.wanted !== this.active);
      if (stop !== null) return stop;
      this.handOver(this.wanted);
    }
  }

  get exitPoints(): ReadonlySet<ExitReason> | null {
    return this.software.exitPoints;
  }
  set exitPoints(points: ReadonlySet<ExitReason> | null) {
    this.software.exitPoints = points;
    this.hardware.exitPoints = points;
  }

  get exits(): ReadonlyMap<ExitReason, ExitRow> {
    return mergeExits(Object.values(this.exitsByHalf));
  }

  get exitsByHalf(): Readonly<Record<Half, ReadonlyMap<ExitReason, ExitRow>>> {
    return { 'binary-translation': this.software.exits, 'svm-shadow': this.hardware.exits };
  }

  get shadowStatistics(): ShadowStatistics {
    return this.shadow.statistics;
  }

  /** Of the software half. */
  get translations(): Translations {
    return this.software.translations;
  }

  private monitorOf(half: Half): BinaryTranslationVmm | SvmShadowVmm {
    return half === 'svm-shadow' ? this.hardware : this.software;
  }

  private note(by: Half, reason: ExitReason, ticks: number, freeInGuestMode: boolean | null): void {
    const { ledger } = this.host;
    const atTicks = ledger.ticks;
    const translateTicks = ledger.accountTicks('translate');
    this.wanted = this.policy.choose({ by, reason, ticks, atTicks, freeInGuestMode, translateTicks });
  }

  private handOver(to: Half): void {
    const { ledger, trace } = this.host;
    if (this.active === 'svm-shadow') this.hardware.giveUp();
    for (const [key, count] of HANDOVER[to]) ledger.charge('transition', key, count);
    this.active = to;
    this.handovers++;
    this.enter(to);
    trace.record({ ticks: ledger.ticks, kind: 'handover', to, eip: this.guest.cpu.eip });
  }

  private enter(half: Half): void {
    // Guest mode needs no room for the monitor in the guest's address space, and gives none.
    this.shadow.lendReserved(half === 'svm-shadow');
    this.shadow.translates = half === 'binary-translation';
    this.shadow.invalidateAll();
    this.monitorOf(half).takeOver();
  }

  /** As the halves count them: host instructions and those emulated on the virtual processor. */
  private get instructions(): number {
    return this.host.cpu.instructions + this.guest.cpu.instructions;
  }
}
