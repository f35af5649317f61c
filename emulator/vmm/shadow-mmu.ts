import { CR4_PAE, EFER_NXE } from '../arch/control.js';
import { PAGE_BYTES, pagingFormats } from '../arch/paging.js';
import type { PagingFormats } from '../arch/paging.js';
import { PF_FETCH, PF_USER, PF_WRITE } from '../arch/vectors.js';
import { GuestEntries, pageOf } from './guest-entries.js';
import { walkGuest } from './guest-walk.js';
import type { Entry, Mapping } from './guest-walk.js';
import { windowHpa } from './layout.js';
import { addressSpaceGpa, isSame, pagingMode, seenOf } from './paging-state.js';
import type { PagingMode, PagingState, SeenState } from './paging-state.js';
import { entriesTouched, sourceOf } from './shadow-entry.js';
import {
  directoryIndex,
  directoryNumber,
  framesForFill,
  framesForRoot,
  layoutOf,
  tableIndex,
} from './shadow-layout.js';
import type { ShadowLayout } from './shadow-layout.js';
import { lookAt } from './shadow-look.js';
import type { ShadowLook } from './shadow-look.js';
import { noStatistics } from './shadow-statistics.js';
import type { ShadowStatistics } from './shadow-statistics.js';
import { spaceOf } from './shadow-table.js';
import type { AddressSpace, ShadowDirectory, ShadowRoot, ShadowTable, View } from './shadow-table.js';
import { ACCESS_BYTES, ShadowSync } from './shadow-sync.js';
import { ShadowTables } from './shadow-tables.js';
import type { ReservedRange } from './shadow-tables.js';
import type { FaultOutcome, PendingFlush, ShadowOptions } from './shadow-types.js';
import { Traces } from './traces.js';
import type { Trace, TraceListener } from './traces.js';

const VIEWS: readonly View[] = ['shared', 'kernel', 'user'];
/**
 * Writes to the source of tables outside the active address space after which they are dropped: the guest is
 * then taken to have given the page up, and the trace would only cost.
 */
