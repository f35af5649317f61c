import type { ExitReason } from '../../arch/exits.js';
import type { Half, Policy, SeenExit } from './policy.js';

/** Exits that a guest makes as often under either half: by them one run is laid beside another. */
const LANDMARKS: ReadonlySet<ExitReason> = new Set<ExitReason>([
  'CR3_WRITE',
  'INVLPG',
  'IOIO_IN',
  'IOIO_OUT',
  'HLT',
  'MSR_WRITE',
]);

/** Runs a guest in one half and notes when it passed each landmark. */
export class Recorder implements Policy {
  readonly name = 'recorder';
  readonly first: Half;
  /** Ticks of the machine's clock. */
  readonly passedAt: number[] = [];

  constructor(half: Half) {
    this.first = half;
  }

  choose({ reason, atTicks }: SeenExit): Half {
    if (LANDMARKS.has(reason)) this.passedAt.push(atTicks);
    return this.first;
  }
}

/** Knows the run beforehand, as no monitor can: to compare the others with. See find-oracle.ts. */
export class OraclePolicy implements Policy {
  readonly name = 'oracle';
  readonly first: Half;
  private stretch = 0;

  /** @param schedule the half for each stretch between two landmarks. */
  constructor(private readonly schedule: readonly Half[]) {
    this.first = schedule[0] ?? 'binary-translation';
  }

  choose({ reason }: SeenExit): Half {
    if (LANDMARKS.has(reason) && this.stretch < this.schedule.length - 1) this.stretch++;
    return this.schedule[this.stretch] ?? this.first;
  }
}
