import { PAGE_BYTES, PTE_A, PTE_D, PTE_P, PTE_U, PTE_W } from '../../arch/paging.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import type { FrameAllocator } from '../frames.js';
import type { ReservedRange } from '../shadow-mmu.js';
import {
  AREA_LINEAR,
  CACHE_OFFSET,
  DATA_OFFSET,
  ENTRY_OFFSET,
  SHADOW_GDT_BYTES,
  SHADOW_GDT_OFFSET,
} from './area.js';

/** The frames behind the monitor's linear area, and the one page table that maps them in every address space. */
export class AreaFrames {
  private readonly tableHpa: number;
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
    this.tableHpa = frames.reserve(1);
    memory.u8.fill(0, this.tableHpa, this.tableHpa + PAGE_BYTES);
    // Supervisor pages, until user code is translated. Translated code can write only the data page.
    this.dataHpa = this.map(frames, DATA_OFFSET, PAGE_BYTES, PTE_W);
    this.data = new Uint32Array(memory.u8.buffer, memory.u8.byteOffset + this.dataHpa, PAGE_BYTES >> 2);
    this.entryHpa = this.map(frames, ENTRY_OFFSET, PAGE_BYTES, 0);
    this.shadowGdtHpa = this.map(frames, SHADOW_GDT_OFFSET, SHADOW_GDT_BYTES, 0);
    this.cacheHpa = this.map(frames, CACHE_OFFSET, cacheBytes, 0);
  }

  /** What the shadow page tables need to keep the area mapped. */
  get reserved(): ReservedRange {
    return {
      directoryIndex: AREA_LINEAR >>> 22,
      entry: this.tableHpa | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D,
    };
  }

  /** Lets translated user code use the area: from now on only the guest's segments end below it. @returns whether that is news. */
  openToUser(): boolean {
    if (this.userMayEnter) return false;
    this.userMayEnter = true;
    for (let entryHpa = this.tableHpa; entryHpa < this.tableHpa + PAGE_BYTES; entryHpa += 4) {
      const entry = this.memory.read32(entryHpa);
      if (entry & PTE_P) this.memory.write32(entryHpa, entry | PTE_U);
    }
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
    for (let at = 0; at < bytes; at += PAGE_BYTES) {
      const entry = (hpa + at) | PTE_P | PTE_A | PTE_D | rights;
      this.memory.write32(this.tableHpa + ((offset + at) / PAGE_BYTES) * 4, entry);
    }
    return hpa;
  }
}
