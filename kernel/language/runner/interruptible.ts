/**
 * Global property of the runner's thread: an Int32Array over shared memory. Code that runs for long without returning to the
 * event loop, as a guest does, polls its element REQUESTED and stops in order when that is not 0. While it does, it may set
 * POLLED to 1: then it is given a second to stop before its JavaScript is terminated, instead of some milliseconds.
 */
export const INTERRUPT_FLAG = Symbol.for('ringside.interrupt');
export const REQUESTED = 0;
export const POLLED = 1;

/** Global property of the runner's thread: function that prepares the thread for being terminated amid JavaScript. */
export const STACK_RESET = 'ringside.resetAsyncStack';

/**
 * Terminating JavaScript leaves Node's stack of async ids as it was, and Node before 24 aborts the process when it finds
 * that stack unbalanced (`InternalCallbackScope::Close`). Clearing it first avoids that. The function is not part of
 * Node's public API; where it is missing (async context frames, Node 24) nothing has to be cleared.
 */
export function provideStackReset(): void {
  const noDeprecation = process.noDeprecation ?? false;
  process.noDeprecation = true;
  try {
    const binding = (
      process as unknown as { binding(name: string): { clearAsyncIdStack?: () => void } }
    ).binding('async_wrap');
    const reset = binding.clearAsyncIdStack ?? (() => undefined);
    (globalThis as Record<symbol, unknown>)[Symbol.for(STACK_RESET)] = reset;
  } catch {
    (globalThis as Record<symbol, unknown>)[Symbol.for(STACK_RESET)] = () => undefined;
  } finally {
    process.noDeprecation = noDeprecation;
  }
}
