import type { Account } from '../cost/keys.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { Machine, Processor, RunLimits } from '../machine.js';
import { createVmm } from './catalog.js';
import type { Technique } from './catalog.js';
import { HardwareVmm } from './hardware/hardware-vmm.js';
import { Monitor } from './monitor.js';
import type { MonitorOptions } from './monitor.js';
import { placesTogether } from './place.js';
import type { GuestStop } from './vmm.js';
import { svmFeatures } from '../cost/profile.js';

export interface SeveralOptions extends Omit<MonitorOptions, 'place'> {
  technique: Technique;
  /** How many virtual machines; each has `memoryBytes`. */
  count: number;
  /** Longest turn, in cycles of the machine. */
  sliceCycles: number;
}

/** One of the virtual machines. */
export interface Member {
  readonly vmm: Monitor;
  /** How it ended; null while it has not. */
  stop: GuestStop | null;
  /** It waits in HLT for an interrupt. */
  waiting: boolean;
  turns: number;
  /** Time that passed in its turns, by account. They sum to all of it. */
  readonly cycles: Record<Account, number>;
}

/** Why a run of all came back: every guest has ended, a limit was reached, or someone asked for it. */
export type SeveralStop = 'ended' | 'budget' | 'requested';

const MAX_COUNT = 16;
const MIN_SLICE_CYCLES = 1000;

/**
 * Several virtual machines on one machine, taking turns: each has its monitor with all that belongs to it and a window of
 * the memory; the processor, its TLB and the clock are shared. A turn ends with a timer interrupt of the machine, with
 * HLT, or with the guest. Guests that do not look at the time end as they do alone.
 */
export class Several {
  readonly host: Machine;
  readonly members: readonly Member[];
  /** By member: what the processor held when its last turn ended. */
  private readonly images: readonly Processor[];
  private readonly sliceTicks: number;
  /** Whose turn was the last; its image is in the processor. -1 before the first. */
  private inside = -1;
  /** When that turn was to end, if a limit or a request came in between: the processor may be in the middle of the guest. */
  private unfinishedTicks: number | null = null;

  /** @throws RangeError for a technique without a monitor, sizes out of range, and what {@link createVmm} refuses. */
  constructor({ technique, count, sliceCycles, ...options }: SeveralOptions) {
    requireWhole('guests', count, 1, MAX_COUNT);
    requireWhole('sliceCycles', sliceCycles, MIN_SLICE_CYCLES, Number.MAX_SAFE_INTEGER);
    if (technique === 'native')
      throw new RangeError("the technique 'native' has no monitor that could share the machine out");
    const places = placesTogether(options, count);
    this.host = places[0].host;
    this.sliceTicks = sliceCycles * TICKS_PER_CYCLE;
    const images: Processor[] = [];
    this.members = places.map((place) => {
      const vmm = createVmm(technique, { ...options, place });
      if (!(vmm instanceof Monitor))
        throw new RangeError(`the technique '${technique}' cannot share a machine`);
      const image = this.host.processorImage();
      image.copyFrom(this.host.cpu);
      images.push(image);
      return { vmm, stop: null, waiting: false, turns: 0, cycles: this.host.ledger.accounts() };
    });
    for (const { cycles } of this.members)
      for (const account of Object.keys(cycles) as Account[]) cycles[account] = 0;
    this.images = images;
  }

  /** Gives turns until all guests have ended or a limit is reached. Limits count from now, over all of them. */
  run(limits: RunLimits = {}): SeveralStop {
    const { host } = this;
    const mostInstructions = host.cpu.instructions + (limits.instructions ?? Infinity);
    const deadlineTicks = host.ledger.ticks + (limits.cycles ?? Infinity) * TICKS_PER_CYCLE;
    for (;;) {
      const instructions = mostInstructions - host.cpu.instructions;
      const cycles = (deadlineTicks - host.ledger.ticks) / TICKS_PER_CYCLE;
      if (this.members.every(({ stop }) => stop !== null)) return 'ended';
      if (instructions <= 0 || cycles <= 0) return 'budget';
      const next = this.next();
      if (next === null) {
        this.wait(deadlineTicks);
        continue;
      }
      const stop = this.turn(next, { instructions, cycles });
      if (stop !== null) return stop;
    }
  }

