import { PAGE_BYTES, PTE_A, PTE_D, PTE_P, PTE_PS, PTE_U, PTE_W } from '../../arch/paging.js';
import type { CostKey } from '../../cost/keys.js';
import type { Machine } from '../../machine.js';
import { throughA20 } from '../../platform/a20.js';
import type { FrameAllocator } from '../frames.js';
import { UNBACKED_HPA, windowHpa } from '../layout.js';

/** How nested tables are built: as the host's own paging mode has it. */
export type NestedFormat = 'two-level' | 'pae';

export interface NestedTablesOptions {
  host: Machine;
  guest: Machine;
  frames: FrameAllocator;
  /** Counts work of the monitor. */
  charge: (key: CostKey, count?: number) => void;
  format: NestedFormat;
  /** Map with pages of 4 MB or 2 MB where all of one is the guest's memory. */
  largePages: boolean;
}

/** One entry on the way. */
export interface NestedEntry {
  /** What it covers is `1 << shift` bytes long. */
  shift: number;
  hpa: number;
  /** Low half; the monitor uses no bits of the high one. */
  value: number;
  isPage: boolean;
}

interface Level {
  shift: number;
  indexBits: number;
  /** A PAE page-directory-pointer entry has no rights. */
  hasRights: boolean;
}

const FORMATS: Readonly<Record<NestedFormat, { entryBytes: 4 | 8; levels: readonly Level[] }>> = {
  'two-level': {
    entryBytes: 4,
    levels: [
      { shift: 22, indexBits: 10, hasRights: true },
      { shift: 12, indexBits: 10, hasRights: true },
    ],
  },
  pae: {
    entryBytes: 8,
    levels: [
      { shift: 30, indexBits: 2, hasRights: false },
      { shift: 21, indexBits: 9, hasRights: true },
      { shift: 12, indexBits: 9, hasRights: true },
    ],
  },
};

/** A page of the guest: present, for everyone, its A and D set from the start, as nobody here looks at them. */
const PAGE_ENTRY = PTE_P | PTE_W | PTE_U | PTE_A | PTE_D;
const PAGE_SHIFT = 12;
/** Guest-physical addresses that the tables can map. */
const MAPPABLE_BYTES = 2 ** 32;

/**
 * Nested page tables: guest-physical to host-physical, real tables in the host's memory, filled when the processor
 * finds an entry missing (AMD64 APM vol. 2, rev. 3.44, section 15.25 "Nested Paging"). What a guest does with its own page
 * tables never changes them.
 */
export class NestedTables {
  /** For N_CR3. */
  rootHpa: number;
  private readonly levels: readonly Level[];
  private readonly entryBytes: 4 | 8;
  private readonly guestPages: number;
  /** All of them, the root first. */
  private readonly tables: number[] = [];

  constructor(private readonly options: NestedTablesOptions) {
    ({ levels: this.levels, entryBytes: this.entryBytes } = FORMATS[options.format]);
    this.guestPages = options.guest.memory.sizeBytes / PAGE_BYTES;
    this.rootHpa = this.newTable();
  }

  /**
   * What a nested page fault at `gpa` means. `filled`: the entry was missing and is there now. `emulate`: a device
   * of the guest answers there, or no table can map it: the virtual processor has to make the access.
   */
  resolve(gpa: number): 'filled' | 'emulate' {
    if (gpa >= MAPPABLE_BYTES) return 'emulate';
    const target = throughA20(gpa, this.options.guest.cpu.addressMask);
    const page = Math.floor(target / PAGE_BYTES);
    if (page >= this.guestPages && this.options.guest.memory.outside.claimsPage(page)) return 'emulate';
    this.map(gpa, (shift) => this.pageEntry(target, page, shift));
    return 'filled';
  }

