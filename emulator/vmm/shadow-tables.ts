import { PAGE_BYTES, PTE_W } from '../arch/paging.js';
import type { CostKey } from '../cost/keys.js';
import type { PhysicalMemory } from '../platform/memory.js';
import type { FrameAllocator } from './frames.js';
import { ReverseMap } from './reverse-map.js';
import { guestPage, linkEntry, pointerEntry } from './shadow-entry.js';
import type { ShadowLayout } from './shadow-layout.js';
import { ShadowDirectory, ShadowRoot, ShadowTable } from './shadow-table.js';
import { directoryKey, rootKey, tableKey } from './shadow-table.js';
import type { AddressSpace, DirectorySource, TableSource, View } from './shadow-table.js';
import { TablePages } from './table-pages.js';
import type { Trace, TraceListener, Traces } from './traces.js';

/** Linear addresses that the monitor keeps for itself: the last 4 MB of every address space. */
export interface ReservedRange {
  /** The first of them. */
  linear: number;
  /** The shadow directory entries that map them, as hardware reads them: one of 32 bits, or the low halves of two of 64. */
  entries: (layout: ShadowLayout) => readonly number[];
}

export interface ShadowTablesOptions {
  /** Of the host. */
  memory: PhysicalMemory;
  frames: FrameAllocator;
  traces: Traces;
  /** Counts work of the monitor. */
  charge: (key: CostKey, count?: number) => void;
  /** Where the guest's memory lies in the host's. */
  guestHpa: number;
  /** What hears of writes to the guest pages that a directory or a table is derived from. */
  listeners: {
    directory: (directory: ShadowDirectory) => TraceListener;
    table: (table: ShadowTable) => TraceListener;
  };
  /** Called when mappings have gone which the host's TLB may still hold, anywhere. */
  onUnmapped: () => void;
}

/**
 * The shadow page tables as a structure: roots, directories and tables in frames of the monitor, how they are linked,
 * which entries map a guest page, and the traces of what they are derived from. What goes into an entry is another's
 * decision: {@link ShadowMmu}.
 */