  /** Looks at a member as its monitor left it: while another has the processor, part of it is elsewhere. Costs nothing. */
  look<T>(index: number, view: (member: Member) => T): T {
    const { cpu } = this.host;
    const { inside, images } = this;
    if (inside === index || inside < 0) return view(this.members[index]);
    images[inside].copyFrom(cpu);
    cpu.copyFrom(images[index]);
    try {
      return view(this.members[index]);
    } finally {
      cpu.copyFrom(images[inside]);
    }
  }

  /** The next after the last that could do something with a turn; null when all that are left wait. */
  private next(): number | null {
    const { members, inside } = this;
    if (this.unfinishedTicks !== null) return inside;
    for (let distance = 1; distance <= members.length; distance++) {
      const index = (inside + distance) % members.length;
      const { stop, waiting, vmm } = members[index];
      if (stop === null && (!waiting || vmm.guest.cpu.interruptLine)) return index;
    }
    return null;
  }

  /** All wait: time passes until a device of one of them does something, or nothing ever will. */
  private wait(deadlineTicks: number): void {
    if (this.host.idle(deadlineTicks)) return;
    if (this.host.ledger.ticks >= deadlineTicks) return;
    for (const member of this.members) member.stop ??= { kind: 'halted' };
  }

  private turn(index: number, limits: Required<RunLimits>): SeveralStop | null {
    const { host } = this;
    const member = this.members[index];
    this.switchTo(index);
    const { clock, ledger } = host;
    const before = ledger.accounts();
    const endTicks = this.unfinishedTicks ?? ledger.ticks + this.sliceTicks;
    const timer = clock.schedule(endTicks, () => member.vmm.preempt());
    const stop = member.vmm.run(limits);
    clock.cancel(timer);
    this.unfinishedTicks = null;
    host.cpu.interruptLine = false;
    const after = ledger.accounts();
    for (const account of Object.keys(after) as Account[])
      member.cycles[account] += after[account] - before[account];
    const { yielded } = member.vmm;
    member.waiting = yielded === 'waiting';
    if (yielded === null && (stop.kind === 'budget' || isRequest(stop))) {
      this.unfinishedTicks = endTicks;
      return isRequest(stop) ? 'requested' : 'budget';
    }
    member.turns++;
    if (yielded === null) member.stop = stop;
    return null;
  }

  /** The processor goes from one monitor to another, which pays for it. */
  private switchTo(index: number): void {
    const { host, inside, images } = this;
    if (inside === index) return;
    const { vmm } = this.members[index];
    let coprocessors = host.state().x87 ? 1 : 0;
    if (inside >= 0) images[inside].copyFrom(host.cpu);
    host.cpu.copyFrom(images[index]);
    this.inside = index;
    if (inside < 0) return;
    if (host.state().x87) coprocessors++;
    vmm.charge('vmm.dispatch');
    if (coprocessors > 0) vmm.charge('x87.state', coprocessors);
    if (vmm instanceof HardwareVmm) {
      // VMSAVE and VMLOAD: what VMRUN and #VMEXIT do not carry.
      vmm.charge('svm.state', 2);
    } else {
      vmm.charge('descriptor.load', 2);
      vmm.charge('cr3.write');
    }
    if (!this.keepsTlb(index)) host.cpu.flushTlb();
  }

  /** Whether the TLB tells the address spaces of all members apart. */
  private keepsTlb(index: number): boolean {
    const { profile } = this.host;
    const { vmm } = this.members[index];
    const tagged = profile.tlb.tagged === true && vmm.switches.addressSpaceTags;
    return vmm instanceof HardwareVmm && tagged && svmFeatures(profile).asids > 2 * this.members.length;
  }
}

function isRequest({ kind }: GuestStop): boolean {
  return kind === 'requested' || kind === 'breakpoint';
}

function requireWhole(what: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${what} ${value}: expected a whole number from ${min} to ${max}`);
}
