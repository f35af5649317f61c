import { CS } from '../arch/registers.js';
import type { OwnerHit } from '../machine.js';
import { GuestRun } from '../run.js';
import type { RunOptions } from '../run.js';
import type { GuestStop } from '../vmm/vmm.js';
import { checkPoint, describeHit, exitPoints, ownerPoints } from './points.js';
import type { BreakPoint } from './points.js';
import { Timeline } from './timeline.js';

/** Where a run stands after a command. */
export interface DebugStop {
  kind: GuestStop['kind'];
  /** In words. */
  why: string;
  hit: OwnerHit | null;
  /** Instructions executed so far. */
  position: number;
  cycles: number;
  /** The guest's next instruction: offset in CS, and linear address. */
  eip: number;
  linear: number;
}

/** Stops after which there is nothing to run. */
const ENDS: ReadonlySet<GuestStop['kind']> = new Set(['exit', 'halted', 'tripleFault']);

/**
 * Steps a guest forward and back and stops it at points, under any technique, without changing what it does or costs. A
 * step is one instruction of the physical processor or one that a monitor emulated.
 */
export class Debugger {
  private points: readonly BreakPoint[] = [];
  private readonly timeline: Timeline;
  /** The guest's end, when it has come to it. */
  private end: DebugStop | null = null;

  /**
   * Loads the guest and stops before its first instruction. See {@link GuestRun} for errors.
   * @param stopRequested asked now and then while the guest runs; true stops it.
   */
  constructor(image: Uint8Array, options: RunOptions = {}, stopRequested?: () => boolean) {
    this.timeline = new Timeline(new GuestRun(image, options), stopRequested);
  }

  /** For whoever has changed the guest, as by typing: there is no way back from here. */
  noteChange(): void {
    this.timeline.beginHere();
    this.end = null;
  }

  get run(): GuestRun {
    return this.timeline.run;
  }

  /** Instructions executed so far. */
  get position(): number {
    return this.timeline.position;
  }

  /** Executes `count` instructions; points on the way do not stop it. */
  step(count = 1): DebugStop {
    requireCount(count);
    if (this.end !== null) return this.end;
    this.arm([]);
    return this.describe(this.timeline.advance({ instructions: count }));
  }

  /**
   * Goes back by `count` instructions, at most to the start.
   * @throws RangeError for a count that is no whole number from 0.
   */
  stepBack(count = 1): DebugStop {
    requireCount(count);
    return this.goTo(Math.max(this.timeline.start, this.position - count));
  }

  /** Goes to where `position` instructions have been executed. @throws RangeError where the run does not come. */
  goTo(position: number): DebugStop {
    if (position === this.position && this.end !== null) return this.end;
    this.arm([]);
    this.end = null;
    return this.describe(this.timeline.goTo(position) ?? { kind: 'budget', budget: 'instructions' });
  }

  /** Runs on to the next point, the guest's end or a limit. Does not stop where it stands. */
  continue(limits: { instructions?: number; cycles?: number } = {}): DebugStop {
    if (this.end !== null) return this.end;
    this.arm(this.points);
    const { host } = this.run.vmm;
    host.passPoint();
    const stop = this.timeline.advance(limits);
    this.arm([]);
    return this.describe(stop);
  }

  /**
   * Says where {@link continue} is to stop, in place of what was said before.
   * @throws TypeError or RangeError for a malformed point, and for one that the technique cannot have.
   */
  setPoints(points: readonly BreakPoint[]): void {
    for (const point of points) checkPoint(point, this.run.configuration.technique);
    this.points = [...points];
  }

  private arm(points: readonly BreakPoint[]): void {
    const { vmm } = this.run;
    const { host, guest } = vmm;
    host.watch(ownerPoints(points, host.cpu));
    if (guest !== host) {
      // What the monitor emulates is met on the virtual processor; it was at the instruction's address before.
      const emulated = points.filter((point) => !('address' in point || 'mode' in point));
      guest.watch(ownerPoints(emulated, guest.cpu));
    }
    vmm.exitPoints = exitPoints(points);
  }

  private describe(stop: GuestStop): DebugStop {
    const { host, guest } = this.run.vmm;
    const { eip } = guest.cpu;
    const described: DebugStop = {
      kind: stop.kind,
      why: explain(stop),
      hit: stop.kind === 'breakpoint' ? stop.hit : null,
      position: this.position,
      cycles: host.ledger.cyclesExact,
      eip,
      linear: (guest.cpu.segment(CS).base + eip) >>> 0,
    };
    if (ENDS.has(stop.kind)) this.end = described;
    return described;
  }
}

function explain(stop: GuestStop): string {
  switch (stop.kind) {
    case 'breakpoint':
      return describeHit(stop.hit);
    case 'budget':
      return stop.budget === 'instructions' ? 'the instructions asked for' : 'the cycles asked for';
    case 'requested':
      return 'stopped on request';
    case 'halted':
      return stop.because ?? 'halted with nothing left that could wake it';
    case 'exit':
      return `the guest wrote ${stop.code} to the exit port`;
    case 'tripleFault':
      return `triple fault: ${stop.chain.join(', then ')}`;
  }
}

function requireCount(count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`${count} instructions: expected a whole number from 0`);
  }
}
