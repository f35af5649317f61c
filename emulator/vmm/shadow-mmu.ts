import { PAGE_BYTES, PTE_A, PTE_D, PTE_FRAME, PTE_W, pagingFormats } from '../arch/paging.js';
import type { PagingFormats } from '../arch/paging.js';
import { PF_USER, PF_WRITE } from '../arch/vectors.js';
import type { CostKey } from '../cost/keys.js';
import type { Machine } from '../machine.js';
import type { FrameAllocator } from './frames.js';
import { identityPde, isUsed, pagingMode, walkGuest } from './guest-walk.js';
import type { Mapping, PagingMode } from './guest-walk.js';
import { GUEST_HPA, UNBACKED_HPA } from './layout.js';
import { ReverseMap } from './reverse-map.js';
import { entriesTouched, guestPage, linkEntry, shadowEntry, sourceOf } from './shadow-entry.js';
import { ENTRIES_PER_TABLE, ShadowRoot, ShadowTable, rootKey, tableKey } from './shadow-table.js';
import type { TableSource, View } from './shadow-table.js';
import { Traces } from './traces.js';
import type { Trace, TraceListener } from './traces.js';

/** What a page fault taken on the shadow tables means. */
export type FaultOutcome =
  /** The guest's own: it must see it with this error code. */
  | { kind: 'true'; errorCode: number }
  /** A shadow miss, filled meanwhile: run the instruction again. */
  | { kind: 'hidden' }
  /** A write to a traced page, allowed by the guest: emulate the instruction on the virtual processor. */
  | { kind: 'trace'; page: number }
  /** Allowed by the guest, but no shadow entry may allow it: emulate the instruction on the virtual processor. */
  | { kind: 'emulate' };

/** What must be invalidated in the host's TLB before the guest runs on. */
export interface PendingFlush {
  all: boolean;
  /** Linear addresses whose entries must go, when not all must. */
  pages: readonly number[];
}

/** Linear addresses that the monitor keeps for itself: the 4 MB of one directory entry. */
export interface ReservedRange {
  directoryIndex: number;
  /** The shadow directory entry, as hardware reads it. */
  entry: number;
}

export interface ShadowOptions {
  host: Machine;
  guest: Machine;
  frames: FrameAllocator;
  /** Counts work of the monitor. */
  charge: (key: CostKey, count?: number) => void;
}

/** Address spaces kept at once; the oldest goes first. */
const MAX_ROOTS = 64;
const VIEWS: readonly View[] = ['shared', 'kernel', 'user'];
/**
 * Writes to the source of tables outside the active address space after which they are dropped: the guest is
 * then taken to have given the page up, and the trace would only cost.
 */
const MAX_IDLE_WRITES = 3;
/** Frames that one fill may need: a root and a second-level table. */
const MIN_FRAMES = 2;

/**
 * Shadow page tables: real tables in the host's physical memory which map the guest's linear addresses straight
 * to host-physical ones; the host's MMU walks them while the guest runs. They are a cache of the guest's own
 * tables. Each entry is filled when a fault finds it missing, and the guest pages that entries are derived from
 * are traced: whatever changes a guest entry, be it an emulated store or a walk of the virtual processor that
 * sets an accessed bit, brings the entries derived from it up to date. So no fill is lost at a change of address
 * space, and switching back to a known one costs nothing.
 *
 * A and D in guest memory are those of a run on bare hardware: an entry is in the shadow only while the guest's
 * A is set, and writable only while its D is set.
 */
export class ShadowMmu {
  private mode: PagingMode;
  /** Of the guest's page tables. */
  private readonly formats: PagingFormats;
  private currentView: View = 'shared';
  /** By {@link rootKey}. */
  private readonly roots = new Map<number, ShadowRoot>();
  private readonly tables = new Map<number, ShadowTable>();
  /** Traces of the sources of roots and tables. */
  private readonly sourceTraces = new Map<ShadowRoot | ShadowTable, Trace>();
  private readonly reverse = new ReverseMap();
  private readonly traces: Traces;
  private readonly guestPages: number;
  private flushAll = true;
  private flushPages: number[] = [];
  private reserved: ReservedRange | null = null;

  /** @throws RangeError when the monitor's area cannot hold even one address space. */
  constructor(private readonly options: ShadowOptions) {
    if (options.frames.available < MIN_FRAMES) {
      throw new RangeError(
        `shadow page tables need ${MIN_FRAMES} frames, ${options.frames.available} are left`,
      );
    }
    const { memory, cpu } = options.guest;
    this.guestPages = memory.sizeBytes / PAGE_BYTES;
    this.formats = pagingFormats(options.guest.profile);
    this.mode = pagingMode(cpu, this.formats);
    this.traces = new Traces(memory, (page) => this.protect(page));
  }