  /** Maps the 4 KB page at `gpa`, of a guest's guest, to a page of this guest's memory. */
  mapPage(gpa: number, targetGpa: number, writable: boolean): void {
    const entry = this.pageEntry(targetGpa, Math.floor(targetGpa / PAGE_BYTES), PAGE_SHIFT);
    this.map(gpa, (shift) => (shift === PAGE_SHIFT ? (entry & (writable ? -1 : ~PTE_W)) >>> 0 : null));
  }

  /** The way of a guest-physical address, entry by entry from the root, as far as it goes. Changes nothing. */
  look(gpa: number): NestedEntry[] {
    const { memory } = this.options.host;
    const entries: NestedEntry[] = [];
    let table = this.rootHpa;
    for (const { shift, indexBits } of this.levels) {
      const hpa = table + ((gpa >>> shift) & ((1 << indexBits) - 1)) * this.entryBytes;
      const value = memory.read32(hpa);
      const isPage = shift === PAGE_SHIFT || (shift < 30 && (value & PTE_PS) !== 0);
      entries.push({ shift, hpa, value, isPage });
      if (isPage || (value & PTE_P) === 0) break;
      table = value - (value % PAGE_BYTES);
    }
    return entries;
  }

  /** Forgets every mapping; the caller has the TLB flushed. */
  clear(): void {
    for (const hpa of this.tables) this.options.frames.release(hpa);
    this.tables.length = 0;
    this.rootHpa = this.newTable();
  }

  /** @param entryAt the entry of the page around `gpa` of size `1 << shift`; null: there can be none. */
  private map(gpa: number, entryAt: (shift: number) => number | null): void {
    const { host, charge } = this.options;
    let table = this.rootHpa;
    for (const [depth, { shift, indexBits, hasRights }] of this.levels.entries()) {
      const entryHpa = table + ((gpa >>> shift) & ((1 << indexBits) - 1)) * this.entryBytes;
      const canBePage =
        shift === PAGE_SHIFT || (depth === this.levels.length - 2 && this.mapsWhole(gpa, shift));
      const page = canBePage ? entryAt(shift) : null;
      if (page !== null) {
        host.memory.write32(entryHpa, page);
        charge('vmm.shadow.write');
        break;
      }
      const entry = host.memory.read32(entryHpa);
      charge('vmm.guest.access');
      if (entry & PTE_P) {
        table = entry - (entry % PAGE_BYTES);
        continue;
      }
      table = this.newTable();
      host.memory.write32(entryHpa, table | (hasRights ? PTE_P | PTE_W | PTE_U | PTE_A : PTE_P));
      charge('vmm.shadow.write');
    }
    host.trace.record({ ticks: host.ledger.ticks, kind: 'nestedFill', gpa });
  }

  private pageEntry(gpa: number, page: number, shift: number): number {
    if (page >= this.guestPages) return (UNBACKED_HPA | PAGE_ENTRY) >>> 0;
    const pageBytes = 2 ** shift;
    const { host, guest } = this.options;
    const hpa = windowHpa(host, guest) + (gpa - (gpa % pageBytes));
    return (hpa | PAGE_ENTRY | (shift === PAGE_SHIFT ? 0 : PTE_PS)) >>> 0;
  }

  /**
   * Whether the large page around `gpa` is the guest's memory from end to end, in one piece: behind a closed A20 gate its
   * second megabyte is its first. Its place in the host is aligned (layout.ts).
   */
  private mapsWhole(gpa: number, shift: number): boolean {
    const { guest, largePages } = this.options;
    const pageBytes = 2 ** shift;
    const end = gpa - (gpa % pageBytes) + pageBytes;
    return largePages && guest.platform.a20.open && end <= this.guestPages * PAGE_BYTES;
  }

  private newTable(): number {
    const { frames, host, charge } = this.options;
    const hpa = frames.allocate();
    if (hpa === null) throw new RangeError('the monitor has no frame for a nested page table');
    host.memory.u8.fill(0, hpa, hpa + PAGE_BYTES);
    this.tables.push(hpa);
    charge('vmm.shadow.table');
    return hpa;
  }
}
