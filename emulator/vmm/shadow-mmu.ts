import { PAGE_BYTES, PTE_A, PTE_D, PTE_FRAME, pagingFormats } from '../arch/paging.js';
import type { PagingFormats } from '../arch/paging.js';
import { PF_USER, PF_WRITE } from '../arch/vectors.js';
import type { CostKey } from '../cost/keys.js';
import type { Machine } from '../machine.js';
import type { FrameAllocator } from './frames.js';
import { identityPde, isUsed, pagingMode, walkGuest } from './guest-walk.js';
import type { Mapping, PagingMode, PagingState } from './guest-walk.js';
import { UNBACKED_HPA, windowHpa } from './layout.js';
import { entriesTouched, shadowEntry, sourceOf } from './shadow-entry.js';
import { lookAt } from './shadow-look.js';
import type { ShadowLook } from './shadow-look.js';
import { noStatistics } from './shadow-statistics.js';
import type { ShadowStatistics } from './shadow-statistics.js';
import { ENTRIES_PER_TABLE } from './shadow-table.js';
import type { ShadowRoot, ShadowTable, TableSource, View } from './shadow-table.js';
import { ShadowTables } from './shadow-tables.js';
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

/** How the shadow is kept: the switches that are about it. */
export interface ShadowPolicy {
  /** When edits of guest page tables reach the shadow: at once, by traces; or when a TLB would have to forget. */
  traces: 'eager' | 'lazy';
  /** Address spaces whose shadows are kept; 0: each load of an address space begins with nothing. */
  shadowCache: number;
  /** Entries that the guest has used are filled ahead of faults. */
  prevalidation: boolean;
}

export interface ShadowOptions {
  host: Machine;
  guest: Machine;
  frames: FrameAllocator;
  policy: ShadowPolicy;
  /** Counts work of the monitor. */
  charge: (key: CostKey, count?: number) => void;
}

const VIEWS: readonly View[] = ['shared', 'kernel', 'user'];
/**
 * Writes to the source of tables outside the active address space after which they are dropped: the guest is
 * then taken to have given the page up, and the trace would only cost.
 */
const MAX_IDLE_WRITES = 3;
/** Frames that one fill may need: a root and a second-level table. */
const MIN_FRAMES = 2;
/** Frames that prevalidation leaves: for the fill that it came with and another one, so that not every fault has to clear up. */
const KEPT_FRAMES = 2 * MIN_FRAMES;
/** Guest entries side by side that one access of the monitor brings in: a cache line of them. */
const ENTRIES_PER_ACCESS = 64 / 4;

/**
 * Shadow page tables: real tables in the host's physical memory which map the guest's linear addresses straight
 * to host-physical ones; the host's MMU walks them while the guest runs. They are a cache of the guest's own
 * tables. Each entry is filled when a fault finds it missing, and the guest pages that entries are derived from
 * are traced: whatever changes a guest entry, be it an emulated store or a walk of the virtual processor that
 * sets an accessed bit, brings the entries derived from it up to date. So no fill is lost at a change of address
 * space, and switching back to a known one costs nothing.
 *
 * With lazy traces a guest page table loses its trace when the guest writes to it, and is then written to for
 * nothing. The entries derived from it may be out of date as those of a TLB may, and no longer: what makes a
 * processor forget a translation (INVLPG, a CR3 load, a page fault at the address: SDM vol. 3, "Operations that
 * Invalidate TLBs and Paging-Structure Caches") brings them up to date, the ones of a CR3 load all at once, and traces
 * the page again. Page directories keep their traces, so links between shadow tables are always up to date.
 *
 * A and D in guest memory are those of a run on bare hardware: an entry is in the shadow only while the guest's
 * A is set, and writable only while its D is set; lazily, while they were when the entry was last looked at.
 */
