import { PAGE_BYTES, PTE_A, PTE_D } from '../arch/paging.js';
import { throughA20 } from '../platform/a20.js';
import type { PhysicalMemory } from '../platform/memory.js';
import { pageFrame } from '../platform/page-walk.js';
import { directoryLevel, identityPde, isLarge, isUsed, readEntry, tableLevel } from './guest-walk.js';
import type { Entry, Mapping } from './guest-walk.js';
import { UNBACKED_HPA } from './layout.js';
import type { PagingMode } from './paging-state.js';
import { shadowEntry, shadowEntryHigh } from './shadow-entry.js';
import { layoutOf } from './shadow-layout.js';
import type { TableSource } from './shadow-table.js';

const NOTHING_MAPPED: Entry = { low: 0, high: 0 };

/** Number of the guest-physical page; the address may lie above 4 GB. */
export function pageOf(gpa: number): number {
  return Math.floor(gpa / PAGE_BYTES);
}

/** The guest's page tables as they are in its memory, and what their entries amount to in the shadow. */
export class GuestEntries {
  private readonly pages: number;

  constructor(
    private readonly memory: PhysicalMemory,
    /** Where the guest's memory lies in the host. */
    private readonly guestHpa: number,
    /** What the guest's entries mean, to be kept up to date. */
    public mode: PagingMode,
    private readonly isTraced: (page: number) => boolean,
  ) {
    this.pages = memory.sizeBytes / PAGE_BYTES;
  }

  read(gpa: number): Entry {
    return readEntry(this.memory, gpa, this.mode.format);
  }

  /** What the entry at `index` of a table with that source is, going by the guest's tables; 0: nothing is to be mapped. */
  derived(source: TableSource, index: number): Entry {
    const { mode } = this;
    // Of a large page's, rights come from the source alone.
    const pte = source.large
      ? identityPde(0, mode)
      : this.read(source.gpa + index * layoutOf(mode.format).entryBytes);
    const level = tableLevel(mode);
    const frame = source.large
      ? source.gpa + index * PAGE_BYTES
      : pageFrame(mode.format, level, pte.low, pte.high);
    const page = pageOf(throughA20(frame, mode.addressMask));
    if (!(source.large || isUsed(pte, level, true)) || this.isDevice(page)) return NOTHING_MAPPED;
    const low = shadowEntry(source, pte, {
      frameHpa: page < this.pages ? this.guestHpa + page * PAGE_BYTES : UNBACKED_HPA,
      writeProtect: mode.writeProtect,
      traced: this.isTraced(page),
    });
    return { low, high: low === 0 ? 0 : shadowEntryHigh(source, pte, mode) };
  }

  isUsedDirectory(pde: Entry): boolean {
    return isUsed(pde, directoryLevel(this.mode), isLarge(pde, this.mode));
  }

  /** Whether a device of the guest answers in a guest-physical page: never mapped, so that each access is emulated. */
  isDevice(page: number): boolean {
    return page >= this.pages && this.memory.outside.claimsPage(page);
  }

  /** Sets A, and D for a write, in the guest's entries, as the walk of a processor does. @returns the directory entry. */
  markUsed({ pdeGpa, pde, pteGpa, pte }: Mapping, write: boolean): Entry {
    if (pdeGpa === null) return pde;
    const used = write ? PTE_A | PTE_D : PTE_A;
    const updated = pde.low | (pteGpa === null ? used : PTE_A);
    this.write(pdeGpa, pde.low, updated);
    if (pteGpa !== null) this.write(pteGpa, pte.low, pte.low | used);
    return { low: updated, high: pde.high };
  }

  private write(gpa: number, before: number, after: number): void {
    if ((before | 0) !== after) this.memory.write32(gpa, after);
  }
}
