import type { ExitReason } from '../arch/exits.js';
import { FLAG_IF } from '../arch/flags.js';
import { COST_KEY_INDEX } from '../cost/keys.js';
import type { CostKey } from '../cost/keys.js';
import { TICKS_PER_CYCLE } from '../cost/ledger.js';
import type { CpuProfile } from '../cost/profile.js';
import type { Engine, Machine, OwnerHit, RunLimits } from '../machine.js';
import { NO_WAY_BACK } from './crossing.js';
import type { Crossing } from './crossing.js';
import type { PagingState } from './paging-state.js';
import type { ShadowStatistics } from './shadow-statistics.js';
import { ExitCounts } from './exit-counts.js';
import type { FrameAllocator } from './frames.js';
import { createMachines } from './machines.js';
import type { SharedMachines } from './machines.js';
import type { Place } from './place.js';
import { withDefaults } from './switch-values.js';
import type { Switches } from './switches.js';
import type { CreatePolicy } from './hybrid/policy.js';
import type { Technique } from './catalog.js';
import type { ExitRow, GuestStop, Vmm } from './vmm.js';

export interface MonitorOptions {
  profile: CpuProfile;
  /** The guest's physical memory: a multiple of 4096. */
  memoryBytes: number;
  engine?: Engine | undefined;
  /** Mechanisms to switch or size otherwise than by default. */
  switches?: Partial<Switches>;
  /** Where it is to be, when that is no machine of its own: see place.ts. */
  place?: Place;
  /** For `hybrid`: how it decides, in place of what the switch says. */
  policy?: CreatePolicy;
  /** For a monitor that takes turns with another over one guest: what both work on. Unless told, it makes its own. */
  shared?: SharedMachines;
}

/** How a monitor virtualizes the guest's memory, as far as the run loop and emulation have to know. */
export interface GuestPaging {
  /** To be called whenever the guest's CR0, CR3 or CR4 may have changed, or what its TLB holds. */
  follow(state: PagingState): void;
  /** Of shadow page tables, where there are any. */
  readonly statistics?: ShadowStatistics;
}

/**
 * What every monitor of a family has: the host machine and how its memory is divided, the virtual machine, the
 * run loop, and the one funnel through which every exit passes. A family adds how the guest's memory is
 * virtualized ({@link paging}), how the guest runs between two exits ({@link resume}) and how its registers get
 * there and back.
 */
export abstract class Monitor implements Vmm {
  readonly host: Machine;
  readonly guest: Machine;
  /** The monitor's own page frames, in host-physical memory. */
  readonly frames: FrameAllocator;
  readonly switches: Switches;
  protected readonly home: Place;
  private readonly exitCounts = new ExitCounts();
  /** Set when the guest has ended; the run loop looks at it before it resumes the guest. */
  private pendingStop: GuestStop | null = null;
  exitPoints: ReadonlySet<ExitReason> | null = null;
  /** Told of each exit once it has been handled, with {@link freeInGuestMode}. */
  onExit: ((reason: ExitReason, ticks: number, freeInGuestMode: boolean | null) => void) | null = null;
  /** Of the exit under way, from its handler: whether there would be none in guest mode. Null: as its reason says. */
  freeInGuestMode: boolean | null = null;
  /** Name of this monitor in the trace, where the guest has more than one. */
  traceName: Technique | null = null;
  /** The exit that the run stops after. */
  private metExit: OwnerHit | null = null;
  private instructionLimit = Infinity;
  private deadlineTicks = Infinity;
  private isRunning = false;
  private isPreempted = false;
  /**
   * Why the last run, which stopped with 'requested', gave up its turn on a shared machine: its time was over, or its guest
   * waits for an interrupt. Null: for none of that.
   */
  yielded: 'preempted' | 'waiting' | null = null;

