import { PAGE_BYTES, PTE_A, PTE_D, PTE_P, PTE_U, PTE_W } from '../../arch/paging.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import type { FrameAllocator } from '../frames.js';
import type { ReservedRange } from '../shadow-tables.js';
import { AREA_LINEAR } from './area.js';

const USED = PTE_P | PTE_A | PTE_D;
const AREA_PAGES = PAGE_BYTES / 4;
const WIDE_ENTRIES = PAGE_BYTES / 8;

/**
 * The page tables that map the monitor's linear area in every address space: one of 32-bit entries; and from when the
 * guest first pages with PAE two of 64-bit ones, which say the same.
 */
export class AreaTables {
  private readonly narrowHpa: number;
  private wideHpas: readonly number[] | null = null;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly frames: FrameAllocator,
  ) {
    this.narrowHpa = frames.reserve(1);
    this.clear(this.narrowHpa);
  }

  /** What the shadow page tables need to keep the area mapped. @param rights of its directory entries, besides writing. */
  reserved(rights: number): ReservedRange {
    const link = (hpa: number): number => hpa | USED | PTE_W | rights;
    return {
      linear: AREA_LINEAR,
      entries: ({ entryBytes }) => (entryBytes === 4 ? [this.narrowHpa] : this.wide()).map(link),
    };
  }

  /** Maps pages that follow each other from `offset` into the area. @param rights W, or none. */
  map(offset: number, hpa: number, bytes: number, rights: number): void {
    for (let at = 0; at < bytes; at += PAGE_BYTES)
      this.setEntry((offset + at) / PAGE_BYTES, (hpa + at) | USED | rights);
  }

  /** Lets user code use what is mapped. */
  openToUser(): void {
    for (let page = 0; page < AREA_PAGES; page++) {
      const entry = this.entry(page);
      if (entry & PTE_P) this.setEntry(page, entry | PTE_U);
    }
  }

  private wide(): readonly number[] {
    if (this.wideHpas) return this.wideHpas;
    this.wideHpas = Array.from({ length: AREA_PAGES / WIDE_ENTRIES }, () => {
      const hpa = this.frames.allocate();
      if (hpa === null) throw new RangeError('the monitor has no frame for the page tables of its own area');
      this.clear(hpa);
      return hpa;
    });
    for (let page = 0; page < AREA_PAGES; page++) this.setEntry(page, this.entry(page));
    return this.wideHpas;
  }

  private clear(hpa: number): void {
    this.memory.u8.fill(0, hpa, hpa + PAGE_BYTES);
  }

  private entry(page: number): number {
    return this.memory.read32(this.narrowHpa + page * 4);
  }

  private setEntry(page: number, entry: number): void {
    this.memory.write32(this.narrowHpa + page * 4, entry);
    const wideHpa = this.wideHpas?.[Math.floor(page / WIDE_ENTRIES)];
    if (wideHpa !== undefined) this.memory.write32(wideHpa + (page % WIDE_ENTRIES) * 8, entry);
  }
}
