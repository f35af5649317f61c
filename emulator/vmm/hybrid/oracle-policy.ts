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

/** When a guest passed its landmarks, its end being the last, in either half. */
export type Recording = Readonly<Record<Half, readonly number[]>>;

/**
 * The cheapest half for each stretch between two landmarks, given what going over costs.
 * @param handoverTicks by the half that the guest goes to.
 */
export function cheapestHalves(recording: Recording, handoverTicks: Readonly<Record<Half, number>>): Half[] {
  const halves = ['binary-translation', 'svm-shadow'] as const;
  const stretches = Math.min(...halves.map((half) => recording[half].length));
  const costOf = (half: Half, at: number): number =>
    recording[half][at] - (at === 0 ? 0 : recording[half][at - 1]);
  /** From which half it is best to come into each half, by stretch. */
  const from: Record<Half, Half>[] = [];
  let total: Record<Half, number> = { 'binary-translation': 0, 'svm-shadow': 0 };
  for (let at = 0; at < stretches; at++) {
    const sources = {} as Record<Half, Half>;
    const next = {} as Record<Half, number>;
    for (const half of halves) {
      const other = halves.find((candidate) => candidate !== half)!;
      const change = at > 0 && total[other] + handoverTicks[half] < total[half];
      sources[half] = change ? other : half;
      next[half] = (change ? total[other] + handoverTicks[half] : total[half]) + costOf(half, at);
    }
    from.push(sources);
    total = next;
  }
  let half: Half = total['svm-shadow'] < total['binary-translation'] ? 'svm-shadow' : 'binary-translation';
  const schedule: Half[] = [];
  for (let at = stretches - 1; at >= 0; at--) {
    schedule.push(half);
    half = from[at][half];
  }
  return schedule.reverse();
}

/** Knows the run from a {@link Recording}: what no monitor can know, to compare the others with. */
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
