import { PAGE_BYTES, PTE_W } from '../arch/paging.js';
import type { CostKey } from '../cost/keys.js';
import type { PhysicalMemory } from '../platform/memory.js';
import type { FrameAllocator } from './frames.js';
import { ReverseMap } from './reverse-map.js';
import { guestPage, linkEntry } from './shadow-entry.js';
import type { ReservedRange } from './shadow-mmu.js';
import { ENTRIES_PER_TABLE, ShadowRoot, ShadowTable, rootKey, tableKey } from './shadow-table.js';
import type { TableSource, View } from './shadow-table.js';
import { TablePages } from './table-pages.js';
import type { Trace, TraceListener, Traces } from './traces.js';

export interface ShadowTablesOptions {
  /** Of the host. */
  memory: PhysicalMemory;
  frames: FrameAllocator;
  traces: Traces;
  /** Counts work of the monitor. */
  charge: (key: CostKey, count?: number) => void;
  /** Where the guest's memory lies in the host's. */
  guestHpa: number;
  /** What hears of writes to the guest pages that a root or a table is derived from. */
  listeners: { root: (root: ShadowRoot) => TraceListener; table: (table: ShadowTable) => TraceListener };
  /** Called when mappings have gone which the host's TLB may still hold, anywhere. */
  onUnmapped: () => void;
}

/**
 * The shadow page tables as a structure: page directories and tables in frames of the monitor, how they are linked,
 * which entries map a guest page, and the traces of what they are derived from. What goes into an entry is another's
 * decision: {@link ShadowMmu}.
 */
export class ShadowTables {
  /** By {@link rootKey}, that of the address space loaded last at the end. */
  private readonly roots = new Map<number, ShadowRoot>();
  private readonly tables = new Map<number, ShadowTable>();
  private readonly rootTraces = new Map<ShadowRoot, Trace>();
  readonly pages: TablePages;
  private readonly reverse = new ReverseMap();
  private reserved: ReservedRange | null = null;
  /** The guest has it for now. */
  private lent = false;

  constructor(private readonly options: ShadowTablesOptions) {
    this.pages = new TablePages(options.traces, options.listeners.table);
  }

  get rootCount(): number {
    return this.roots.size;
  }
  get tableCount(): number {
    return this.tables.size;
  }

  reserve(range: ReservedRange): void {
    this.dropAll();
    this.reserved = range;
  }

  /** Leaves the reserved range to the guest for now, or takes it back. */
  lendReserved(lent: boolean): void {
    const { reserved } = this;
    if (!reserved || lent === this.lent) return;
    this.lent = lent;
    for (const root of this.roots.values()) {
      this.link(root, reserved.directoryIndex, null);
      this.write(root.entryHpa(reserved.directoryIndex), lent ? 0 : reserved.entry);
    }
  }

  isReserved(directoryIndex: number): boolean {
    return !this.lent && this.reserved?.directoryIndex === directoryIndex;
  }

  root(directoryGpa: number | null, view: View): ShadowRoot | undefined {
    return this.roots.get(rootKey(directoryGpa, view));
  }

  table(source: TableSource): ShadowTable | undefined {
    return this.tables.get(tableKey(source));
  }

  /** The address spaces that have roots, the one loaded longest ago first. */
  get addressSpaces(): ReadonlySet<number | null> {
    return new Set([...this.roots.values()].map(({ directoryGpa }) => directoryGpa));
  }

  /** Makes a root the one loaded last. */
  touch(root: ShadowRoot): void {
    this.roots.delete(root.key);
    this.roots.set(root.key, root);
  }

  createRoot(directoryGpa: number | null, view: View): ShadowRoot {
    const { memory, traces, listeners } = this.options;
    const root = new ShadowRoot(this.newFrame(), directoryGpa, view);
    this.roots.set(root.key, root);
    const { reserved } = this;
    if (reserved && !this.lent) memory.write32(root.entryHpa(reserved.directoryIndex), reserved.entry);
    if (directoryGpa !== null)
      this.rootTraces.set(root, traces.add(directoryGpa / PAGE_BYTES, listeners.root(root)));
    return root;
  }

