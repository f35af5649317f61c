import { PAGE_BYTES, PTE_U, PTE_W } from '../../arch/paging.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import type { FrameAllocator } from '../frames.js';
import type { ReservedRange } from '../shadow-tables.js';
import { AreaTables } from './area-tables.js';
import { CACHE_OFFSET, DATA_OFFSET, ENTRY_OFFSET, SHADOW_GDT_BYTES, SHADOW_GDT_OFFSET } from './area.js';

/** The frames behind the monitor's linear area, and the page tables that map them in every address space. */
export class AreaFrames {
  private readonly tables: AreaTables;
  readonly dataHpa: number;
  readonly entryHpa: number;
  readonly shadowGdtHpa: number;
  readonly cacheHpa: number;
  /** The data page, which is never code and never traced: the monitor may write it past the bookkeeping of memory. */
  private readonly data: Uint32Array;
  private userMayEnter = false;

  /** @param cacheBytes size of the translation cache; a multiple of the page size. */
  constructor(
    private readonly memory: PhysicalMemory,
    frames: FrameAllocator,
    cacheBytes: number,
  ) {
    this.tables = new AreaTables(memory, frames);
    // Supervisor pages, until user code is translated. Translated code can write only the data page.
    this.dataHpa = this.map(frames, DATA_OFFSET, PAGE_BYTES, PTE_W);
    this.data = new Uint32Array(memory.u8.buffer, memory.u8.byteOffset + this.dataHpa, PAGE_BYTES >> 2);
    this.entryHpa = this.map(frames, ENTRY_OFFSET, PAGE_BYTES, 0);
    this.shadowGdtHpa = this.map(frames, SHADOW_GDT_OFFSET, SHADOW_GDT_BYTES, 0);
    this.cacheHpa = this.map(frames, CACHE_OFFSET, cacheBytes, 0);
  }

  /** What the shadow page tables need to keep the area mapped. */
  get reserved(): ReservedRange {
    return this.tables.reserved(PTE_U);
  }

  /** Lets translated user code use the area: from now on only the guest's segments end below it. @returns whether that is news. */
  openToUser(): boolean {
    if (this.userMayEnter) return false;
    this.userMayEnter = true;
    this.tables.openToUser();
    return true;
  }

  /** A word of the data page, unsigned. */
  read(slot: number): number {
    return this.data[slot >> 2];
  }

  write(slot: number, value: number): void {
    this.data[slot >> 2] = value;
  }

  writeByte(slot: number, value: number): void {
    this.memory.write8(this.dataHpa + slot, value);
  }

  private map(frames: FrameAllocator, offset: number, bytes: number, rights: number): number {
    const hpa = frames.reserve(bytes / PAGE_BYTES);
    this.memory.u8.fill(0, hpa, hpa + bytes);
    this.tables.map(offset, hpa, bytes, rights);
    return hpa;
  }
}
