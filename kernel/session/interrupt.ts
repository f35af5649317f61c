/**
 * Set by the kernel for its worker: an Int32Array over shared memory. Element 0 becomes non-zero when the user
 * interrupts; element 1 says that a guest is running, so that the kernel waits for it to stop in order.
 */
const interruptFlag = Symbol.for('ringside.interrupt');

function flags(): Int32Array | null {
  const value = (globalThis as Record<symbol, unknown>)[interruptFlag];
  return value instanceof Int32Array ? value : null;
}

/** Whether the user has asked for a stop. A running guest looks between slices, and stops at an instruction boundary. */
export function interruptRequested(): boolean {
  const shared = flags();
  return shared !== null && Atomics.load(shared, 0) !== 0;
}

/**
 * Runs a guest in such a way that an interrupt lets it end its slice; or does other work that takes milliseconds and must
 * not be left half done: WebAssembly whose execution is terminated, as iced's, is of no use any more.
 */
export function interruptibly<T>(runGuest: () => T): T {
  const shared = flags();
  if (shared) Atomics.store(shared, 1, 1);
  try {
    return runGuest();
  } finally {
    if (shared) Atomics.store(shared, 1, 0);
  }
}
