import { POLLED, REQUESTED } from './interruptible.js';
import { Interrupted } from './interruption.js';

/** How long an interrupt waits for a thread that waits. */
const SLICE_MS = 20;

/**
 * `Atomics.wait` cannot be ended from outside, and what asks its thread to end must not be run amid it. So cells wait in
 * slices, between which they see that an interrupt is wanted. Who is woken then without a change of the value, between two
 * slices, goes on waiting.
 */
export function provideWait(flags: Int32Array): void {
  const { wait } = Atomics;
  Atomics.wait = (array: Int32Array | BigInt64Array, index: number, value: unknown, limitMs = Infinity) => {
    const once = wait as (
      array: unknown,
      index: number,
      value: unknown,
      limitMs: number,
    ) => ReturnType<typeof wait>;
    if (array.buffer === flags.buffer) return once(array, index, value, limitMs);
    const limit = Number.isNaN(Number(limitMs)) ? Infinity : Number(limitMs);
    const until = performance.now() + limit;
    const before = Atomics.exchange(flags, POLLED, 1);
    try {
      for (let slice = 0; ; slice++) {
        const left = slice === 0 ? limit : until - performance.now();
        const result = once(array, index, value, Math.min(left, SLICE_MS));
        // What has changed between two slices has woken who waited.
        if (result === 'not-equal') return slice === 0 ? result : 'ok';
        if (result === 'ok' || left <= SLICE_MS) return result;
        if (Atomics.load(flags, REQUESTED) !== 0) throw new Interrupted();
      }
    } finally {
      Atomics.store(flags, POLLED, before);
    }
  };
}
