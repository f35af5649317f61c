import { PAGE_BYTES } from '../arch/paging.js';

/**
 * The page frames of a monitor's own area. Running out is an everyday event for a cache of page tables: it is
 * reported as null, upon which the caller gives something back and tries again.
 */
export class FrameAllocator {
  private readonly free: number[] = [];
  private nextHpa: number;

  /** Frames of [firstHpa, endHpa), both multiples of the page size. */
  constructor(
    firstHpa: number,
    private readonly endHpa: number,
  ) {
    this.nextHpa = firstHpa;
  }

  /** Frames that {@link allocate} can still give. */
  get available(): number {
    return this.free.length + (this.endHpa - this.nextHpa) / PAGE_BYTES;
  }

  /** @returns the host-physical address of a frame with unknown content, or null. */
  allocate(): number | null {
    const reused = this.free.pop();
    if (reused !== undefined) return reused;
    if (this.nextHpa >= this.endHpa) return null;
    const hpa = this.nextHpa;
    this.nextHpa += PAGE_BYTES;
    return hpa;
  }

  release(hpa: number): void {
    this.free.push(hpa);
  }

  /**
   * `count` adjacent frames that are never given back, for structures that live as long as the monitor.
   * @throws RangeError when the area is too small: a mistake in the monitor's layout.
   */
  reserve(count: number): number {
    const hpa = this.nextHpa;
    if (hpa + count * PAGE_BYTES > this.endHpa) {
      throw new RangeError(`the monitor's area has no ${count} adjacent frames left`);
    }
    this.nextHpa += count * PAGE_BYTES;
    return hpa;
  }
}
