import { PAGE_BYTES, PTE_A, PTE_D, PTE_P, PTE_U, PTE_W } from '../../arch/paging.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import type { FrameAllocator } from '../frames.js';
import type { ReservedRange } from '../shadow-tables.js';
import { AREA_LINEAR } from './area.js';

const USED = PTE_P | PTE_A | PTE_D;
const WIDE_ENTRIES = PAGE_BYTES / 8;

/**
 * The page tables that map the monitor's linear area in every address space: one of 32-bit entries, and for when the
 * guest has PAE paging two of 64-bit ones, all of which say the same.
 */
export class AreaTables {
  private readonly narrowHpa: number;
  private readonly wideHpa: number;

  constructor(
    private readonly memory: PhysicalMemory,
    frames: FrameAllocator,
  ) {
    this.narrowHpa = frames.reserve(1);
    this.wideHpa = frames.reserve(2);
    memory.u8.fill(0, this.narrowHpa, this.narrowHpa + PAGE_BYTES);
    memory.u8.fill(0, this.wideHpa, this.wideHpa + 2 * PAGE_BYTES);
  }

  /** What the shadow page tables need to keep the area mapped. @param rights of its directory entries, besides writing. */
  reserved(rights: number): ReservedRange {
    const link = (hpa: number): number => hpa | USED | PTE_W | rights;
    const narrow = [link(this.narrowHpa)];
    const wide = [link(this.wideHpa), link(this.wideHpa + PAGE_BYTES)];
    return {
      linear: AREA_LINEAR,
      entries: ({ entryBytes }) => (entryBytes === 4 ? narrow : wide),
    };
  }

  /** Maps pages that follow each other from `offset` into the area. @param rights W, or none. */
  map(offset: number, hpa: number, bytes: number, rights: number): void {
    for (let at = 0; at < bytes; at += PAGE_BYTES) {
      const page = (offset + at) / PAGE_BYTES;
      for (const entryHpa of this.entriesOf(page)) this.memory.write32(entryHpa, (hpa + at) | USED | rights);
    }
  }

  /** Lets user code use what is mapped. */
  openToUser(): void {
    for (let page = 0; page < 2 * WIDE_ENTRIES; page++) {
      for (const entryHpa of this.entriesOf(page)) {
        const entry = this.memory.read32(entryHpa);
        if (entry & PTE_P) this.memory.write32(entryHpa, entry | PTE_U);
      }
    }
  }

  private entriesOf(page: number): [narrowHpa: number, wideHpa: number] {
    return [this.narrowHpa + page * 4, this.wideHpa + page * 8];
  }
}