  createTable(source: TableSource): ShadowTable {
    const table = new ShadowTable(this.newFrame(), source);
    this.tables.set(tableKey(source), table);
    if (!source.large) this.pages.add(table);
    return table;
  }

  /** Makes a directory entry of the shadow lead to `table`, or nowhere. */
  link(root: ShadowRoot, index: number, table: ShadowTable | null): void {
    const linked = root.tables.get(index);
    if (linked === (table ?? undefined)) return;
    const entryHpa = root.entryHpa(index);
    linked?.links.delete(entryHpa);
    if (table) {
      root.tables.set(index, table);
      table.links.add(entryHpa);
    } else {
      root.tables.delete(index);
    }
    // All rights here: the ones that count are in the table's entries.
    this.write(entryHpa, table ? linkEntry(table.hpa) : 0);
    // The TLB may hold entries of the table that was here, of any page of the 4 MB.
    if (linked) this.options.onUnmapped();
  }

  /** The entry of a table, as hardware reads it. */
  entry(table: ShadowTable, index: number): number {
    return this.options.memory.read32(table.entryHpa(index));
  }

  /** @returns whether that changed the entry. */
  setEntry(table: ShadowTable, index: number, entry: number): boolean {
    const entryHpa = table.entryHpa(index);
    const before = this.options.memory.read32(entryHpa);
    if (before === entry >>> 0) return false;
    this.unmap(entryHpa, before);
    const page = guestPage(entry, this.options.guestHpa);
    if (page !== null) {
      this.reverse.add(page, entryHpa);
      this.options.charge('vmm.shadow.fill');
    }
    this.write(entryHpa, entry);
    return true;
  }

  /** A page begins to be traced: no mapping may let a write through any more, in tables or in the TLB. */
  protect(page: number): void {
    for (const entryHpa of this.reverse.entries(page)) {
      const entry = this.options.memory.read32(entryHpa);
      if (entry & PTE_W) this.write(entryHpa, entry & ~PTE_W);
    }
    this.options.onUnmapped();
  }

  dropRoot(root: ShadowRoot): void {
    for (const [index, table] of root.tables) table.links.delete(root.entryHpa(index));
    this.roots.delete(root.key);
    this.rootTraces.get(root)?.release();
    this.rootTraces.delete(root);
    this.giveBack(root.hpa);
  }

  /** Drops an address space, and the tables that no other one uses. */
  dropAddressSpace(directoryGpa: number | null): void {
    for (const root of [...this.roots.values()]) {
      if (root.directoryGpa !== directoryGpa) continue;
      const tables = new Set(root.tables.values());
      this.dropRoot(root);
      for (const table of tables) if (table.links.size === 0) this.dropTable(table);
    }
  }

  dropTable(table: ShadowTable): void {
    for (const root of this.roots.values()) {
      for (const [index, linked] of root.tables) if (linked === table) this.link(root, index, null);
    }
    for (let index = 0; index < ENTRIES_PER_TABLE; index++) {
      this.unmap(table.entryHpa(index), this.entry(table, index));
    }
    this.tables.delete(tableKey(table.source));
    if (!table.source.large) this.pages.remove(table);
    this.giveBack(table.hpa);
  }

  dropAll(): void {
    for (const root of [...this.roots.values()]) this.dropRoot(root);
    for (const table of [...this.tables.values()]) this.dropTable(table);
    this.reverse.clear();
    this.options.onUnmapped();
  }

  /** A frame of zeros. Callers made sure that there is one. */
  private newFrame(): number {
    const { frames, memory, charge } = this.options;
    const hpa = frames.allocate();
    if (hpa === null) throw new RangeError('the monitor has no frame for a shadow page table');
    memory.u8.fill(0, hpa, hpa + PAGE_BYTES);
    charge('vmm.shadow.table');
    return hpa;
  }

  private giveBack(hpa: number): void {
    this.options.frames.release(hpa);
    this.options.onUnmapped();
  }

  private unmap(entryHpa: number, entry: number): void {
    const page = guestPage(entry, this.options.guestHpa);
    if (page !== null) this.reverse.remove(page, entryHpa);
  }

  private write(entryHpa: number, entry: number): void {
    this.options.memory.write32(entryHpa, entry);
    this.options.charge('vmm.shadow.write');
  }
}
