/**
 * Set by the kernel for its worker: an Int32Array over shared memory whose first element becomes non-zero when
 * the user interrupts. A running guest looks at it between slices and stops at an instruction boundary.
 */
const interruptFlag = Symbol.for('ringside.interrupt');

export function interruptRequested(): boolean {
  const flag = (globalThis as Record<symbol, unknown>)[interruptFlag];
  return flag instanceof Int32Array && Atomics.load(flag, 0) !== 0;
}