  /** Host-physical address for the host's CR3: the shadow of the guest's current address space. */
  get rootHpa(): number {
    return this.activeRoot().hpa;
  }

  /** For whom the guest's pages are looked up from here on. */
  get view(): View {
    return this.currentView;
  }
  set view(view: View) {
    if (view === this.currentView) return;
    this.currentView = view;
    this.flushAll = true;
  }

  /** Keeps a range for the monitor in every shadow address space; nothing of the guest is ever mapped there. */
  reserve(range: ReservedRange): void {
    this.dropAll();
    this.reserved = range;
  }

  /**
   * Follows the guest's control registers: selects the address space, and drops everything when CR0.WP or
   * CR4.PSE changed the meaning of all entries. To be called whenever the guest's CR0, CR3 or CR4 may have changed.
   */
  follow(registers: { cr0: number; cr3: number; cr4: number }): void {
    const mode = pagingMode(registers, this.formats);
    const before = this.mode;
    this.mode = mode;
    // Without paging neither bit means anything, and the tables that knew them may serve again.
    if (!mode.paging) this.mode = { ...mode, writeProtect: before.writeProtect, format: before.format };
    else if (mode.writeProtect !== before.writeProtect || mode.format !== before.format) this.dropAll();
    if (directoryOf(mode) !== directoryOf(before)) {
      this.flushAll = true;
      if (mode.paging) {
        const { host } = this.options;
        host.trace.record({ ticks: host.ledger.ticks, kind: 'cr3', value: mode.directoryGpa });
      }
    }
  }

  /**
   * Finds out what a page fault on the shadow tables means, and fills the shadow if it was hidden.
   * @param errorCode as the host's MMU gave it: of it, the write and user bits count.
   */
  resolve(gva: number, errorCode: number): FaultOutcome {
    const access = { write: (errorCode & PF_WRITE) !== 0, user: (errorCode & PF_USER) !== 0 };
    const { guest, charge } = this.options;
    charge('vmm.fault');
    const walk = walkGuest(guest.memory, this.mode, gva, access, () => charge('vmm.guest.access'));
    if (walk.kind === 'fault') return { kind: 'true', errorCode: walk.errorCode };
    if (this.isReserved(gva >>> 22) || this.isDevice(pageOf(walk.gpa))) return { kind: 'emulate' };
    if (access.write) {
      const page = pageOf(walk.gpa);
      if (this.traces.has(page)) return { kind: 'trace', page };
      // A supervisor write to a user's read-only page, with CR0.WP clear: an entry that allowed it would allow the user too.
      if (!walk.writable && walk.user && this.mode.paging && this.view === 'shared')
        return { kind: 'emulate' };
    }
    this.fill(gva, walk, access.write);
    return { kind: 'hidden' };
  }

  /** The guest executed INVLPG, or did what implies it. Linear addresses of one 4 MB page go together. */
  invalidate(gva: number): void {
    const table = this.roots.get(this.activeKey)?.tables.get(gva >>> 22);
    // A directory entry that changed from or to a 4 MB page is no longer linked: what it left in the TLB is unknown.
    if (!table || table.source.large) this.flushAll = true;
    else this.flushPages.push(gva);
  }

  /** The guest wrote CR3: what it changed before is in force from here. */
  invalidateAll(): void {
    this.flushAll = true;
  }

  /** Traces a guest page for another purpose than page tables: descriptor tables, translated code. */
  trace(page: number, listener: TraceListener): Trace {
    return this.traces.add(page, listener);
  }

  isTraced(page: number): boolean {
    return this.traces.has(page);
  }

  /** What the family must invalidate in the host's TLB before it resumes the guest; forgets it. */
  takeFlush(): PendingFlush {
    const pending = { all: this.flushAll, pages: this.flushPages };
    this.flushAll = false;
    this.flushPages = [];
    return pending;
  }

  /** Gives up every shadow table. */
  dropAll(): void {
    for (const root of [...this.roots.values()]) this.dropRoot(root);
    for (const table of [...this.tables.values()]) this.dropTable(table);
    this.reverse.clear();
    this.flushAll = true;
  }