export class ShadowTables {
  /** By {@link rootKey}, that of the address space loaded last at the end. */
  private readonly roots = new Map<string, ShadowRoot>();
  /** Asked for at each entry of the guest, and seldom another. */
  private lastFound: ShadowRoot | null = null;
  private readonly directories = new Map<string, ShadowDirectory>();
  private readonly tables = new Map<number, ShadowTable>();
  private readonly directoryTraces = new Map<ShadowDirectory, Trace>();
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
    for (const directory of this.directories.values()) {
      for (const [index, entry] of reservedEntries(directory, reserved)) {
        this.link(directory, index, null);
        this.write(directory.entryHpa(index), lent ? 0 : entry);
      }
    }
  }

  /** Whether a linear address is the monitor's own. */
  isReserved(linear: number): boolean {
    return !this.lent && this.reserved !== null && linear >= this.reserved.linear;
  }

  root(space: AddressSpace, view: View): ShadowRoot | undefined {
    const { lastFound } = this;
    if (lastFound?.view === view && lastFound.space.name === space.name) return lastFound;
    const found = this.roots.get(rootKey(space.name, view));
    this.lastFound = found ?? null;
    return found;
  }

  table(source: TableSource): ShadowTable | undefined {
    return this.tables.get(tableKey(source));
  }

  /** The names of the address spaces that have roots, the one loaded longest ago first. */
  get spaces(): ReadonlySet<string> {
    return new Set([...this.roots.values()].map(({ space }) => space.name));
  }

  /** Makes a root the one loaded last. */
  touch(root: ShadowRoot): void {
    this.roots.delete(root.key);
    this.roots.set(root.key, root);
  }

  createRoot(space: AddressSpace, view: View, layout: ShadowLayout): ShadowRoot {
    const directories = space.directories.map((source, number) =>
      this.directory(source, number, view, layout),
    );
    let { hpa } = directories[0];
    if (directories.length > 1) {
      hpa = this.newFrame();
      for (const [number, directory] of directories.entries())
        this.write(hpa + number * layout.entryBytes, pointerEntry(directory.hpa));
    }
    const root = new ShadowRoot(hpa, space, view, directories);
    this.roots.set(root.key, root);
    return root;
  }

  private directory(
    source: DirectorySource,
    number: number,
    view: View,
    layout: ShadowLayout,
  ): ShadowDirectory {
    const known = this.directories.get(directoryKey(source, number, view));
    if (known) return known;
    const { memory, traces, listeners } = this.options;
    const directory = new ShadowDirectory(this.newFrame(), source, number, view, layout);
    this.directories.set(directory.key, directory);
    const { reserved } = this;
    if (reserved && !this.lent)
      for (const [index, entry] of reservedEntries(directory, reserved))
        memory.write32(directory.entryHpa(index), entry);
    if (typeof source === 'number')
      this.directoryTraces.set(
        directory,
        traces.add(Math.floor(source / PAGE_BYTES), listeners.directory(directory), 'tables'),
      );
    return directory;
  }

  createTable(source: TableSource, layout: ShadowLayout): ShadowTable {
    const table = new ShadowTable(this.newFrame(), source, layout);
    this.tables.set(tableKey(source), table);
    if (!source.large) this.pages.add(table);
    return table;
  }

  /** Makes a directory entry of the shadow lead to `table`, or nowhere. */
  link(directory: ShadowDirectory, index: number, table: ShadowTable | null): void {
    const linked = directory.tables.get(index);
    if (linked === (table ?? undefined)) return;
    const entryHpa = directory.entryHpa(index);
    linked?.links.delete(entryHpa);
    if (table) {
      directory.tables.set(index, table);
      table.links.add(entryHpa);
    } else {
      directory.tables.delete(index);
    }
    // All rights here: the ones that count are in the table's entries.
    this.write(entryHpa, table ? linkEntry(table.hpa) : 0);
    // The TLB may hold entries of the table that was here, of any page that it mapped.
    if (linked) this.options.onUnmapped();
  }

  /** The entry of a table as hardware reads it, its low half. */
  entry(table: ShadowTable, index: number): number {
    return this.options.memory.read32(table.entryHpa(index));
  }

  /** @param high half of the entry; of a 32-bit one it is 0. @returns whether that changed the entry. */
  setEntry(table: ShadowTable, index: number, low: number, high: number): boolean {
    const { memory, charge } = this.options;
    const entryHpa = table.entryHpa(index);
    const before = memory.read32(entryHpa);
    const wide = table.layout.entryBytes === 8;
    if (before === low >>> 0 && (!wide || memory.read32(entryHpa + 4) === high >>> 0)) return false;
    this.unmap(entryHpa, before);
    const page = guestPage(low, this.options.guestHpa);
    if (page !== null) {
      this.reverse.add(page, entryHpa);
      charge('vmm.shadow.fill');
    }
    if (wide) memory.write32(entryHpa + 4, high);
    this.write(entryHpa, low);
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

  /** Drops a directory, and the roots that lead to it. */
  dropDirectory(directory: ShadowDirectory): void {
    for (const root of [...this.roots.values()])
      if (root.directories.includes(directory)) this.dropRoot(root);
  }

  /** Drops an address space by its name, and the tables that no other one uses. */
  dropAddressSpace(name: string): void {
    for (const root of [...this.roots.values()]) {
      if (root.space.name !== name) continue;
      const tables = new Set(root.directories.flatMap((directory) => [...directory.tables.values()]));
      this.dropRoot(root);
      for (const table of tables) if (table.links.size === 0) this.dropTable(table);
    }
  }

  /** Drops a root, and the directories that no other one has. */
  private dropRoot(root: ShadowRoot): void {
    if (this.lastFound === root) this.lastFound = null;
    this.roots.delete(root.key);
    if (root.directories.length > 1) this.giveBack(root.hpa);
    for (const directory of root.directories) {
      if ([...this.roots.values()].some(({ directories }) => directories.includes(directory))) continue;
      for (const [index, table] of directory.tables) table.links.delete(directory.entryHpa(index));
      this.directories.delete(directory.key);
      this.directoryTraces.get(directory)?.release();
      this.directoryTraces.delete(directory);
      this.giveBack(directory.hpa);
    }
  }

  dropTable(table: ShadowTable): void {
    for (const directory of this.directories.values()) {
      for (const [index, linked] of directory.tables) if (linked === table) this.link(directory, index, null);
    }
    for (let index = 0; index < table.layout.entriesPerTable; index++) {
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

/** The entries of a directory that map the monitor's range, with their places; none but in the last one of an address space. */
function reservedEntries(
  { number, layout }: ShadowDirectory,
  reserved: ReservedRange,
): [index: number, entry: number][] {
  if (number !== layout.directories - 1) return [];
  const entries = reserved.entries(layout);
  const first = layout.entriesPerTable - entries.length;
  return entries.map((entry, at) => [first + at, entry]);
}
