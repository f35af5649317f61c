/**
 * Where the guest is when the processor stands at an address of the translation cache: what makes faults and
 * interrupts precise. A sequence that emulates one guest instruction changes guest state in one host
 * instruction only; before it, the guest stands at the instruction, after it at its successor.
 */
export interface GuestPoint {
  /**
   * - `exact`: the guest is at `eip` and the registers are its own.
   * - `spilled`: the same, but %ecx is in its spill slot.
   * - `target-in-ecx`: an indirect transfer has been taken: the guest is at the address in %ecx, and its %ecx is in the spill slot.
   * - `target-in-slot`: the same with the address in the target slot.
   */
  kind: 'exact' | 'spilled' | 'target-in-ecx' | 'target-in-slot';
  /** Guest eip; 0 where the kind takes it from elsewhere. */
  eip: number;
}

/** The same for one host instruction, by its linear address. */
export interface Point extends GuestPoint {
  linear: number;
}

/** The point at `linear` among points in ascending order. */
export function findPoint(points: readonly Point[], linear: number): Point | undefined {
  let low = 0;
  let high = points.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const point = points[middle];
    if (point.linear === linear) return point;
    if (point.linear < linear) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
