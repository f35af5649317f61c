import type { ExitReason } from '../../arch/exits.js';
import { FLAG_AC, FLAG_DF, FLAG_ID, FLAG_IF } from '../../arch/flags.js';
import { CS, ESP, SS } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import type { CrossingCost, ShortWays } from '../../machine.js';
import { ENTRY_CALLOUT, GS_CR8, GS_SITE } from './area.js';
import type { AreaFrames } from './area-frames.js';
import type { TranslationCache } from './cache.js';
import type { Engine } from './engine.js';
import type { Callout, Fragment } from './fragment.js';
import { SYSTEM, WORD, linearPage } from './known-crossing.js';
import type { KnownCall, KnownCrossing, KnownReturn } from './known-crossing.js';
import { LongWay } from './long-way.js';
import type { LongWayParts } from './long-way.js';
import type { ShadowDescriptors } from './shadow-descriptors.js';
import { differing, isSameSide } from './side.js';
import type { Side } from './side.js';

/** Flags that translated code keeps in the host's register, IF and the arithmetic ones apart. */
const CARRIED = FLAG_DF | FLAG_AC | FLAG_ID;
const MOST_KNOWN = 8;

export interface SystemCallParts extends LongWayParts {
  area: AreaFrames;
  cache: TranslationCache;
  shadowGdt: ShadowDescriptors;
}

/**
 * System calls and their returns, which a guest does over and over in the same way: user code that runs directly traps at
 * an INT n, the monitor delivers that in the guest, whose kernel goes on in the translation cache, where a callout emulates
 * the IRET. What each has done the long way is remembered, and the short way does it again: pushes or pops the frame and
 * exchanges what differs between the two sides. Everything else is as it was, since what is remembered is dropped as soon
 * as the monitor does anything but such crossings; the words of guest memory that one depends on, which the guest may write
 * without its monitor, are compared. The virtual CPU and all counts follow when the monitor runs again ({@link settle}).
 */
export class SystemCalls implements ShortWays {
  private calls: KnownCall[] = [];
  private returns: KnownReturn[] = [];
  private user: Side | null = null;
  private kernel: Side | null = null;
  /** Segment registers of the host that differ between the two. */
  private exchanged: readonly SegmentIndex[] = [];
  private begun: { vector: number } | { site: Callout } | null = null;
  private readonly longWay: LongWay;
  private engine: Engine = 'interpret';
  /** The last short way since {@link start}. */
  private last: KnownCall | KnownReturn | null = null;
  /** The translation that control left last, while user code runs. */
  private left: Fragment | null = null;
  /** The host's count of them, when user code has loaded none yet. */
  private segmentLoads = 0;
  private jumpsBefore = 0;
  private readonly memory: Int32Array;

  constructor(private readonly parts: SystemCallParts) {
    this.memory = new Int32Array(parts.monitor.host.memory.u8.buffer);
    this.longWay = new LongWay(parts);
  }

  // --- the long way

  /** User code has trapped at INT n. */
  beginCall(vector: number): void {
    this.begun = { vector };
    this.longWay.begin();
  }

  /** Translated code has called out for an IRET. */
  beginReturn(site: Callout): void {
    this.begun = { site };
    this.longWay.begin();
  }

  /** The host is about to run translated code at `linear`. */
  enteredCache(linear: number): void {
    const { begun } = this;
    if (begun === null) return;
    const lesson = 'vector' in begun ? this.longWay.endCall(begun.vector, linear) : null;
    if (lesson === null || !this.agree(lesson.from, lesson.to)) return this.forget();
    this.begun = null;
    const { vector, codePage, from } = lesson.known;
    const others = this.calls.filter(
      (known) => known.vector !== vector || known.codePage !== codePage || known.from !== from,
    );
    this.calls = [lesson.known, ...others].slice(0, MOST_KNOWN);
  }

  /** The host is about to run user code directly. */
  enteredUser(): void {
    const { begun } = this;
    if (begun === null) return;
    const lesson = 'site' in begun ? this.longWay.endReturn(begun.site) : null;
    if (lesson === null || !this.agree(lesson.to, lesson.from)) return this.forget();
    this.begun = null;
    const others = this.returns.filter(({ site }) => site !== lesson.known.site);
    this.returns = [lesson.known, ...others].slice(0, MOST_KNOWN);
  }

  /** The monitor does something else: nothing is known any more. */
  forget(): void {
    if (this.begun !== null) this.longWay.cancel();
    this.begun = null;
    this.user = null;
    this.kernel = null;
    if (this.calls.length > 0) this.calls = [];
    if (this.returns.length > 0) this.returns = [];
  }

  /** What is known is of these two sides. @returns false when they differ in more than can be exchanged. */
  private agree(user: Side, kernel: Side): boolean {
    if (user.hostCr0 !== kernel.hostCr0 || user.hostCr4 !== kernel.hostCr4) return false;
    if (user.taskPriority !== kernel.taskPriority) return false;
    if (this.user && this.kernel && isSameSide(user, this.user) && isSameSide(kernel, this.kernel))
      return true;
    this.calls = [];
    this.returns = [];
    this.user = user;
    this.kernel = kernel;
    this.exchanged = differing(user, kernel);
    return true;
  }

  // --- runs of guest code

  /** Guest code is about to run. */
  start(engine: Engine): void {
    const { cpu } = this.parts.monitor.host;
    this.engine = engine;
    this.last = null;
    this.left = this.parts.dispatcher.lastFragment;
    this.segmentLoads = cpu.segmentLoads;
    this.jumpsBefore = cpu.indirectJumps;
  }