export class ShadowMmu {
  private mode: PagingMode;
  /** Of the guest's page tables. */
  private readonly formats: PagingFormats;
  private currentView: View = 'shared';
  private readonly tables: ShadowTables;
  private readonly traces: Traces;
  private readonly guestHpa: number;
  private readonly guestPages: number;
  private readonly counted: ShadowStatistics = noStatistics();
  /** How often the guest's TLB had been flushed, and single pages of it, when {@link follow} last looked. */
  private seen: { flushes: number; invalidations: number };
  private flushAll = true;
  private flushPages: number[] = [];

  /** @throws RangeError when the monitor's area cannot hold even one address space. */
  constructor(private readonly options: ShadowOptions) {
    const { frames, guest, host, charge } = options;
    if (frames.available < MIN_FRAMES) {
      throw new RangeError(`shadow page tables need ${MIN_FRAMES} frames, ${frames.available} are left`);
    }
    this.guestPages = guest.memory.sizeBytes / PAGE_BYTES;
    this.formats = pagingFormats(guest.profile);
    this.mode = pagingMode(guest.cpu, this.formats);
    const { flushes, invalidations } = guest.cpu.tlbHistory;
    this.seen = { flushes, invalidations };
    this.traces = new Traces(guest.memory, (page) => this.tables.protect(page));
    this.guestHpa = windowHpa(host, options.guest);
    this.tables = new ShadowTables({
      memory: host.memory,
      guestHpa: this.guestHpa,
      frames,
      traces: this.traces,
      charge,
      listeners: {
        root: (root) => (offset, bytes) => this.onDirectoryWrite(root, offset, bytes),
        table: (table) => (offset, bytes) => this.onTableWrite(table, offset, bytes),
      },
      onUnmapped: () => (this.flushAll = true),
    });
  }

  /** Host-physical address for the host's CR3: the shadow of the guest's current address space. */
  get rootHpa(): number {
    return this.activeRoot().hpa;
  }

  get statistics(): ShadowStatistics {
    return { ...this.counted, roots: this.tables.rootCount, tables: this.tables.tableCount };
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
    this.tables.reserve(range);
  }

  /**
   * Lends the guest the range that {@link reserve} keeps, while it needs no protecting from the guest because the guest
   * runs in guest mode; or takes it back.
   */
  lendReserved(lent: boolean): void {
    this.tables.lendReserved(lent);
    this.flushAll = true;
  }

  /**
   * Follows the guest's processor: selects the address space, drops everything when CR0.WP or CR4.PSE changed the
   * meaning of all entries, and forgets what the guest has made its processor forget. To be called after every
   * instruction that the virtual processor has executed, and whenever its CR0, CR3 or CR4 may have changed.
   */
  follow(registers: PagingState): void {
    const mode = pagingMode(registers, this.formats);
    const before = this.mode;
    this.mode = mode;
    // Without paging neither bit means anything, and the tables that knew them may serve again.
    if (!mode.paging) this.mode = { ...mode, writeProtect: before.writeProtect, format: before.format };
    else if (mode.writeProtect !== before.writeProtect || mode.format !== before.format) this.dropAll();
    const changed = directoryOf(mode) !== directoryOf(before);
    if (changed) {
      this.flushAll = true;
      if (mode.paging) {
        const { host } = this.options;
        host.trace.record({ ticks: host.ledger.ticks, kind: 'cr3', value: mode.directoryGpa });
      }
    }
    const { flushes, invalidations, lastInvalidated } = registers.tlbHistory;
    const invalidated = invalidations - this.seen.invalidations;
    const flushed = changed || flushes !== this.seen.flushes;
    this.seen = { flushes, invalidations };
    if (flushed) this.addressSpaceLoaded();
    else if (invalidated === 1) this.synchronisePage(lastInvalidated);
    else if (invalidated > 1) this.synchronise();
  }

  /**
   * Finds out what a page fault on the shadow tables means, and fills the shadow if it was hidden.
   * @param errorCode as the host's MMU gave it: of it, the write and user bits count.
   */
  resolve(gva: number, errorCode: number): FaultOutcome {
    const outcome = this.reach(gva, errorCode);
    const { counted } = this;
    switch (outcome.kind) {
      case 'true':
        // A processor forgets what it knows of the address, too.
        this.synchronisePage(gva);
        counted.trueFaults++;
        break;
      case 'hidden':
        counted.hiddenFaults++;
        break;
      case 'trace':
        counted.traceFaults++;
        break;
      case 'emulate':
        counted.emulatedFaults++;
        break;
    }
    return outcome;
  }