  private fill(gva: number, mapping: Mapping, write: boolean): void {
    const { host, frames } = this.options;
    if (frames.available < MIN_FRAMES) this.dropAll();
    const pde = this.markUsed(mapping, write);
    const index = gva >>> 22;
    const table = this.linkedTable(index, pde);
    const entryIndex = (gva >>> 12) & (ENTRIES_PER_TABLE - 1);
    this.syncTableEntry(table, entryIndex);
    table.idleWrites = 0;
    host.trace.record({ ticks: host.ledger.ticks, kind: 'shadowFill', gva, gpa: mapping.gpa });
  }

  /** Sets A, and D for a write, in the guest's entries, as the walk of a processor does. @returns the directory entry. */
  private markUsed({ pdeGpa, pde, pteGpa, pte }: Mapping, write: boolean): number {
    if (pdeGpa === null) return pde;
    const used = write ? PTE_A | PTE_D : PTE_A;
    const updatedPde = pde | (pteGpa === null ? used : PTE_A);
    this.writeGuestEntry(pdeGpa, pde, updatedPde);
    if (pteGpa !== null) this.writeGuestEntry(pteGpa, pte, pte | used);
    return updatedPde;
  }

  private writeGuestEntry(gpa: number, before: number, after: number): void {
    if ((before | 0) !== after) this.options.guest.memory.write32(gpa, after);
  }

  /** The table for directory entry `pde`, linked into the active root at `index`. */
  private linkedTable(index: number, pde: number): ShadowTable {
    const source = sourceOf(pde, this.mode, this.view);
    const table = this.tables.get(tableKey(source)) ?? this.createTable(source);
    this.link(this.activeRoot(), index, table);
    return table;
  }

  private createTable(source: TableSource): ShadowTable {
    const table = new ShadowTable(this.newFrame(), source);
    this.tables.set(tableKey(source), table);
    if (!source.large) {
      const page = pageOf(source.gpa);
      this.sourceTraces.set(
        table,
        this.traces.add(page, (offset, bytes) => this.onTableWrite(table, offset, bytes)),
      );
    }
    return table;
  }

  private activeRoot(): ShadowRoot {
    const known = this.roots.get(this.activeKey);
    if (known) return known;
    if (this.options.frames.available === 0) this.dropAll();
    if (this.roots.size >= MAX_ROOTS) this.dropRoot(this.roots.values().next().value!);
    const directoryGpa = directoryOf(this.mode);
    const root = new ShadowRoot(this.newFrame(), directoryGpa, this.view);
    this.roots.set(root.key, root);
    const { reserved } = this;
    if (reserved) this.options.host.memory.write32(root.entryHpa(reserved.directoryIndex), reserved.entry);
    if (directoryGpa !== null) {
      this.sourceTraces.set(
        root,
        this.traces.add(pageOf(directoryGpa), (offset, bytes) => this.onDirectoryWrite(root, offset, bytes)),
      );
    }
    return root;
  }

  /** The roots of the guest's current address space: one for each view that has been used. */
  private activeRoots(): ShadowRoot[] {
    const directoryGpa = directoryOf(this.mode);
    return VIEWS.flatMap((view) => this.roots.get(rootKey(directoryGpa, view)) ?? []);
  }

  private get activeKey(): number {
    return rootKey(directoryOf(this.mode), this.view);
  }

  /** A frame of zeros. Callers made sure that there is one. */
  private newFrame(): number {
    const { frames, host, charge } = this.options;
    const hpa = frames.allocate();
    if (hpa === null) throw new RangeError('the monitor has no frame for a shadow page table');
    host.memory.u8.fill(0, hpa, hpa + PAGE_BYTES);
    charge('vmm.shadow.table');
    return hpa;
  }

  private link(root: ShadowRoot, index: number, table: ShadowTable | null): void {
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
    this.writeEntry(entryHpa, table ? linkEntry(table.hpa) : 0);
    // The TLB may hold entries of the table that was here, of any page of the 4 MB.
    if (linked) this.flushAll = true;
  }

  private syncTableEntry(table: ShadowTable, index: number): void {
    const { memory } = this.options.guest;
    const { source } = table;
    // Of a large page's, rights come from the source alone.
    const pte = source.large ? identityPde(0) : memory.read32(source.gpa + index * 4);
    const page = source.large ? pageOf(source.gpa) + index : pageOf((pte & PTE_FRAME) >>> 0);
    if (this.isDevice(page)) {
      this.setTableEntry(table.entryHpa(index), 0);
      return;
    }
    const entry = shadowEntry(source, pte, {
      frameHpa: page < this.guestPages ? GUEST_HPA + page * PAGE_BYTES : UNBACKED_HPA,
      writeProtect: this.mode.writeProtect,
      traced: this.traces.has(page),
    });
    this.setTableEntry(table.entryHpa(index), entry);
  }

