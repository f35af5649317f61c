import { PAGE_BYTES, PTE_A, PTE_D, PTE_P, PTE_W } from '../../arch/paging.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import type { FrameAllocator } from '../frames.js';
import type { ReservedRange } from '../shadow-mmu.js';
import { AREA_LINEAR } from './area.js';

/** The monitor's linear area as memory: its frames, and the one page table that maps them in every address space. */
export class LinearArea {
  private readonly tableHpa: number;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly frames: FrameAllocator,
  ) {
    this.tableHpa = frames.reserve(1);
    memory.u8.fill(0, this.tableHpa, this.tableHpa + PAGE_BYTES);
  }

  /** What the shadow page tables need to keep the area mapped. */
  get reserved(): ReservedRange {
    const entry = this.tableHpa | PTE_P | PTE_W | PTE_A | PTE_D;
    return { directoryIndex: AREA_LINEAR >>> 22, entry };
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
    for (let at = 0; at < bytes; at += PAGE_BYTES) {
      const entry = (hpa + at) | PTE_P | PTE_A | PTE_D | (writable ? PTE_W : 0);
      this.memory.write32(this.tableHpa + ((offset + at) / PAGE_BYTES) * 4, entry);
    }
    return hpa;
  }
}
