import type { CostKey } from '../../cost/keys.js';
import { handoverTicks } from './handover.js';
import { OraclePolicy, Recorder } from './oracle-policy.js';
import { HALVES } from './policy.js';
import type { CreatePolicy, Half } from './policy.js';

/** When a guest passed its landmarks, its end being the last, in either half. */
export type Recording = Readonly<Record<Half, readonly number[]>>;

/**
 * The cheapest half for each stretch between two landmarks, given what going over costs.
 * @param handoverTicks by the half that the guest goes to.
 */
export function cheapestHalves(recording: Recording, handoverTicks: Readonly<Record<Half, number>>): Half[] {
  const stretches = Math.min(...HALVES.map((half) => recording[half].length));
  const costOf = (half: Half, at: number): number =>
    recording[half][at] - (at === 0 ? 0 : recording[half][at - 1]);
  /** From which half it is best to come into each half, by stretch. */
  const from: Record<Half, Half>[] = [];
  let total: Record<Half, number> = { 'binary-translation': 0, 'svm-shadow': 0 };
  for (let at = 0; at < stretches; at++) {
    const sources = {} as Record<Half, Half>;
    const next = {} as Record<Half, number>;
    for (const half of HALVES) {
      const other = HALVES.find((candidate) => candidate !== half)!;
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

/**
 * A half that the guest comes to has to learn again what the recording has of a run in that half alone: translations,
 * shadow pages. So schedules are tried too that go over as if it cost so many times more.
 */
const RELUCTANCE = [1, 16, 256] as const;

/**
 * Finds the cheapest way for one guest to be run: it is run in either half alone, then by schedules made from what was
 * recorded. The best of all those runs is what the policy repeats; so it is never worse than one half alone.
 * @param ticksOf runs the guest under a policy to its end. @returns the policy.
 */
export function findOracle(ticksOf: (policy: CreatePolicy) => number): CreatePolicy {
  const handover = { 'binary-translation': 0, 'svm-shadow': 0 };
  const record = (half: Half): readonly number[] => {
    const recorder = new Recorder(half);
    const endTicks = ticksOf((priceTicks: (key: CostKey) => number) => {
      for (const each of HALVES) handover[each] = handoverTicks(each, priceTicks);
      return recorder;
    });
    return [...recorder.passedAt, endTicks];
  };
  const recording = {
    'binary-translation': record('binary-translation'),
    'svm-shadow': record('svm-shadow'),
  };
  let best: { ticks: number; schedule: readonly Half[] } = { ticks: Infinity, schedule: [] };
  const consider = (schedule: readonly Half[], ticks: number): void => {
    if (ticks < best.ticks) best = { ticks, schedule };
  };
  for (const half of HALVES) consider([half], recording[half].at(-1)!);
  const tried = new Set<string>();
  for (const times of RELUCTANCE) {
    const cost = { 'binary-translation': 0, 'svm-shadow': 0 };
    for (const half of HALVES) cost[half] = handover[half] * times;
    const schedule = cheapestHalves(recording, cost);
    if (new Set(schedule).size < HALVES.length || tried.has(schedule.join())) continue;
    tried.add(schedule.join());
    consider(
      schedule,
      ticksOf(() => new OraclePolicy(schedule)),
    );
  }
  return () => new OraclePolicy(best.schedule);
}