  /** As {@link resolve}, for an access that the monitor makes in the guest's place: there was no fault. */
  reach(gva: number, errorCode: number): FaultOutcome {
    const access = { write: (errorCode & PF_WRITE) !== 0, user: (errorCode & PF_USER) !== 0 };
    const { guest, charge } = this.options;
    charge('vmm.fault');
    const walk = walkGuest(guest.memory, this.mode, gva, access, () => charge('vmm.guest.access'));
    if (walk.kind === 'fault') return { kind: 'true', errorCode: walk.errorCode };
    if (this.tables.isReserved(gva >>> 22) || this.isDevice(pageOf(walk.gpa))) return { kind: 'emulate' };
    if (access.write) {
      const page = pageOf(walk.gpa);
      if (this.traces.has(page) && !this.loosen(page)) return { kind: 'trace', page };
      // A supervisor write to a user's read-only page, with CR0.WP clear: an entry that allowed it would allow the user too.
      if (!walk.writable && walk.user && this.mode.paging && this.view === 'shared')
        return { kind: 'emulate' };
    }
    this.fill(gva, walk, access.write);
    return { kind: 'hidden' };
  }

  /** The guest executed INVLPG, or did what implies it. Linear addresses of one 4 MB page go together. */
  invalidate(gva: number): void {
    const table = this.tables.root(directoryOf(this.mode), this.view)?.tables.get(gva >>> 22);
    // A directory entry that changed from or to a 4 MB page is no longer linked: what it left in the TLB is unknown.
    if (!table || table.source.large) this.flushAll = true;
    else this.flushPages.push(gva);
  }

  /** Nothing that the host's TLB holds of the guest's may be used any more: the guest may have flushed its own. */
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

  /** The shadow of a linear address as it is, beside what it would be if it were made now. Changes nothing. */
  look(gva: number): ShadowLook {
    const { tables, mode, view, options } = this;
    return lookAt(gva, {
      ...{ tables, mode, view, host: options.host.memory, guest: options.guest.memory },
      derive: (source, index) => this.derivedEntry(source, index),
    });
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
    this.tables.dropAll();
  }

  // --- address spaces

  /** The guest has loaded an address space, the same one maybe: what it changed before is in force from here. */
  private addressSpaceLoaded(): void {
    const { tables, counted } = this;
    const { shadowCache, prevalidation } = this.options.policy;
    const loaded = this.activeRoots();
    if (shadowCache === 0) {
      counted.evictions += tables.addressSpaces.size;
      counted.cacheMisses++;
      tables.dropAll();
    } else if (loaded.length > 0) {
      counted.cacheHits++;
      for (const root of loaded) tables.touch(root);
      this.synchronise();
    } else {
      counted.cacheMisses++;
    }
    if (prevalidation) this.activeRoot();
  }

  private activeRoot(): ShadowRoot {
    const { tables, counted } = this;
    const directoryGpa = directoryOf(this.mode);
    const known = tables.root(directoryGpa, this.view);
    if (known) return known;
    const { frames, policy } = this.options;
    if (frames.available === 0) this.exhausted();
    const others = new Set(tables.addressSpaces);
    others.delete(directoryGpa);
    for (const oldest of others) {
      if (others.size < Math.max(1, policy.shadowCache)) break;
      others.delete(oldest);
      tables.dropAddressSpace(oldest);
      counted.evictions++;
    }
    const root = tables.createRoot(directoryGpa, this.view);
    if (policy.prevalidation) this.prevalidate(root);
    return root;
  }

  /** The roots of the guest's current address space: one for each view that has been used. */
  private activeRoots(): ShadowRoot[] {
    const directoryGpa = directoryOf(this.mode);
    return VIEWS.flatMap((view) => this.tables.root(directoryGpa, view) ?? []);
  }

