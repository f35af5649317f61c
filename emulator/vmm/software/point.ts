/**
 * Where the guest is when the processor stands at an address of the translation cache: what makes faults and
 * interrupts precise. A sequence that emulates one guest instruction changes guest state in one host
 * instruction only; before it, the guest stands at the instruction, after it at its successor.
 */
export interface GuestPoint {
  /**
   * - `exact`: the guest is at `eip`.
   * - `target-in-ecx`: an indirect transfer has been taken: the guest is at the address in the host's %ecx.
   * - `target-in-slot`: the same with the address in the target slot.
   */
  kind: 'exact' | 'target-in-ecx' | 'target-in-slot';
  /** Guest eip; 0 where the kind takes it from elsewhere. */
  eip: number;
  /** Guest state that is not where it belongs: the HELD bits. 0: the registers are the guest's own. */
  held: number;
}

/** In their spill slots of the data page. */
export const HELD_ECX = 1 << 0;
export const HELD_EAX = 1 << 1;
export const HELD_EDX = 1 << 2;
export const HELD_FLAGS = 1 << 3;
/** The stack pointer is four bytes below the guest's. */
export const HELD_ESP = 1 << 4;
/** The virtual interrupt flag is in the slot for its next value. */
export const HELD_INTERRUPT_FLAG = 1 << 5;

/** The guest stands at `eip`. */
export function exact(eip: number, held = 0): GuestPoint {
  return { kind: 'exact', eip, held };
}

export const TARGET_IN_ECX: GuestPoint = { kind: 'target-in-ecx', eip: 0, held: HELD_ECX };
export const TARGET_IN_SLOT: GuestPoint = { kind: 'target-in-slot', eip: 0, held: HELD_ECX };

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
