import { executionAsyncId } from 'node:async_hooks';
// Not the global one: that is loaded at its first use, which must not be ended halfway.
import { performance } from 'node:perf_hooks';
import { setJobTraps } from './job-traps.js';

/**
 * Global property of the runner's thread: an Int32Array over shared memory. Code that runs for long without returning to the
 * event loop, as a guest does, polls its element REQUESTED and stops in order when that is not 0. While it does, it may set
 * POLLED to 1: then it is given a second to stop before its JavaScript is terminated, instead of some milliseconds.
 */
export const INTERRUPT_FLAG = Symbol.for('ringside.interrupt');
export const REQUESTED = 0;
export const POLLED = 1;
/** Element of the same array: 1 while the thread waits for the main thread to ask for its termination, then 2 until that is over. */
export const HELD = 2;
export const FLAGS = 3;

/** The main thread has only a message to post; should it be gone, the thread goes on all the same. */
const HOLD_LIMIT_MS = 1000;

/** Global property of the runner's thread: function by which the main thread prepares the end of what runs there. */
export const HOLD = 'ringside.hold';

/** How the thread was found: nothing runs, not (yet) where it can be ended, amid code of Node that other code has called, or held. */
export type Found = 'idle' | 'later' | 'amid Node' | 'held';

/** A thread that was found as often without a sign of progress in between, some milliseconds in all, does not come back. */
const STUCK = 3;
/**
 * A job that is amid Node's code at so many looks, or that lets looks in no more often than this, is to be led out of it:
 * of short calls one is found outside soon.
 */
const LOOKS_AMID_NODE = 40;
const LOOK_MS = 5;
let progress = 0;

/** Tells that the thread is not stuck: a message came in, or a cell awaited something. */
export function progresses(): void {
  progress++;
}

/**
 * Terminating JavaScript leaves Node's stack of async ids as it was, and Node before 24 aborts the process when it finds
 * that stack unbalanced (`InternalCallbackScope::Close`). So the thread is prepared: it waits until its termination has
 * been asked for, so that no other JavaScript comes before that, and empties the stack. It is not ended
 * - amid code of Node, which may be about to put an id on the stack: it is led out of that first;
 * - amid a job that may end before it gets to a place where V8 ends it, as that can be in the middle of the next one: only
 *   one that takes long, or else between two jobs, for which traps are set;
 * - between two awaits of a cell that goes on by itself;
 * - in a callback of `setImmediate`, if there is another way: unless it was the first one, `processImmediate` throws from
 *   then on without end;
 * - while it polls the flag, if it comes to an end by that: WebAssembly that was terminated, as the assembler's, is of no
 *   more use.
 *
 * The function that empties is not part of Node's public API; where it is missing (async context frames, Node 24) nothing
 * has to be emptied.
 */
export function provideHold(flags: Int32Array): void {
  const clear = asyncStackClearer();
  let takeTraps: (() => void) | undefined;
  const nothingSeen = () => ({ progress, times: 0, job: 0, timesInJob: 0, jobSince: 0 });
  let seen = nothingSeen();

  /** Tells the main thread that the termination can be asked for. */
  const ready = () => {
    seen = nothingSeen();
    clear();
    Atomics.compareExchange(flags, HELD, 0, 1);
    Atomics.notify(flags, HELD);
  };

  const trapped = () => {
    const isWanted = Atomics.load(flags, REQUESTED) !== 0;
    if (isWanted && (Atomics.load(flags, HELD) !== 0 || seen.progress !== progress || seen.times < STUCK))
      return;
    const take = takeTraps;
    takeTraps = undefined;
    take?.();
    if (!isWanted) return;
    ready();
    // V8 ends it in this loop. Not in Atomics.wait: that has V8 11 loop in each later Atomics.notify.
    const until = performance.now() + HOLD_LIMIT_MS;
    while (Atomics.load(flags, HELD) !== 0)
      if (performance.now() > until) Atomics.compareExchange(flags, HELD, 1, 0);
  };

  const isToBeLed = () =>
    seen.timesInJob > LOOKS_AMID_NODE || performance.now() - seen.jobSince > seen.timesInJob * LOOK_MS;

  const hold = (anywhere: boolean): Found => {
    // What was sent before the termination comes here in the loop of a trap.
    if (Atomics.load(flags, HELD) !== 0) return 'later';
    const frames = interrupted(hold);
    if (Atomics.load(flags, REQUESTED) !== 0) takeTraps ??= setJobTraps(trapped);
    const job = executionAsyncId();
    if (seen.progress !== progress) seen = nothingSeen();
    seen.times++;
    if (seen.timesInJob === 0 || seen.job !== job)
      seen = { ...seen, job, timesInJob: 0, jobSince: performance.now() };
    seen.timesInJob++;
    // Between two jobs there are none either: who is told so looks whether the thread is.
    if (frames.length === 0) return 'idle';
    if (seen.timesInJob < STUCK || frames.every(isNode)) return 'later';
    if (!anywhere && (Atomics.load(flags, POLLED) !== 0 || frames.includes(IMMEDIATES))) return 'later';
    if (isNode(frames[0])) return isToBeLed() ? 'amid Node' : 'later';
    ready();
    Atomics.wait(flags, HELD, 1, HOLD_LIMIT_MS);
    return Atomics.compareExchange(flags, HELD, 1, 0) === 1 ? 'later' : 'held';
  };
  (globalThis as Record<symbol, unknown>)[Symbol.for(HOLD)] = hold;
}

function asyncStackClearer(): () => void {
  const noDeprecation = process.noDeprecation ?? false;
  process.noDeprecation = true;
  try {
    const { binding } = process as unknown as { binding(name: string): { clearAsyncIdStack?: () => void } };
    return binding('async_wrap').clearAsyncIdStack ?? (() => undefined);
  } catch {
    return () => undefined;
  } finally {
    process.noDeprecation = noDeprecation;
  }
}

const IMMEDIATES = 'node:internal/timers processImmediate';
/** How many frames are looked at. */
const FRAMES = 200;

const isNode = (frame: string) => frame.startsWith('node:');

/** Files and names of functions, from the top, that an evaluation through the inspector interrupts. */
function interrupted(below: (anywhere: boolean) => unknown): string[] {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = FRAMES;
  Error.prepareStackTrace = (_, sites) => sites;
  try {
    const holder: { stack?: NodeJS.CallSite[] } = {};
    Error.captureStackTrace(holder, below);
    // The evaluated expression and the language's own functions are frames too, and have no file, or one without a name.
    const sites = (holder.stack ?? []).filter((site) => Boolean(site.getFileName()));
    return sites.map((site) => `${site.getFileName()} ${site.getFunctionName()}`);
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
}
