/**
 * Global property of the runner's thread: an Int32Array over shared memory. Code that runs for long without returning to the
 * event loop, as a guest does, polls its element REQUESTED and stops in order when that is not 0. While it does, it may set
 * POLLED to 1: then it is given a second to stop before its JavaScript is terminated, instead of some milliseconds.
 */
export const INTERRUPT_FLAG = Symbol.for('ringside.interrupt');
export const REQUESTED = 0;
export const POLLED = 1;
/** Element of the same array: 1 while the thread waits for the main thread to ask for its termination, then 2. */
export const HELD = 2;
export const FLAGS = 3;

/** The main thread has only a message to post; should it be gone, the thread goes on all the same. */
const HOLD_LIMIT_MS = 1000;

/** Global property of the runner's thread: function by which the main thread prepares the end of what runs there. */
export const HOLD = 'ringside.hold';

/** How the thread was found: nothing runs, not (yet) where it can be ended, or there, where it was held. */
export type Found = 'idle' | 'later' | 'held';

/** A thread that was found as often without a sign of progress in between, some milliseconds in all, does not come back. */
const STUCK = 3;
let progress = 0;

/** Tells that the thread is not stuck: a message came in, or a cell awaited something. */
export function progresses(): void {
  progress++;
}

/**
 * Terminating JavaScript leaves Node's stack of async ids as it was, and Node before 24 aborts the process when it finds
 * that stack unbalanced (`InternalCallbackScope::Close`). So the thread is prepared: it waits until its termination has
 * been asked for, so that no other JavaScript comes before that, and empties the stack. It is not ended
 * - amid code of Node, which may be about to put an id on the stack;
 * - between two awaits of a cell that goes on by itself, which comes by such code at once;
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
  let seen = { progress, times: 0 };
  const hold = (anywhere: boolean): Found => {
    const frames = interrupted(hold);
    if (frames.length === 0) return 'idle';
    if (frames[0].startsWith('node:')) return 'later';
    if (!anywhere && (Atomics.load(flags, POLLED) !== 0 || frames.includes(IMMEDIATES))) return 'later';
    if (seen.progress !== progress) seen = { progress, times: 0 };
    if (++seen.times < STUCK) return 'later';
    seen.times = 0;
    Atomics.compareExchange(flags, HELD, 0, 1);
    Atomics.wait(flags, HELD, 1, HOLD_LIMIT_MS);
    clear();
    return 'held';
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

/** Files and names of functions, from the top, that an evaluation through the inspector interrupts. */
function interrupted(below: (anywhere: boolean) => unknown): string[] {
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = FRAMES;
  Error.prepareStackTrace = (_, sites) => sites;
  try {
    const holder: { stack?: NodeJS.CallSite[] } = {};
    Error.captureStackTrace(holder, below);
    // The evaluated expression and the language's own functions are frames too, and have no file.
    const sites = (holder.stack ?? []).filter((site) => typeof site.getFileName() === 'string');
    return sites.map((site) => `${site.getFileName()} ${site.getFunctionName()}`);
  } finally {
    Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  }
}
