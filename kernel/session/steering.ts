import { checkPoint, Debugger, DEFAULTS, disassembleGuest, GuestRun, Symbols } from '../../emulator/index.js';
import type { BreakPoint, DebugStop, RunOptions } from '../../emulator/index.js';
import { current } from './current.js';
import { checkGuest } from './guest.js';
import type { Guest } from './guest.js';
import { StoppedGuest } from './inspection.js';
import { interruptRequested, interruptibly } from './interrupt.js';
import { Progress } from './progress.js';
import { registerValues } from './registers.js';
import type { RegisterValues } from './registers.js';
import { Run } from './run.js';
import type { CellRunOptions } from './run.js';
import { GuestInterrupted } from './running.js';
import { traceOf } from './trace.js';

/** A guest with what was typed for it. */
interface Loaded {
  program: Guest;
  keys: string;
}

/** One machine with one guest at a time: loads, runs and steps it, and stops it at breakpoints. */
export class SteeredMachine {
  private current: GuestRun | null = null;
  /** The guest of `current`. */
  protected loaded: Loaded | null = null;
  /** Made when somebody steps or sets a breakpoint: `current` is its run then. */
  private steered: Debugger | null = null;
  /** Breakpoints by number, which outlive a run. */
  private readonly points = new Map<number, BreakPoint>();
  private nextPoint = 1;
  /** Of the command that runs `steered`. */
  private progress: Progress | null = null;
  /** Typed before there was a machine to type on. */
  private keys = '';
  /** The last interrupt, whose run is the guest as it stands. */
  private stopped: GuestInterrupted | null = null;
  /** The guest's registers before the last command. */
  protected registersBefore: RegisterValues | null = null;

  constructor(private readonly options: CellRunOptions) {}

  /**
   * Loads the guest into a fresh machine and runs it to its end, or to the first breakpoint, recording a trace.
   * @throws ImageError, RangeError as the emulator does; {@link GuestInterrupted} when the user stops it, from where
   *   {@link continue} goes on.
   */
  async run(program: Guest): Promise<Run> {
    const loaded = this.take(program);
    if (this.points.size > 0) {
      this.watched(
        () => this.steer(loaded),
        (steered) => steered.continue(),
      );
      return this.standing();
    }
    const progress = this.newProgress();
    const guestRun = new GuestRun(program.bytes, {
      ...this.guestOptions(loaded),
      onProgress: progress.report,
    });
    this.current = guestRun;
    this.registersBefore = registerValues(guestRun.vmm.guest.cpu);
    const stop = interruptibly(() => guestRun.go());
    const reached = progressOf(guestRun);
    progress.end(reached);
    this.noteCycles(reached.cycles);
    if (stop.kind === 'requested') throw this.interrupted();
    return this.standing();
  }

  /**
   * Types on the guest's keyboard: of the guest that stopped before its end, if one did, else of the next one to
   * run. A guest reads it when it likes.
   * @throws RangeError for a character that no key of a US keyboard types.
   */
  type(text: string): void {
    const { current: guestRun } = this;
    const goesOn = guestRun !== null && ['budget', 'interrupted'].includes(guestRun.result().outcome);
    if (goesOn) {
      this.keepStopped();
      // Taken over before it is changed: what is typed now can not be run again.
      const steered = this.takeOver();
      this.guestRun.vmm.guest.platform.keyboard.type(text);
      steered.noteChange();
    } else {
      this.keys += text;
    }
  }

  // --- stepping: nothing of it changes what a run does or costs. All of it throws GuestInterrupted when the user stops it.

  /** Loads the guest into a fresh machine and stops before its first instruction. */
  load(program: Guest): StoppedGuest {
    const loaded = this.take(program);
    return this.steering(
      () => this.steer(loaded),
      (steered) => steered.step(0),
    );
  }

  /** Executes `count` instructions; breakpoints do not stop it. */
  step(count = 1): StoppedGuest {
    return this.command((steered) => steered.step(count));
  }

  /** Goes back by `count` instructions, at most to the start. */
  stepBack(count = 1): StoppedGuest {
    return this.command((steered) => steered.stepBack(count));
  }

  /** Runs on to the next breakpoint or the end. */
  continue(): StoppedGuest {
    return this.command((steered) => steered.continue());
  }

  /**
   * Stops runs and {@link continue} at a point: `{ address }`, `{ write: gva, bytes }`, `{ read }`, `{ access }`, `{ port }`,
   * `{ exception: '#PF' }`, `{ mode: 'any' }`, `{ exit: 'CR3_WRITE' }`. Addresses are linear.
   * @returns a number for {@link removeBreakpoint}. @throws RangeError, TypeError for what is no point.
   */
  breakOn(point: BreakPoint): number {
    checkPoint(point, this.technique);
    const id = this.nextPoint++;
    this.points.set(id, point);
    this.steered?.setPoints([...this.points.values()]);
    return id;
  }

