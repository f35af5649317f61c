import { Checkpoint } from '../checkpoint.js';
import type { RunLimits } from '../machine.js';
import type { GuestRun } from '../run.js';
import type { GuestStop } from '../vmm/vmm.js';

/** Instructions between two checkpoints at first: the interpreter runs them again in a blink. */
const FIRST_INTERVAL_INSTRUCTIONS = 1 << 20;
/** How far a run goes between two looks at whether to stop: milliseconds of the host. */
const SLICE_INSTRUCTIONS = 1 << 20;
/** More, and every second one is given up and the interval doubles. */
const MAX_CHECKPOINTS = 24;

interface Mark {
  position: number;
  checkpoint: Checkpoint;
}

/**
 * A run that can go back. Checkpoints are taken on the way forward; to go back, the nearest one before is restored and
 * the rest run again, which gives the same, since a run depends on nothing but its input.
 */
export class Timeline {
  private marks: Mark[];
  private intervalInstructions = FIRST_INTERVAL_INSTRUCTIONS;

  /**
   * @param run where it stands now is as far back as the timeline goes.
   * @param stopRequested asked now and then; true stops {@link advance} with 'requested'.
   */
  constructor(
    readonly run: GuestRun,
    private readonly stopRequested: () => boolean = () => false,
  ) {
    this.marks = [{ position: run.position, checkpoint: this.checkpoint(null) }];
  }

  /** Instructions executed so far. */
  get position(): number {
    return this.run.position;
  }

  get start(): number {
    return this.marks[0].position;
  }

  /** Somebody else has changed the guest: what was before can not be run again. */
  beginHere(): void {
    this.marks = [{ position: this.position, checkpoint: this.checkpoint(null) }];
  }

  /** Bytes that the checkpoints hold. */
  get checkpointBytes(): number {
    return this.marks.reduce((sum, { checkpoint }) => sum + checkpoint.ownBytes, 0);
  }

  /** Runs on, with checkpoints on the way. @returns why it stopped. */
  advance({ instructions = Infinity, cycles = Infinity }: RunLimits = {}): GuestStop {
    const end = this.position + instructions;
    const endCycles = this.run.vmm.host.ledger.cyclesExact + cycles;
    for (;;) {
      const next = this.marks[this.marks.length - 1].position + this.intervalInstructions;
      const sliceEnd = Math.min(end, next, this.position + SLICE_INSTRUCTIONS);
      const stop = this.run.advance({
        instructions: sliceEnd - this.position,
        cycles: endCycles - this.run.vmm.host.ledger.cyclesExact,
      });
      const isWhole = stop.kind === 'budget' && stop.budget === 'instructions' && this.position === sliceEnd;
      if (isWhole && this.position === next) this.mark();
      if (!isWhole || this.position >= end) return stop;
      if (this.stopRequested()) return this.run.stopOnRequest();
    }
  }

  /**
   * Goes to where `position` instructions have been executed, back or forward. Nobody is told of what the guest prints on
   * a way that it has gone before.
   * @returns why it stopped, which may be on request and short of the position; null when it has not run.
   * @throws RangeError for a position before the start, or that the run does not reach.
   */
  goTo(position: number): GuestStop | null {
    if (position < this.start) {
      throw new RangeError(
        `instruction ${position}: this run can go back as far as instruction ${this.start}`,
      );
    }
    if (position === this.position) return null;
    if (position > this.position) return this.reach(position);
    while (this.marks.length > 1 && this.marks[this.marks.length - 1].position > position) this.marks.pop();
    const { host, guest } = this.run.vmm;
    this.marks[this.marks.length - 1].checkpoint.restore();
    const outputs = [guest.platform.uart.output, guest.platform.debugPort.output];
    const told = outputs.map(({ onOutput }) => onOutput);
    outputs.forEach((output) => (output.onOutput = null));
    host.watch(null);
    guest.watch(null);
    this.run.vmm.exitPoints = null;
    try {
      return this.reach(position);
    } finally {
      outputs.forEach((output, at) => (output.onOutput = told[at]));
    }
  }

  private reach(position: number): GuestStop | null {
    if (position === this.position) return null;
    const stop = this.advance({ instructions: position - this.position });
    if (this.position !== position && stop.kind !== 'requested') {
      throw new RangeError(
        `instruction ${position}: the run ends at instruction ${this.position} (${stop.kind})`,
      );
    }
    return stop;
  }

  private checkpoint(before: Checkpoint | null): Checkpoint {
    const { host, guest } = this.run.vmm;
    // Counts that engines keep for themselves are in the ledgers then.
    host.ledger.settle?.();
    guest.ledger.settle?.();
    return Checkpoint.take(this.run, before);
  }

  private mark(): void {
    const { marks } = this;
    const before = marks[marks.length - 1].checkpoint;
    marks.push({ position: this.position, checkpoint: this.checkpoint(before) });
    if (marks.length <= MAX_CHECKPOINTS) return;
    this.marks = marks.filter((_mark, at) => at % 2 === 0);
    this.intervalInstructions *= 2;
  }
}