  private exhausted(): void {
    this.counted.exhaustions++;
    this.dropAll();
  }

  // --- fills

  private fill(gva: number, mapping: Mapping, write: boolean): void {
    const { host, frames } = this.options;
    if (frames.available < MIN_FRAMES) this.exhausted();
    const pde = this.markUsed(mapping, write);
    const index = gva >>> 22;
    const root = this.activeRoot();
    const table = this.linkedTable(root, index, pde);
    const entryIndex = entryIndexOf(gva);
    const before = this.tables.entry(table, entryIndex);
    if (this.syncTableEntry(table, entryIndex) && before === 0) this.counted.filled++;
    table.idleWrites = 0;
    // What other views know of the address is forgotten with the fault.
    this.synchronisePage(gva, table);
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

  /** The table for directory entry `pde`, linked into a root at `index`. */
  private linkedTable(root: ShadowRoot, index: number, pde: number): ShadowTable {
    const source = sourceOf(pde, this.mode, root.view);
    const known = this.tables.table(source);
    const table = known ?? this.tables.createTable(source);
    this.link(root, index, table);
    if (!known && this.options.policy.prevalidation) this.prefill(table);
    return table;
  }

  private link(root: ShadowRoot, index: number, table: ShadowTable | null): void {
    // Through a new link no TLB can have seen what the table says.
    if (table && root.tables.get(index) !== table && this.tables.pages.isLoose(table))
      this.tighten(pageOf(table.source.gpa));
    this.tables.link(root, index, table);
  }

  /** @returns whether the entry is another one now. */
  private syncTableEntry(table: ShadowTable, index: number): boolean {
    return this.tables.setEntry(table, index, this.derivedEntry(table.source, index));
  }

  /** What the entry at `index` of a table with that source is, going by the guest's tables; 0: nothing is to be mapped. */
  private derivedEntry(source: TableSource, index: number): number {
    const { memory } = this.options.guest;
    // Of a large page's, rights come from the source alone.
    const pte = source.large ? identityPde(0) : memory.read32(source.gpa + index * 4);
    const page = source.large ? pageOf(source.gpa) + index : pageOf((pte & PTE_FRAME) >>> 0);
    if (this.isDevice(page)) return 0;
    return shadowEntry(source, pte, {
      frameHpa: page < this.guestPages ? this.guestHpa + page * PAGE_BYTES : UNBACKED_HPA,
      writeProtect: this.mode.writeProtect,
      traced: this.traces.has(page),
    });
  }

  /** Whether a device of the guest answers in a guest-physical page: never mapped, so that each access is emulated. */
  private isDevice(page: number): boolean {
    return page >= this.guestPages && this.options.guest.memory.outside.claimsPage(page);
  }

  // --- prevalidation

  /**
   * Fills a new address space with what the guest has used in it, so that it need not fault again: the "expensive
   * prevalidation at context switch" that Adams & Agesen (section 2.4) weigh against traces and hidden faults.
   */
  private prevalidate(root: ShadowRoot): void {
    const { guest, frames, charge } = this.options;
    if (root.directoryGpa === null) return;
    for (let index = 0; index < ENTRIES_PER_TABLE; index++) {
      if (index % ENTRIES_PER_ACCESS === 0) charge('vmm.guest.access');
      if (frames.available <= KEPT_FRAMES) return;
      if (this.tables.isReserved(index)) continue;
      const pde = guest.memory.read32(root.directoryGpa + index * 4);
      if (isUsed(pde, this.mode)) this.linkedTable(root, index, pde);
    }
  }

  /** Of a 4 MB page no entry tells which of its parts are in use, so they wait for faults. */
  private prefill(table: ShadowTable): void {
    if (!table.source.large) this.review(table, (entry) => entry === 0);
  }

  // --- traces

  private onTableWrite(table: ShadowTable, byteOffset: number, byteCount: number): void {
    this.counted.tracesFired++;
    if (!this.isActive(table) && ++table.idleWrites >= MAX_IDLE_WRITES) {
      this.tables.dropTable(table);
      return;
    }
    for (const index of entriesTouched(byteOffset, byteCount)) {
      this.options.charge('vmm.guest.access');
      const before = this.tables.entry(table, index);
      this.syncTableEntry(table, index);
      if (before === 0 && this.tables.entry(table, index) !== 0) this.counted.eagerlyFilled++;
    }
  }

  private onDirectoryWrite(root: ShadowRoot, byteOffset: number, byteCount: number): void {
    this.counted.tracesFired++;
    const active = root.directoryGpa === directoryOf(this.mode);
    if (!active && ++root.idleWrites >= MAX_IDLE_WRITES) {
      this.tables.dropRoot(root);
      return;
    }
    const { memory } = this.options.guest;
    for (const index of entriesTouched(byteOffset, byteCount)) {
      if (this.tables.isReserved(index)) continue;
      this.options.charge('vmm.guest.access');
      const pde = memory.read32(root.directoryGpa! + index * 4);
      // Only a table that is there already: a new one waits for its first use.
      const table = isUsed(pde, this.mode)
        ? this.tables.table(sourceOf(pde, this.mode, root.view))
        : undefined;
      this.link(root, index, table ?? null);
    }
  }

  /** Whether the guest's current address space uses a table. */
  private isActive(table: ShadowTable): boolean {
    return this.activeRoots().some((root) =>
      [...table.links].some((hpa) => hpa - (hpa % PAGE_BYTES) === root.hpa),
    );
  }

  // --- lazy traces

  /** @returns whether the guest may write to the page from here on; the trace is wanted otherwise. */
  private loosen(page: number): boolean {
    if (this.options.policy.traces !== 'lazy' || !this.tables.pages.loosen(page)) return false;
    this.counted.loosened++;
    return true;
  }

  /** Brings up to date what the current address space has of tables that the guest may have changed unseen. */
  private synchronise(): void {
    for (const page of this.tables.pages.looseWhere((table) => this.isActive(table))) this.tighten(page);
  }

  private tighten(page: number): void {
    const { prevalidation } = this.options.policy;
    // Of what is not in the shadow nothing can be out of date.
    const wanted = prevalidation ? (): boolean => true : (entry: number): boolean => entry !== 0;
    for (const table of this.tables.pages.tighten(page)) this.review(table, wanted);
  }

  /**
   * Brings the entries for one address up to date, as far as they may not be.
   * @param except is.
   */
  private synchronisePage(gva: number, except: ShadowTable | null = null): void {
    const { tables, options, counted } = this;
    if (!tables.pages.anyLoose) return;
    for (const root of this.activeRoots()) {
      const table = root.tables.get(gva >>> 22);
      if (!table || table === except || !tables.pages.isLoose(table)) continue;
      options.charge('vmm.guest.access');
      counted.synchronised++;
      if (this.syncTableEntry(table, entryIndexOf(gva))) this.flushPages.push(gva);
    }
  }

  /** Derives the entries anew that are `wanted` by what they are now. */
  private review(table: ShadowTable, wanted: (entry: number) => boolean): void {
    const { tables, options, counted } = this;
    let paidFor = -1;
    for (let index = 0; index < ENTRIES_PER_TABLE; index++) {
      const before = tables.entry(table, index);
      if (!wanted(before)) continue;
      const line = Math.floor(index / ENTRIES_PER_ACCESS);
      if (line !== paidFor) options.charge('vmm.guest.access');
      paidFor = line;
      const changed = this.syncTableEntry(table, index);
      if (before !== 0) counted.synchronised++;
      else if (changed) counted.prefilled++;
    }
  }
}

function entryIndexOf(gva: number): number {
  return (gva >>> 12) & (ENTRIES_PER_TABLE - 1);
}

/** Number of the guest-physical page; the address may lie above 4 GB. */
function pageOf(gpa: number): number {
  return Math.floor(gpa / PAGE_BYTES);
}

/** Guest-physical address of the page directory in force; null without paging. */
function directoryOf(mode: PagingMode): number | null {
  return mode.paging ? mode.directoryGpa : null;
}