  /**
   * @throws RangeError when `memoryBytes` is not a size that a guest can have.
   */
  protected constructor(options: MonitorOptions) {
    this.switches = withDefaults(options.switches);
    const { place, host, guest, frames } = options.shared ?? createMachines(options);
    this.home = place;
    this.host = host;
    this.guest = guest;
    this.frames = frames;
    // A device of the guest that asks for service while the guest runs must stop it, whatever its IF says.
    this.guest.platform.onInterruptLine = (level) => {
      if (level) this.requestAttention();
    };
  }

  get exits(): ReadonlyMap<ExitReason, ExitRow> {
    return this.exitCounts.rows;
  }

  get shadowStatistics(): ShadowStatistics | null {
    return this.paging.statistics ?? null;
  }

  run(limits: RunLimits = {}): GuestStop {
    const stop = this.runUntil(limits, () => false);
    if (stop === null) throw new Error('a monitor gave up its guest unasked');
    return stop;
  }

  /**
   * As {@link run}, and comes back with null when the guest stands between two instructions, nothing of it in the
   * hardware alone, and `leaves` says so. It is asked after each exit.
   */
  runUntil(limits: RunLimits, leaves: () => boolean): GuestStop | null {
    const { guest, host, home } = this;
    this.pendingStop = null;
    this.yielded = null;
    this.isPreempted = false;
    this.isRunning = true;
    // What a device asked for between two turns, the guest hears now.
    if (home.isShared && guest.cpu.interruptLine) host.cpu.interruptLine = true;
    this.instructionLimit = this.instructions + (limits.instructions ?? Infinity);
    this.deadlineTicks = host.ledger.ticks + (limits.cycles ?? Infinity) * TICKS_PER_CYCLE;
    this.paging.follow(guest.cpu);
    this.load();
    for (;;) {
      this.noticeEnd();
      if (this.pendingStop || (this.movable && leaves())) break;
      if (guest.cpu.halted) this.idle();
      else this.resume(this.remaining());
    }
    this.store();
    this.isRunning = false;
    return this.pendingStop;
  }

  /** An interrupt of the host ends the run as soon as the guest has left for it, with 'requested': its turn is over. */
  preempt(): void {
    this.isPreempted = true;
    this.host.cpu.interruptLine = true;
  }

  /** Something of the guest's needs the monitor: the guest has to exit, if it is the one that runs. */
  protected requestAttention(): void {
    if (this.isRunning || !this.home.isShared) this.host.cpu.interruptLine = true;
  }

  /** Counts work of the monitor. */
  charge(key: CostKey, count = 1): void {
    this.host.ledger.charge('vmm', key, count);
  }

  /** Counts the decoding of the instruction at the guest's eip. */
  chargeDecode(): void {
    this.charge('vmm.decode');
  }

  /** Ends the run once the current exit has been handled. The first reason given counts. */
  stop(reason: GuestStop): void {
    this.pendingStop ??= reason;
  }

  get stopped(): boolean {
    return this.pendingStop !== null;
  }

  /**
   * The funnel: every exit of every technique passes here, and nowhere else is one charged, counted or traced.
   * @param eip the guest's, for the trace.
   * @param handle finds out what the exit was, handles it and names it.
   */
  exit(crossing: Crossing, eip: number, handle: () => ExitReason): void {
    const { ledger, trace } = this.host;
    let ticks = -ledger.ticks;
    if (crossing.enteredBy) ticks += this.priceTicks(crossing.enteredBy);
    if (crossing.foundBy) this.charge(crossing.foundBy);
    const reason = handle();
    // A guest that has ended does not come back from its last exit.
    const { leavesBy, resumedBy } = this.stopped ? NO_WAY_BACK : crossing;
    if (leavesBy) ledger.charge('transition', leavesBy);
    ticks += ledger.ticks;
    if (resumedBy) ticks += this.priceTicks(resumedBy);
    if (this.exitPoints?.has(reason)) this.metExit ??= { kind: 'exit', reason, eip };
    const cycles = this.exitCounts.add(reason, ticks);
    if (trace.enabled)
      trace.record({
        ticks: ledger.ticks,
        kind: 'exit',
        reason,
        eip,
        cycles,
        ...(this.traceName !== null && { by: this.traceName }),
      });
    this.onExit?.(reason, ticks, this.freeInGuestMode);
    this.freeInGuestMode = null;
  }