const MAX_IDLE_WRITES = 3;
const ACCESSES_PER_PAGE = PAGE_BYTES / ACCESS_BYTES;

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
  private readonly entries: GuestEntries;
  private readonly sync: ShadowSync;
  /** The guest's address space in force. */
  private space: AddressSpace;
  /** Of the guest's page tables. */
  private readonly formats: PagingFormats;
  private currentView: View = 'shared';
  private readonly tables: ShadowTables;
  private readonly traces: Traces;
  private readonly counted: ShadowStatistics = noStatistics();
  /** What {@link follow} saw last. */
  private seen: SeenState;
  private relaxes = false;
  private flushAll = true;
  private flushPages: number[] = [];

  /** @throws RangeError when the monitor's area cannot hold even one address space. */
  constructor(private readonly options: ShadowOptions) {
    const { frames, guest, host, charge } = options;
    this.formats = pagingFormats(guest.profile);
    const guestHpa = windowHpa(host, guest);
    const mode = pagingMode(guest.cpu, this.formats);
    this.entries = new GuestEntries(guest.memory, guestHpa, mode, (page) => this.traces.has(page));
    this.space = spaceOf(this.mode);
    this.seen = seenOf(guest.cpu);
    const needed = framesForFill(this.layout);
    if (frames.available < needed)
      throw new RangeError(`shadow page tables need ${needed} frames, ${frames.available} are left`);

    this.traces = new Traces(guest.memory, (page) => this.tables.protect(page));
    this.tables = new ShadowTables({
      memory: host.memory,
      guestHpa,
      frames,
      traces: this.traces,
      charge,
      listeners: {
        directory: (directory) => (offset, bytes) => this.onDirectoryWrite(directory, offset, bytes),
        table: (table) => (offset, bytes) => this.onTableWrite(table, offset, bytes),
      },
      onUnmapped: () => (this.flushAll = true),
    });
    this.sync = new ShadowSync(this.tables, this.entries, options, this.counted, (gva) => {
      this.flushPages.push(gva);
    });
  }

  private get mode(): PagingMode {
    return this.entries.mode;
  }

  /** Host-physical address for the host's CR3: the shadow of the guest's current address space. */
  get rootHpa(): number {
    return this.activeRoot().hpa;
  }

  /** CR4.PAE and EFER.NXE as the host must have them for the tables behind {@link rootHpa}. */
  get hostCr4(): number {
    return this.layout.entryBytes === 8 ? CR4_PAE : 0;
  }
  get hostEfer(): number {
    return this.mode.noExecute ? EFER_NXE : 0;
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
   * Follows the guest's processor: selects the address space, drops everything when CR0.WP, CR4.PSE, CR4.PAE, EFER.NXE or
   * the A20 gate changed the meaning of all entries, and forgets what the guest has made its processor forget. To be called
   * after every instruction that the virtual processor has executed, and whenever its CR0, CR3 or CR4 may have changed.
   */
  follow(state: PagingState): void {
    const { seen } = this;
    if (isSame(state, seen)) return;
    this.seen = seenOf(state);
    const mode = pagingMode(state, this.formats);
    const before = this.mode;
    this.entries.mode = mode;
    // Without paging the bits mean nothing, and the tables that knew them may serve again if the host can have both.
    if (!mode.paging && layoutOf(mode.format) === layoutOf(before.format)) {
      const { writeProtect, format, noExecute } = before;
      this.entries.mode = { ...mode, writeProtect, format, noExecute };
    }
    const { writeProtect, format, addressMask } = this.mode;
    if (
      writeProtect !== before.writeProtect ||
      format !== before.format ||
      addressMask !== before.addressMask
    )
      this.dropAll();
    const { name } = this.space;
    this.space = spaceOf(this.mode);
    const changed = this.space.name !== name;
    if (changed) {
      this.flushAll = true;
      if (mode.paging) {
        const { host } = this.options;
        host.trace.record({ ticks: host.ledger.ticks, kind: 'cr3', value: addressSpaceGpa(state) });
      }
    }
    const { flushes, invalidations, lastInvalidated } = state.tlbHistory;
    const invalidated = invalidations - seen.tlbHistory.invalidations;
    const flushed = changed || flushes !== seen.tlbHistory.flushes;
    if (flushed) this.addressSpaceLoaded();
    else if (invalidated === 1) this.synchronisePage(lastInvalidated);
    else if (invalidated > 1) this.synchronise();
  }

  /**
   * Finds out what a page fault on the shadow tables means, and fills the shadow if it was hidden.
   * @param errorCode as the host's MMU gave it: of it, the write, user and fetch bits count.
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
    const access = {
      write: (errorCode & PF_WRITE) !== 0,
      user: (errorCode & PF_USER) !== 0,
      fetch: (errorCode & PF_FETCH) !== 0,
    };
    const { guest, charge } = this.options;
    charge('vmm.fault');
    const walk = walkGuest(guest.memory, this.mode, gva, access, () => charge('vmm.guest.access'));
    if (walk.kind === 'fault') return { kind: 'true', errorCode: walk.errorCode };
    if (this.tables.isReserved(gva) || this.entries.isDevice(pageOf(walk.gpa))) return { kind: 'emulate' };
    if (access.write) {
      const page = pageOf(walk.gpa);
      if (this.traces.has(page) && !this.sync.loosen(page) && !this.relax(page))
        return { kind: 'trace', page };
      // A supervisor write to a user's read-only page, with CR0.WP clear: an entry that allowed it would allow the user too.
      if (!walk.writable && walk.user && this.mode.paging && this.view === 'shared')
        return { kind: 'emulate' };
    }
    this.fill(gva, walk, access.write);
    return { kind: 'hidden' };
  }

  /** The guest executed INVLPG, or did what implies it. Linear addresses of one large page go together. */
  invalidate(gva: number): void {
    const root = this.tables.root(this.space, this.view);
    const table = root && this.tableAt(root, gva);
    // A directory entry that changed from or to a large page is no longer linked: what it left in the TLB is unknown.
    if (!table || table.source.large) this.flushAll = true;
    else this.flushPages.push(gva);
  }

  /** Nothing that the host's TLB holds of the guest's may be used any more: the guest may have flushed its own. */
  invalidateAll(): void {
    this.flushAll = true;
  }

  /** Traces a guest page for another purpose than page tables: descriptor tables, translated code. See {@link translates}. */
  trace(page: number, listener: TraceListener): Trace {
    return this.traces.add(page, listener, 'translation');
  }

  isTraced(page: number): boolean {
    return this.traces.has(page);
  }

  /** A page is traced for the shadow tables themselves. */
  holdsTables(page: number): boolean {
    return this.traces.hasTables(page);
  }

  /**
   * Whether anybody needs to hear of writes to code and descriptors as they happen. While nobody does, a page that is traced
   * for them alone is given to the guest at the first write, its content kept; afterwards it is compared with that.
   */
  set translates(translates: boolean) {
    this.relaxes = !translates;
    if (translates) this.options.charge('vmm.guest.access', this.traces.restore() * ACCESSES_PER_PAGE);
  }

  /** The shadow of a linear address as it is, beside what it would be if it were made now. Changes nothing. */
  look(gva: number): ShadowLook {
    const { tables, mode, space, view, options } = this;
    return lookAt(gva, {
      ...{ tables, mode, space, view, host: options.host.memory, guest: options.guest.memory },
      derive: (source, index) => this.entries.derived(source, index),
    });
  }

  /** {@link takeFlush} would give something. */
  get hasPendingFlush(): boolean {
    return this.flushAll || this.flushPages.length > 0;
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
      counted.evictions += tables.spaces.size;
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
    const { space } = this;
    const known = tables.root(space, this.view);
    if (known) return known;
    const { frames, policy } = this.options;
    if (frames.available < framesForRoot(this.layout)) this.exhausted();
    const others = new Set(tables.spaces);
    others.delete(space.name);
    for (const oldest of others) {
      if (others.size < Math.max(1, policy.shadowCache)) break;
      others.delete(oldest);
      tables.dropAddressSpace(oldest);
      counted.evictions++;
    }
    const root = tables.createRoot(space, this.view, this.layout);
    if (policy.prevalidation) this.prevalidate(root);
    return root;
  }

  /** The roots of the guest's current address space: one for each view that has been used. */
  private activeRoots(): ShadowRoot[] {
    return VIEWS.flatMap((view) => this.tables.root(this.space, view) ?? []);
  }

  /** The directories of these. */
  private activeDirectories(): ShadowDirectory[] {
    return this.activeRoots().flatMap(({ directories }) => directories);
  }

  /** The directory of a root that a linear address belongs to. */
  private directoryAt(root: ShadowRoot, gva: number): ShadowDirectory {
    return root.directories[directoryNumber(this.layout, gva)];
  }

  private tableAt(root: ShadowRoot, gva: number): ShadowTable | undefined {
    return this.directoryAt(root, gva).tables.get(directoryIndex(this.layout, gva));
  }

  private get layout(): ShadowLayout {
    return layoutOf(this.mode.format);
  }

  private exhausted(): void {
    this.counted.exhaustions++;
    this.dropAll();
  }

  // --- fills

  private fill(gva: number, mapping: Mapping, write: boolean): void {
    const { host, frames } = this.options;
    const { layout } = this;
    if (frames.available < framesForFill(layout)) this.exhausted();
    const pde = this.entries.markUsed(mapping, write);
    const directory = this.directoryAt(this.activeRoot(), gva);
    const table = this.linkedTable(directory, directoryIndex(layout, gva), pde);
    const index = tableIndex(layout, gva);
    const before = this.tables.entry(table, index);
    if (this.sync.entry(table, index) && before === 0) this.counted.filled++;
    table.idleWrites = 0;
    // What other views know of the address is forgotten with the fault.
    this.synchronisePage(gva, table);
    host.trace.record({ ticks: host.ledger.ticks, kind: 'shadowFill', gva, gpa: mapping.gpa });
  }

  /** The table for directory entry `pde`, linked into a directory at `index`. */
  private linkedTable(directory: ShadowDirectory, index: number, pde: Entry): ShadowTable {
    const source = sourceOf(pde, this.mode, directory.view);
    const known = this.tables.table(source);
    const table = known ?? this.tables.createTable(source, this.layout);
    this.link(directory, index, table);
    if (!known && this.options.policy.prevalidation) this.sync.prefill(table);
    return table;
  }

  private link(directory: ShadowDirectory, index: number, table: ShadowTable | null): void {
    // Through a new link no TLB can have seen what the table says.
    if (table && directory.tables.get(index) !== table && this.tables.pages.isLoose(table))
      this.sync.tighten(pageOf(table.source.gpa));
    this.tables.link(directory, index, table);
  }

  // --- prevalidation

  /**
   * Fills a new address space with what the guest has used in it, so that it need not fault again: the "expensive
   * prevalidation at context switch" that Adams & Agesen (section 2.4) weigh against traces and hidden faults.
   */
  private prevalidate({ directories }: ShadowRoot): void {
    const { frames, charge } = this.options;
    const { layout } = this;
    // For the fill that this came with and another one, so that not every fault has to clear up.
    const kept = 2 * framesForFill(layout);
    for (const directory of directories) {
      if (typeof directory.source !== 'number') continue;
      for (let index = 0; index < layout.entriesPerTable; index++) {
        const at = index * layout.entryBytes;
        if (at % ACCESS_BYTES === 0) charge('vmm.guest.access');
        if (frames.available <= kept) return;
        if (this.tables.isReserved(directory.linearOf(index))) continue;
        const pde = this.entries.read(directory.source + at);
        if (this.entries.isUsedDirectory(pde)) this.linkedTable(directory, index, pde);
      }
    }
  }

  // --- traces

  private onTableWrite(table: ShadowTable, byteOffset: number, byteCount: number): void {
    this.counted.tracesFired++;
    if (!this.isActive(table) && ++table.idleWrites >= MAX_IDLE_WRITES) {
      this.tables.dropTable(table);
      return;
    }
    for (const index of entriesTouched(byteOffset, byteCount, this.layout.entryBytes)) {
      this.options.charge('vmm.guest.access');
      const before = this.tables.entry(table, index);
      this.sync.entry(table, index);
      if (before === 0 && this.tables.entry(table, index) !== 0) this.counted.eagerlyFilled++;
    }
  }

  private onDirectoryWrite(directory: ShadowDirectory, byteOffset: number, byteCount: number): void {
    this.counted.tracesFired++;
    const active = this.activeDirectories().includes(directory);
    if (!active && ++directory.idleWrites >= MAX_IDLE_WRITES) {
      this.tables.dropDirectory(directory);
      return;
    }
    const { mode, layout } = this;
    for (const index of entriesTouched(byteOffset, byteCount, layout.entryBytes)) {
      if (this.tables.isReserved(directory.linearOf(index))) continue;
      this.options.charge('vmm.guest.access');
      const gpa = Number(directory.source) + index * layout.entryBytes;
      const pde = this.entries.read(gpa);
      // Only a table that is there already: a new one waits for its first use.
      const table = this.entries.isUsedDirectory(pde)
        ? this.tables.table(sourceOf(pde, mode, directory.view))
        : undefined;
      this.link(directory, index, table ?? null);
    }
  }

  /** Whether the guest's current address space uses a table. */
  private isActive(table: ShadowTable): boolean {
    return this.activeDirectories().some((directory) =>
      [...table.links].some((hpa) => hpa - (hpa % PAGE_BYTES) === directory.hpa),
    );
  }

  /** @returns whether the guest may write to the page until translation goes on. */
  private relax(page: number): boolean {
    if (!this.relaxes || !this.traces.relax(page)) return false;
    this.options.charge('vmm.guest.access', ACCESSES_PER_PAGE);
    return true;
  }

  /** Brings up to date what the current address space has of tables that the guest may have changed unseen. */
  private synchronise(): void {
    this.sync.tightenWhere((table) => this.isActive(table));
  }

  /**
   * Brings the entries for one address up to date, as far as they may not be.
   * @param except is.
   */
  private synchronisePage(gva: number, except: ShadowTable | null = null): void {
    if (!this.tables.pages.anyLoose) return;
    for (const root of this.activeRoots()) {
      const table = this.tableAt(root, gva);
      if (table && table !== except) this.sync.page(table, gva);
    }
  }
}
