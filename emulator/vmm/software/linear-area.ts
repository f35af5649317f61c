import { PAGE_BYTES, PTE_W } from '../../arch/paging.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import type { FrameAllocator } from '../frames.js';
import type { ReservedRange } from '../shadow-tables.js';
import { AreaTables } from './area-tables.js';

/** The monitor's linear area as memory: its frames, and the page tables that map them in every address space. */
export class LinearArea {
  private readonly tables: AreaTables;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly frames: FrameAllocator,
  ) {
    this.tables = new AreaTables(memory, frames);
  }

  /** What the shadow page tables need to keep the area mapped. */
  get reserved(): ReservedRange {
    return this.tables.reserved(0);
  }

  /**
   * Fills a part of the area with supervisor pages of zeros.
   * @param offset from the start of the area; like `bytes` a multiple of the page size.
   * @param writable by code that runs in ring 0 to 2.
   * @returns the host-physical address of the first.
   */
  map(offset: number, bytes: number, writable: boolean): number {
    const hpa = this.frames.reserve(bytes / PAGE_BYTES);
    this.memory.u8.fill(0, hpa, hpa + bytes);
    this.tables.map(offset, hpa, bytes, writable ? PTE_W : 0);
    return hpa;
  }
}