  /** Guest code has stopped: brings virtual CPU and counts up to the last short way. @returns how the guest ran then. */
  settle(): Engine {
    const { last, engine } = this;
    const { dispatcher, monitor } = this.parts;
    if (engine === 'translate') this.countJumps();
    if (last === null) return engine;
    for (const known of this.calls) {
      dispatcher.lookups += known.lookups * known.times;
      dispatcher.hits += known.hits * known.times;
      this.count(known, 'SOFTWARE_INTERRUPT');
    }
    for (const known of this.returns) this.count(known, 'IRET');
    const { cpu } = monitor.guest;
    const side = engine === 'translate' ? this.kernel! : this.user!;
    cpu.setSegment(CS, side.guestCs);
    cpu.setSegment(SS, side.guestSs);
    cpu.cpl = side.guestCpl;
    cpu.writeEflags('kernelFlags' in last ? last.kernelFlags : last.userFlags, SYSTEM);
    dispatcher.left(last.fragment);
    return engine;
  }

  private count(known: KnownCrossing, reason: ExitReason): void {
    const { times } = known;
    if (times === 0) return;
    const { monitor } = this.parts;
    known.counts.add(times);
    monitor.guest.cpu.countInstructions(times * known.instructions);
    monitor.countExits(reason, known.exitTicks, times);
    known.times = 0;
  }

  /** The indirect jumps of translated code are its lookups. */
  private countJumps(): void {
    const { indirectJumps } = this.parts.monitor.host.cpu;
    this.parts.dispatcher.lookedUp((indirectJumps - this.jumpsBefore) >>> 0);
  }

  // --- the short ways

  softwareInterrupt(vector: number, nextEip: number, roomTicks: number): CrossingCost | null {
    const { memory, engine, parts, user, kernel } = this;
    if (engine !== 'direct' || user === null || kernel === null) return null;
    const { base, selector } = user.guestCs;
    const known = this.callOf(vector, linearPage(base, nextEip - 1));
    const { cpu, memory: hostMemory } = parts.monitor.host;
    if (known === null || known.ticks >= roomTicks || cpu.segmentLoads !== this.segmentLoads) return null;
    const flags = cpu.eflags;
    const { frame, esp } = known;
    if (
      (flags & SYSTEM) !== known.userFlags ||
      linearPage(base, nextEip - 2) !== known.codePage ||
      !known.from.valid ||
      !this.isQuiet(known) ||
      hostMemory.holdsCode(frame * WORD - hostMemory.baseBytes)
    )
      return null;

    memory[frame] = nextEip;
    memory[frame + 1] = selector;
    memory[frame + 2] = flags;
    memory[frame + 3] = cpu.gpr(ESP);
    memory[frame + 4] = user.guestSs.selector;
    cpu.setGpr(ESP, esp);
    cpu.eip = known.linear;
    cpu.writeEflags((flags & CARRIED) | FLAG_IF, SYSTEM);
    this.cross(kernel);
    parts.registers.publishFlags(known.kernelFlags);
    this.jumpsBefore = cpu.indirectJumps;
    this.engine = 'translate';
    return this.taken(known);
  }

  entry(offset: number, roomTicks: number): CrossingCost | null {
    const { memory, engine, parts, user, kernel } = this;
    if (engine !== 'translate' || offset !== ENTRY_CALLOUT || user === null || kernel === null) return null;
    const known = this.returnOf(parts.area.read(GS_SITE));
    const { cpu } = parts.monitor.host;
    if (known === null || known.ticks >= roomTicks || cpu.gpr(ESP) !== known.esp) return null;
    const { frame } = known;
    const eip = memory[frame] >>> 0;
    const flags = memory[frame + 2];
    if (
      (flags & SYSTEM) !== known.userFlags ||
      memory[frame + 1] !== user.guestCs.selector ||
      memory[frame + 4] !== user.guestSs.selector ||
      eip > user.guestCs.limit ||
      parts.area.read(GS_CR8) !== kernel.taskPriority ||
      !this.isQuiet(known)
    )
      return null;

    this.countJumps();
    cpu.setGpr(ESP, memory[frame + 3]);
    cpu.eip = eip;
    cpu.eflags = flags;
    this.cross(user);
    this.segmentLoads = cpu.segmentLoads;
    this.left = known.fragment;
    this.engine = 'direct';
    return this.taken(known);
  }

  private callOf(vector: number, codePage: number): KnownCall | null {
    for (const known of this.calls)
      if (known.vector === vector && known.codePage === codePage && known.from === this.left) return known;
    return null;
  }

  private returnOf(id: number): KnownReturn | null {
    const site = this.parts.cache.site(id);
    for (const known of this.returns) if (known.site === site) return known;
    return null;
  }

  /** Nothing waits for the monitor, and what the crossing depends on is as it was. */
  private isQuiet({ fragment, words }: KnownCrossing): boolean {
    const { monitor, shadowGdt } = this.parts;
    return (
      !monitor.guest.cpu.interruptLine &&
      !monitor.host.cpu.interruptLine &&
      !monitor.shadow.hasPendingFlush &&
      shadowGdt.isCurrent &&
      fragment.valid &&
      words.stand
    );
  }

  /** Gives the host what differs on the other side. */
  private cross(to: Side): void {
    const { registers, monitor } = this.parts;
    for (const segment of this.exchanged) registers.hold(segment, to.held[segment]!);
    monitor.host.cpu.cpl = to.hostCpl;
  }

  private taken<K extends KnownCall | KnownReturn>(known: K): K {
    known.times++;
    this.last = known;
    return known;
  }
}