  /** Takes a breakpoint away; without a number all of them. */
  removeBreakpoint(id?: number): void {
    if (id === undefined) this.points.clear();
    else this.points.delete(id);
    this.steered?.setPoints([...this.points.values()]);
  }

  /** @throws Error before the first {@link run} or {@link load}. */
  protected get guestRun(): GuestRun {
    if (!this.current) throw new Error('nothing has run on this machine yet: await vm.run(guest) first');
    return this.current;
  }

  protected get hasRun(): boolean {
    return this.current !== null;
  }

  protected get symbols(): Symbols {
    return new Symbols(this.loaded?.program.symbols);
  }

  /** The run as it stands. */
  protected standing(): Run {
    const { guestRun, loaded } = this;
    const trace = loaded ? traceOf(guestRun, loaded.program) : null;
    return new Run(guestRun.result(), guestRun.configuration.profile, trace);
  }

  protected get technique() {
    return this.options.technique ?? DEFAULTS.technique;
  }

  private take(program: Guest): Loaded {
    checkGuest(program);
    this.keepStopped();
    const loaded = { program, keys: `${this.options.keys ?? ''}${this.keys}` };
    this.keys = '';
    this.loaded = loaded;
    this.current = null;
    this.steered = null;
    current.count++;
    return loaded;
  }

  private command(act: (steered: Debugger) => DebugStop): StoppedGuest {
    return this.steering(() => this.takeOver(), act);
  }

  private steering(ready: () => Debugger, act: (steered: Debugger) => DebugStop): StoppedGuest {
    const stop = this.watched(ready, act);
    const { guest } = this.guestRun.vmm;
    const [next] = interruptibly(() => disassembleGuest(guest, stop.linear, 1, this.symbols));
    return new StoppedGuest(stop, next);
  }

  /** The debugger of the current run. One that was made without is made again, up to where it stands. */
  private takeOver(): Debugger {
    if (this.steered) return this.steered;
    const { position } = this.guestRun;
    const { loaded } = this;
    if (!loaded) throw new Error('no guest is loaded');
    const steered = this.steer(loaded);
    this.watch(() => steered.goTo(position));
    return steered;
  }

  /** Carries a command out and notes what it did. @throws GuestInterrupted when the user stops it. */
  private watched(ready: () => Debugger, act: (steered: Debugger) => DebugStop): DebugStop {
    this.keepStopped();
    const steered = ready();
    const { vmm } = this.guestRun;
    this.registersBefore = registerValues(vmm.guest.cpu);
    const before = vmm.host.ledger.cyclesExact;
    try {
      return this.watch(() => act(steered));
    } finally {
      this.noteCycles(Math.max(0, vmm.host.ledger.cyclesExact - before));
    }
  }

  /** Tells how the command goes. */
  private watch(act: () => DebugStop): DebugStop {
    this.progress = this.newProgress();
    const stop = interruptibly(act);
    this.progress.end(progressOf(this.guestRun));
    if (stop.kind === 'requested') throw this.interrupted();
    return stop;
  }

  private noteCycles(cycles: number): void {
    current.cycles += cycles;
    current.last = () => this.standing();
  }

  private newProgress(): Progress {
    return new Progress(this.technique);
  }

  private steer(loaded: Loaded): Debugger {
    const steered = new Debugger(loaded.program.bytes, this.guestOptions(loaded), () =>
      this.progress ? this.progress.report(progressOf(this.guestRun)) : interruptRequested(),
    );
    steered.setPoints([...this.points.values()]);
    this.steered = steered;
    this.current = steered.run;
    return steered;
  }

  private guestOptions({ program, keys }: Loaded): RunOptions {
    return { ...program.inputs, ...this.options, keys, trace: true };
  }

  private interrupted(): GuestInterrupted {
    this.stopped = new GuestInterrupted(
      this.guestRun.vmm.host.cpu.instructions,
      () => this.standing(),
      'continue() of the machine goes on from here',
    );
    return this.stopped;
  }

  /** The guest is about to change: whoever holds the interrupt is to find its run as it was. */
  private keepStopped(): void {
    void this.stopped?.run;
    this.stopped = null;
  }
}

function progressOf({ vmm: { host } }: GuestRun): { instructions: number; cycles: number } {
  return { instructions: host.cpu.instructions, cycles: host.ledger.cyclesExact };
}
