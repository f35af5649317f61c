import type { ExitReason } from '../../arch/exits.js';
import { CS, SS } from '../../arch/registers.js';
import type { ShortCall, ShortReturn, ShortWayEnd, ShortWays } from '../../machine.js';
import { MOST_SHORT_WAYS } from '../../machine.js';
import type { Engine } from './engine.js';
import type { Callout, Fragment } from './fragment.js';
import { SYSTEM } from './known-crossing.js';
import type { KnownCall, KnownReturn } from './known-crossing.js';
import { LongWay } from './long-way.js';
import type { LongWayParts } from './long-way.js';
import type { ShadowDescriptors } from './shadow-descriptors.js';
import { isSameSide } from './side.js';
import type { Side } from './side.js';

/** Translations that have names at once. */
const MOST_NAMES = 4 * MOST_SHORT_WAYS.each;

export interface SystemCallParts extends LongWayParts {
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
  calls: readonly KnownCall[] = [];
  returns: readonly KnownReturn[] = [];
  end: ShortWayEnd = { side: 'user', left: 0, indirectJumps: 0 };
  private user: Side | null = null;
  private kernel: Side | null = null;
  private begun: { vector: number } | { callout: Callout } | null = null;
  private readonly longWay: LongWay;
  /** The last short way since {@link start}. */
  private last: KnownCall | KnownReturn | null = null;
  /** The host's count of them, when user code has loaded none yet. */
  private segmentLoads = 0;
  /** Named by their places in this, from 1 on. */
  private readonly fragments: Fragment[] = [];

  constructor(private readonly parts: SystemCallParts) {
    this.longWay = new LongWay(parts, (fragment) => this.name(fragment));
  }

  // --- the long way

  /** User code has trapped at INT n. */
  beginCall(vector: number): void {
    if (this.fragments.length > MOST_NAMES) this.forget();
    this.begun = { vector };
    this.longWay.begin();
  }

  /** Translated code has called out for an IRET. */
  beginReturn(callout: Callout): void {
    this.begun = { callout };
    this.longWay.begin();
  }

  /** The host is about to run translated code at `linear`. */
  enteredCache(linear: number): void {
    const { begun } = this;
    if (begun === null) return;
    const lesson = 'vector' in begun ? this.longWay.endCall(begun.vector, linear) : null;
    if (lesson === null) return this.forget();
    this.begun = null;
    this.agree(lesson.from, lesson.to);
    const { vector, codePage, from } = lesson.known;
    const others = this.calls.filter(
      (known) => known.vector !== vector || known.codePage !== codePage || known.from !== from,
    );
    this.calls = [lesson.known, ...others].slice(0, MOST_SHORT_WAYS.each);
  }

  /** The host is about to run user code directly. */
  enteredUser(): void {
    const { begun } = this;
    if (begun === null) return;
    const lesson = 'callout' in begun ? this.longWay.endReturn(begun.callout) : null;
    if (lesson === null) return this.forget();
    this.begun = null;
    this.agree(lesson.to, lesson.from);
    const others = this.returns.filter(({ callout }) => callout !== lesson.known.callout);
    this.returns = [lesson.known, ...others].slice(0, MOST_SHORT_WAYS.each);
  }

  /** The monitor does something else: nothing is known any more. */
  forget(): void {
    if (this.begun !== null) this.longWay.cancel();
    this.begun = null;
    this.fragments.length = 0;
    if (this.user === null) return;
    this.user = null;
    this.kernel = null;
    this.calls = [];
    this.returns = [];
  }

  /** What is known is of these two sides. */
  private agree(user: Side, kernel: Side): void {
    if (this.user && this.kernel && isSameSide(user, this.user) && isSameSide(kernel, this.kernel)) return;
    this.calls = [];
    this.returns = [];
    this.user = user;
    this.kernel = kernel;
  }

  private name(fragment: Fragment): number {
    const { fragments } = this;
    const at = fragments.indexOf(fragment);
    return at >= 0 ? at + 1 : fragments.push(fragment);
  }

  // --- runs of guest code

  /** Guest code is about to run. */
  start(engine: Engine): void {
    const { monitor, dispatcher } = this.parts;
    const { indirectJumps, segmentLoads } = monitor.host.cpu;
    const { lastFragment } = dispatcher;
    this.last = null;
    this.segmentLoads = segmentLoads;
    const left = lastFragment === null ? 0 : this.fragments.indexOf(lastFragment) + 1;
    this.end = { side: engine === 'direct' ? 'user' : 'kernel', left, indirectJumps };
  }

  /**
   * All is as it was: nothing waits for the monitor, user code has loaded no segment register, and nobody has changed what the
   * monitor has made of the guest's code and tables.
   */
  get isOpen(): boolean {
    const { monitor, shadowGdt } = this.parts;
    const { host, guest, shadow } = monitor;
    return (
      this.user !== null &&
      this.segmentLoads === host.cpu.segmentLoads &&
      !guest.cpu.interruptLine &&
      !host.cpu.interruptLine &&
      !shadow.hasPendingFlush &&
      shadowGdt.isCurrent &&
      this.calls.every(({ from, fragment }) => from.valid && fragment.valid) &&
      this.returns.every(({ fragment }) => fragment.valid)
    );
  }

  follow(last: ShortCall | ShortReturn, end: ShortWayEnd, indirectJumps: number): void {
    this.last = last as KnownCall | KnownReturn;
    this.end = end;
    this.parts.dispatcher.lookedUp(indirectJumps);
  }

  /** Guest code has stopped: brings virtual CPU and counts up to the last short way. @returns how the guest ran then. */
  settle(): Engine {
    const { last, end } = this;
    const { dispatcher, monitor, registers } = this.parts;
    const isKernel = end.side === 'kernel';
    // The indirect jumps of translated code are its lookups.
    if (isKernel) dispatcher.lookedUp((monitor.host.cpu.indirectJumps - end.indirectJumps) >>> 0);
    if (last !== null) {
      for (const known of this.calls) {
        dispatcher.lookups += known.lookups * known.times;
        dispatcher.hits += known.hits * known.times;
        this.count(known, 'SOFTWARE_INTERRUPT');
      }
      for (const known of this.returns) this.count(known, 'IRET');
      const { cpu } = monitor.guest;
      const side = isKernel ? this.kernel! : this.user!;
      registers.assumeHeld(side.held);
      cpu.setSegment(CS, side.guestCs);
      cpu.setSegment(SS, side.guestSs);
      cpu.cpl = side.guestCpl;
      cpu.writeEflags('kernelFlags' in last ? last.kernelFlags : last.userFlags, SYSTEM);
      dispatcher.left(last.fragment);
    }
    return isKernel ? 'translate' : 'direct';
  }

  private count(known: KnownCall | KnownReturn, reason: ExitReason): void {
    const { times, counts, exitTicks } = known;
    if (times === 0) return;
    const { monitor } = this.parts;
    counts.add(times);
    monitor.guest.cpu.countInstructions(times);
    monitor.countExits(reason, exitTicks, times);
    known.times = 0;
  }
}