  /** Somebody wants to know of each exit when it happens. */
  protected get isObserved(): boolean {
    const { host, guest } = this;
    return (
      host.trace.enabled ||
      this.exitPoints !== null ||
      this.onExit !== null ||
      host.isWatched ||
      guest.isWatched
    );
  }

  /** The rest of the funnel for exits of one kind that nobody observes, and whose time has passed: each took `ticks`. */
  countExits(reason: ExitReason, ticks: number, times: number): void {
    this.exitCounts.add(reason, ticks, times);
  }

  /**
   * Whether the guest has an interrupt waiting and can take it now; the guest of a guest hypervisor is not asked here. Its registers must be current in `guest.cpu`.
   * Lowers the host's line, which has done its work.
   */
  interruptDeliverable(): boolean {
    const { cpu } = this.guest;
    return (
      this.interruptPending() &&
      !cpu.guestMode &&
      cpu.globalInterrupts &&
      (cpu.eflags & FLAG_IF) !== 0 &&
      !cpu.interruptShadow
    );
  }

  /** Whether one of the guest's devices asks for service. Lowers the host's line, which has done its work. */
  interruptPending(): boolean {
    this.host.cpu.interruptLine = false;
    return this.guest.cpu.interruptLine;
  }

  abstract readonly paging: GuestPaging;
  /** Takes the guest's registers from `guest.cpu`, before the first resume of a run. */
  protected abstract load(): void;
  /** Puts the guest's registers into `guest.cpu`, at the end of a run. */
  protected abstract store(): void;
  /** Runs the guest to its next exit and handles that; or stops within the limits. */
  protected abstract resume(limits: RunLimits): void;
  /** Another monitor can go on with the guest as it is in `guest`. */
  protected abstract readonly movable: boolean;
  /** Makes a waiting interrupt that wakes the halted guest its next event. */
  protected abstract wake(): void;

  private priceTicks(key: CostKey): number {
    return this.host.ledger.prices[COST_KEY_INDEX[key]];
  }

  /** Host instructions and those emulated on the virtual processor: every instruction counts once. */
  protected get instructions(): number {
    return this.host.cpu.instructions + this.guest.cpu.instructions;
  }

  private remaining(): Required<RunLimits> {
    return {
      instructions: this.instructionLimit - this.instructions,
      cycles: (this.deadlineTicks - this.host.ledger.ticks) / TICKS_PER_CYCLE,
    };
  }

  /** A user's request, the limits. */
  private noticeEnd(): void {
    const { host } = this;
    if (this.pendingStop) return;
    const hit = this.metExit ?? this.guest.takeHit();
    this.metExit = null;
    if (hit !== null) this.stop({ kind: 'breakpoint', hit });
    else if (host.takeStopRequest()) this.stop({ kind: 'requested' });
    else if (this.isPreempted) this.giveUpTurn('preempted');
    else if (this.instructions >= this.instructionLimit)
      this.stop({ kind: 'budget', budget: 'instructions' });
    else if (host.ledger.ticks >= this.deadlineTicks) this.stop({ kind: 'budget', budget: 'cycles' });
  }

  private giveUpTurn(why: 'preempted' | 'waiting'): void {
    this.yielded = why;
    this.stop({ kind: 'requested' });
  }

  /** The guest waits in HLT: time passes until one of its devices interrupts, or nothing ever will. */
  private idle(): void {
    const { host, guest } = this;
    // A guest of the guest's own waits too, with the guest's flags out of sight.
    const interruptible = (guest.cpu.eflags & FLAG_IF) !== 0 || guest.cpu.guestMode;
    if (interruptible && this.interruptPending()) this.wake();
    else if (interruptible && this.home.isShared) this.giveUpTurn('waiting');
    else if (!interruptible || !host.idle(this.deadlineTicks)) this.stop({ kind: 'halted' });
  }
}