  /** Whether a device of the guest answers in a guest-physical page: never mapped, so that each access is emulated. */
  private isDevice(page: number): boolean {
    return page >= this.guestPages && this.options.guest.memory.outside.claimsPage(page);
  }

  private setTableEntry(entryHpa: number, entry: number): void {
    const before = this.options.host.memory.read32(entryHpa);
    if (before === entry >>> 0) return;
    this.unmap(entryHpa, before);
    const page = guestPage(entry);
    if (page !== null) {
      this.reverse.add(page, entryHpa);
      this.options.charge('vmm.shadow.fill');
    }
    this.writeEntry(entryHpa, entry);
  }

  private unmap(entryHpa: number, entry: number): void {
    const page = guestPage(entry);
    if (page !== null) this.reverse.remove(page, entryHpa);
  }

  private writeEntry(entryHpa: number, entry: number): void {
    this.options.host.memory.write32(entryHpa, entry);
    this.options.charge('vmm.shadow.write');
  }

  /** A page begins to be traced: no mapping may let a write through any more, in tables or in the TLB. */
  private protect(page: number): void {
    const { memory } = this.options.host;
    for (const entryHpa of this.reverse.entries(page)) {
      const entry = memory.read32(entryHpa);
      if (entry & PTE_W) this.writeEntry(entryHpa, entry & ~PTE_W);
    }
    this.flushAll = true;
  }

  private onTableWrite(table: ShadowTable, byteOffset: number, byteCount: number): void {
    const active = this.activeRoots().some((root) =>
      [...table.links].some((hpa) => hpa - (hpa % PAGE_BYTES) === root.hpa),
    );
    if (!active && ++table.idleWrites >= MAX_IDLE_WRITES) {
      this.dropTable(table);
      return;
    }
    for (const index of entriesTouched(byteOffset, byteCount)) {
      this.options.charge('vmm.guest.access');
      this.syncTableEntry(table, index);
    }
  }

  private onDirectoryWrite(root: ShadowRoot, byteOffset: number, byteCount: number): void {
    const active = root.directoryGpa === directoryOf(this.mode);
    if (!active && ++root.idleWrites >= MAX_IDLE_WRITES) {
      this.dropRoot(root);
      return;
    }
    const { memory } = this.options.guest;
    for (const index of entriesTouched(byteOffset, byteCount)) {
      if (this.isReserved(index)) continue;
      this.options.charge('vmm.guest.access');
      const pde = memory.read32(root.directoryGpa! + index * 4);
      // Only a table that is there already: a new one waits for its first use.
      const table = isUsed(pde, this.mode)
        ? this.tables.get(tableKey(sourceOf(pde, this.mode, root.view)))
        : undefined;
      this.link(root, index, table ?? null);
    }
  }

  private isReserved(directoryIndex: number): boolean {
    return this.reserved?.directoryIndex === directoryIndex;
  }

  private dropRoot(root: ShadowRoot): void {
    for (const [index, table] of root.tables) table.links.delete(root.entryHpa(index));
    this.roots.delete(root.key);
    this.giveBack(root);
  }

  private dropTable(table: ShadowTable): void {
    for (const root of this.roots.values()) {
      for (const [index, linked] of root.tables) if (linked === table) this.link(root, index, null);
    }
    const { memory } = this.options.host;
    for (let index = 0; index < ENTRIES_PER_TABLE; index++) {
      const entryHpa = table.entryHpa(index);
      this.unmap(entryHpa, memory.read32(entryHpa));
    }
    this.tables.delete(tableKey(table.source));
    this.giveBack(table);
  }

  private giveBack(owner: ShadowRoot | ShadowTable): void {
    this.sourceTraces.get(owner)?.release();
    this.sourceTraces.delete(owner);
    this.options.frames.release(owner.hpa);
    this.flushAll = true;
  }
}

/** Number of the guest-physical page; the address may lie above 4 GB. */
function pageOf(gpa: number): number {
  return Math.floor(gpa / PAGE_BYTES);
}

/** Guest-physical address of the page directory in force; null without paging. */
function directoryOf(mode: PagingMode): number | null {
  return mode.paging ? mode.directoryGpa : null;
}
