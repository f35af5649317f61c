import { CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE, EFER_NXE } from '../arch/control.js';
import {
  PAE_ROOT_MASK,
  PTE_D,
  PTE_FRAME,
  PTE_G,
  PTE_P,
  PTE_U,
  PTE_W,
  pagingFormats,
} from '../arch/paging.js';
import type { PagingFormat, PagingFormats } from '../arch/paging.js';
import { CR0_I32, CR3_I32, CR4_I32, EFER_I32, PDPTE_OFFSET } from '../arch/state.js';
import { PF_PRESENT } from '../arch/vectors.js';
import { COST_KEY_INDEX } from '../cost/keys.js';
import type { Ledger } from '../cost/ledger.js';
import type { CpuProfile } from '../cost/profile.js';
import { throughA20 } from '../platform/a20.js';
import type { PhysicalMemory } from '../platform/memory.js';
import {
  markUsed,
  pageAccess,
  pageFaultCode,
  PageWalk,
  permits,
  tableAddress,
  walkTables,
} from '../platform/page-walk.js';
import type { PageAccess, TableAccess } from '../platform/page-walk.js';
import type { Fault } from './fault.js';
import { NestedPaging, TABLE_ACCESS } from './nested-paging.js';
import type { NestedAccess, NestedTranslation } from './processor.js';
import type { NestedFault, NestedRoot } from './nested-paging.js';
import type { StateArea } from './state.js';
import * as tlb from './tlb.js';
import { Tlb } from './tlb.js';
import type { TlbArea } from './tlb-area.js';
import { WalkCache } from './walk-cache.js';

const PAGE_MASK = 0xfff;
const REFERENCE = COST_KEY_INDEX['walk.reference'];
const PDPTE_I32 = PDPTE_OFFSET >> 2;
const PDPTE_COUNT = 4;
/** A page-directory-pointer entry covers 1 GB. */
const PDPTE_SHIFT = 30;
const NO_DIRECTORIES: readonly null[] = [];

/** Where a walk begins. */
export interface PagingRoot {
  readonly format: PagingFormat;
  /** Of `format.levels`. */
  readonly level: number;
  /** Of the table of that level; unsigned. Null: the entry above it, held in a register, is not present. */
  readonly table: number | null;
}

/** What the guest's tables say while its paging is off: everything is there for everyone, in the largest pages. */
const IDENTITY_RIGHTS = PTE_W | PTE_U | PTE_D;

/** Linear to physical: two-level and PAE paging, nested ones too, through the modelled TLB. */
export class Mmu implements TableAccess {
  readonly tlb: Tlb;
  private readonly walkCache: WalkCache;
  /** What every physical address is ANDed with: all ones while the A20 gate is open; signed. */
  addressMask = -1;
  private readonly formats: PagingFormats;
  /** That of the current mode. */
  private format: PagingFormat;
  private noExecuteEnabled = false;
  private readonly tables = new PageWalk();
  /** Linear pages that the short path never answers for, being watched. */
  private slowPages: ReadonlySet<number> | null = null;
  /** Of {@link probe}: nobody keeps it. */
  private readonly probed = new PageWalk();
  private readonly freeAccess: TableAccess;
  /** Of the walks of a guest with nested paging. */
  private readonly guestAccess: TableAccess;
  /** The second dimension, while a guest with nested paging runs; else null. */
  private nested: NestedPaging | null = null;
  private readonly secondDimension: NestedPaging;
  /** Leaves the guest with a nested page fault; put in by SVM. */
  onNestedFault: (fault: NestedFault) => never = () => {
    throw new Error('a nested page fault outside guest mode');
  };

  constructor(
    private readonly state: StateArea,
    readonly memory: PhysicalMemory,
    ledger: Ledger,
    private readonly fault: Fault,
    profile: CpuProfile,
    area?: TlbArea,
  ) {
    this.tlb = new Tlb(profile.tlb, area);
    this.walkCache = new WalkCache(profile, ledger);
    this.freeAccess = { memory, locate: (address) => this.masked(address) };
    this.formats = pagingFormats(profile);
    this.format = this.formats.twoLevel;
    this.guestAccess = { memory, locate: (gpa, upper) => this.locateGuestEntry(gpa, upper) };
    this.secondDimension = new NestedPaging(
      memory,
      this.walkCache,
      this.formats,
      (address) => this.masked(address),
      (fault) => this.onNestedFault(fault),
    );
  }

  /** VMRUN with nested paging, or with null its end. To be followed by a reload of the registers. */
  setNested(root: NestedRoot | null): void {
    this.nested = root === null ? null : this.secondDimension;
    if (root !== null) this.secondDimension.enter(root);
    this.modeChanged();
    this.tlb.dropFast();
  }

  /** Follows a change of CR4 or EFER. Entries and fast entries stay: whoever changes the mode flushes what must go. */
  modeChanged(): void {
    const cr4 = this.state.s32[CR4_I32];
    const { formats } = this;
    if ((cr4 & CR4_PAE) !== 0) {
      this.noExecuteEnabled = (this.state.s32[EFER_I32] & EFER_NXE) !== 0;
      this.format = this.noExecuteEnabled ? formats.paeNx : formats.pae;
    } else {
      this.noExecuteEnabled = false;
      this.format = (cr4 & CR4_PSE) !== 0 ? formats.twoLevelPse : formats.twoLevel;
    }
    const shift = (cr4 & CR4_PAE) !== 0 ? tlb.SHIFT_2MB : tlb.SHIFT_4MB;
    // Entries have the size of the smaller page.
    this.tlb.largeShift = this.nested?.largeShift === tlb.SHIFT_2MB ? tlb.SHIFT_2MB : shift;
  }

  /**
   * Translates one access within a page, filling the TLB and setting A and D as hardware does.
   * @returns the physical address, unsigned, maybe beyond memory. @throws Fault #PF.
   */
  access(linear: number, write: boolean, user: boolean, fetch = false): number {
    const physical = this.tryAccess(linear, write, user, fetch);
    if (physical < 0) throw this.fault;
    return physical;
  }

  /** As {@link access}, but a page fault is left in `fault`, without a throw. @returns -1 then. */
  tryAccess(linear: number, write: boolean, user: boolean, fetch: boolean): number {
    const cr0 = this.state.s32[CR0_I32];
    if ((cr0 & CR0_PG) === 0 && this.nested === null) {
      const physical = linear & this.addressMask;
      this.fillFast(linear, (physical & ~PAGE_MASK) >>> 0, tlb.FAST_ALL);
      return physical >>> 0;
    }
    let entry = this.tlb.lookup(linear);
    // An entry that denies the access, or a first write, makes the processor walk the tables as they are now.
    if (entry < 0 || !allows(this.tlb.flags[entry], cr0, write, user, fetch)) {
      const access = pageAccess(write, user, fetch);
      entry = this.nested === null ? this.walk(linear, access) : this.walkNested(this.nested, linear, access);
    }
    if (entry < 0) return -1;
    const flags = this.tlb.flags[entry];
    const physical = this.masked(this.tlb.frames[entry] + (linear & this.tlb.offsetMask(flags)));
    this.fillFast(linear, physical - (linear & PAGE_MASK), fastBits(flags, cr0));
    return physical;
  }

  /** Walks without side effects. @returns the physical address or null. */
  probe(linear: number, access: PageAccess): number | null {
    if (this.nested !== null) return this.probeNested(this.nested, linear, access);
    if ((this.state.s32[CR0_I32] & CR0_PG) === 0) return (linear & this.addressMask) >>> 0;
    const walk = this.inspect(linear, this.probed);
    if (walk === null || walk.cause >= 0 || !permits(walk, access, this.writeProtect)) return null;
    return this.masked(walk.frame + (linear & ((1 << walk.pageShift) - 1)));
  }

  /** The tables' entries for `linear` as they are now, for views; null when a PDPTE register ends the way. Paging must be on. */
  inspect(linear: number, walk = new PageWalk()): PageWalk | null {
    const { format, level, table } = this.root(linear);
    if (table === null) return null;
    walkTables(walk, format, level, table, linear, this.freeAccess);
    return walk;
  }

  /** Where the walk for `linear` begins. */
  root(linear: number): PagingRoot {
    const { format, state } = this;
    if (format.entryBytes === 4) {
      return { format, level: 0, table: (state.s32[CR3_I32] & PTE_FRAME) >>> 0 };
    }
    // With nested paging the PDPTEs are read in each walk (APM vol. 2, section 15.25.10 "Legacy PAE Mode").
    if (this.nested !== null) return { format, level: 0, table: (state.s32[CR3_I32] & PAE_ROOT_MASK) >>> 0 };
    const at = PDPTE_I32 + (linear >>> 30) * 2;
    const low = state.s32[at];
    return { format, level: 1, table: (low & PTE_P) === 0 ? null : tableAddress(low, state.s32[at + 1]) };
  }

  get pageDirectories(): readonly (number | null)[] {
    if (!this.usesPointers) return NO_DIRECTORIES;
    return Array.from({ length: PDPTE_COUNT }, (_, at) => this.root(at << PDPTE_SHIFT).table);
  }

  get usesNested(): boolean {
    return this.nested !== null;
  }

  /** Walks are of two-level tables and nothing else, and no page is kept off the short path. */
  get walksTwoLevels(): boolean {
    return (
      (this.state.s32[CR0_I32] & CR0_PG) !== 0 &&
      this.format.entryBytes === 4 &&
      this.nested === null &&
      !this.walkCache.exists &&
      this.addressMask === -1 &&
      this.slowPages === null
    );
  }

  /** PAE paging is on: CR3 has loaded the PDPTE registers. Nested paging does without. */
  get usesPointers(): boolean {
    if (this.nested !== null) return false;
    return this.format.entryBytes === 8 && (this.state.s32[CR0_I32] & CR0_PG) !== 0;
  }

  /**
   * Reads the four page-directory-pointer entries that `cr3` names into their registers (Intel SDM vol. 3A, section 4.4.1
   * "PDPTE Registers"). @returns false, with nothing changed, when one that is present has a reserved bit set.
   */
  loadPointers(cr3: number): boolean {
    const words = this.readPointers(cr3);
    if (words === null) return false;
    this.state.s32.set(words, PDPTE_I32);
    return true;
  }

  /** @returns the page-directory-pointer entries in halves, or null when one that is present has a reserved bit set. */
  readPointers(cr3: number): number[] | null {
    const { memory } = this;
    const [low, high] = this.formats.pae.levels[0].tableReserved;
    const address = this.masked((cr3 & PAE_ROOT_MASK) >>> 0);
    const words = Array.from({ length: PDPTE_COUNT * 2 }, (_, at) => memory.read32(address + at * 4) | 0);
    for (let at = 0; at < words.length; at += 2) {
      const isPresent = (words[at] & PTE_P) !== 0;
      if (isPresent && ((words[at] & low) !== 0 || (words[at + 1] & high) !== 0)) return null;
    }
    return words;
  }

  /** Where an entry lies; reading it is charged. */
  locate(address: number, upper: boolean): number {
    const hpa = this.masked(address);
    this.walkCache.charge(REFERENCE, hpa, upper);
    return hpa;
  }

  /** What a CR3 write does: global entries stay when CR4.PGE is set. */
  flushNonGlobal(): void {
    this.tlb.flushAsid(this.tlb.asid, (this.state.s32[CR4_I32] & CR4_PGE) !== 0);
  }

  flushAll(): void {
    this.tlb.flushAll();
  }

  flushAsid(asid: number): void {
    this.tlb.flushAsid(asid, false);
  }

  /** Switches the address space that lookups and fills belong to. */
  setAsid(asid: number): void {
    this.tlb.setAsid(asid);
  }

  private get writeProtect(): boolean {
    return (this.state.s32[CR0_I32] & CR0_WP) !== 0;
  }

  /** Reads the tables for one access. @returns the TLB entry that it filled, or -1: it is a page fault. */
  private walk(linear: number, access: PageAccess): number {
    const { tables } = this;
    const { format, level, table } = this.root(linear);
    if (table === null) return this.pageFault(linear, 0, access);
    if (!walkTables(tables, format, level, table, linear, this)) {
      return this.pageFault(linear, tables.cause, access);
    }
    if (!permits(tables, access, this.writeProtect)) return this.pageFault(linear, PF_PRESENT, access);
    const leaf = markUsed(this, tables, access.write);
    const global = this.state.s32[CR4_I32] & CR4_PGE ? PTE_G : 0;
    let flags = tables.rights | (leaf & (PTE_D | global));
    if (tables.noExecute) flags |= tlb.TLB_NX;
    if (tables.pageShift !== 12) flags |= tlb.TLB_LARGE;
    return this.tlb.insert(linear, tables.frame, flags);
  }

  /**
   * The two-dimensional walk of one access (APM vol. 2, section 15.25.5 "Nested Table Walk"): the address of each entry of
   * the guest's tables goes through the nested ones, and so does the address that they lead to.
   * @returns the TLB entry that it filled: linear to host-physical; -1: it is a page fault of the guest. @throws VmExit.
   */
  private walkNested(nested: NestedPaging, linear: number, access: PageAccess): number {
    const { tables, guestAccess: guest } = this;
    const paging = (this.state.s32[CR0_I32] & CR0_PG) !== 0;
    let frame = (linear & (-1 << tlb.SHIFT_4MB)) >>> 0;
    let pageShift: number = tlb.SHIFT_4MB;
    let flags = IDENTITY_RIGHTS;
    if (paging) {
      const { format, level, table } = this.root(linear);
      if (!walkTables(tables, format, level, table ?? 0, linear, guest)) {
        return this.pageFault(linear, tables.cause, access);
      }
      if (!permits(tables, access, this.writeProtect)) return this.pageFault(linear, PF_PRESENT, access);
      ({ frame, pageShift } = tables);
    }
    nested.translateFinal(frame + (linear & ((1 << pageShift) - 1)), access);
    if (paging) {
      const leaf = markUsed(guest, tables, access.write);
      const global = this.state.s32[CR4_I32] & CR4_PGE ? PTE_G : 0;
      flags = tables.rights | (leaf & (PTE_D | global)) | (tables.noExecute ? tlb.TLB_NX : 0);
    }
    return this.insertCombined(nested, linear, { frame, pageShift, flags });
  }

  /** The entry takes the smaller of both pages; it lets a write through only when both dimensions do. */
  private insertCombined(
    { walk, writable }: NestedPaging,
    linear: number,
    { frame, pageShift, flags }: { frame: number; pageShift: number; flags: number },
  ): number {
    // With paging off CR4.PAE still says what size a large entry has.
    const shift = Math.min(pageShift, walk.pageShift, this.tlb.largeShift);
    let combined = flags;
    if (!writable) combined &= ~PTE_D;
    if (walk.noExecute) combined |= tlb.TLB_NX;
    if (shift !== 12) combined |= tlb.TLB_LARGE;
    if (pageShift > shift) this.tlb.hasFragments = true;
    // Where the entry's first byte is: of the guest's page in the guest's memory, then of that in the nested page.
    const gpa = frame + (linear & ((1 << pageShift) - 1) & (-1 << shift));
    return this.tlb.insert(linear, walk.frame + (gpa & ((1 << walk.pageShift) - 1)), combined);
  }

  /** For a monitor whose guest runs a guest of its own: see Processor.translateNested. */
  translateNested(gpa: number, { write, fetch, table }: NestedAccess): NestedTranslation | null {
    const { nested } = this;
    if (nested === null) return null;
    const access = table ? TABLE_ACCESS : { write, user: true, fetch };
    if (nested.probe(gpa, access) === null) return null;
    const physical = table ? nested.translateTable(gpa) : nested.translateFinal(gpa, access);
    return { physical, writable: nested.writable, executable: !nested.walk.noExecute };
  }

  private locateGuestEntry(gpa: number, upper: boolean): number {
    const hpa = this.secondDimension.translateTable(gpa);
    this.walkCache.charge(REFERENCE, hpa, upper);
    return hpa;
  }

  private probeNested(nested: NestedPaging, linear: number, access: PageAccess): number | null {
    if ((this.state.s32[CR0_I32] & CR0_PG) === 0) return nested.probe(linear, access);
    let reachable = true;
    const walk = new PageWalk();
    const { format, level, table } = this.root(linear);
    const found = walkTables(walk, format, level, table ?? 0, linear, {
      memory: this.memory,
      locate: (gpa) => {
        const hpa = nested.probe(gpa, { write: true, user: true, fetch: false });
        reachable &&= hpa !== null;
        return hpa ?? 0;
      },
    });
    if (!reachable || !found || !permits(walk, access, this.writeProtect)) return null;
    return nested.probe(walk.frame + (linear & ((1 << walk.pageShift) - 1)), access);
  }

  /** A fault takes what the TLB holds for the address with it (Intel SDM vol. 3A, section 4.10.4.1 "Operations that Invalidate TLBs and Paging-Structure Caches"). */
  private pageFault(linear: number, cause: number, access: PageAccess): number {
    this.tlb.invalidate(linear);
    this.fault.setPageFault(linear, pageFaultCode(cause, access, this.noExecuteEnabled));
    return -1;
  }

  /** A physical address as the A20 gate lets it through. */
  private masked(address: number): number {
    return throughA20(address, this.addressMask);
  }

  /** Keeps pages off the short path; what the TLB holds does not change. */
  setSlowPages(linearPages: ReadonlySet<number>): void {
    this.slowPages = linearPages.size > 0 ? linearPages : null;
    this.tlb.dropFast();
  }

  private fillFast(linear: number, physicalPage: number, bits: number): void {
    const { memory } = this;
    if (physicalPage >= memory.sizeBytes || this.slowPages?.has(linear >>> 12)) return;
    this.tlb.setFast(linear >>> 12, (memory.baseBytes + physicalPage) | bits);
  }
}

/** Whether a TLB entry's flags allow the access at once: a write also needs D set. */
function allows(flags: number, cr0: number, write: boolean, user: boolean, fetch: boolean): boolean {
  if (user && (flags & PTE_U) === 0) return false;
  if (fetch && (flags & tlb.TLB_NX) !== 0) return false;
  if (!write) return true;
  if ((flags & PTE_W) === 0 && (user || (cr0 & CR0_WP) !== 0)) return false;
  return (flags & PTE_D) !== 0;
}

function fastBits(flags: number, cr0: number): number {
  const user = (flags & PTE_U) !== 0;
  const dirty = (flags & PTE_D) !== 0;
  const writable = dirty && (flags & PTE_W) !== 0;
  const executable = (flags & tlb.TLB_NX) === 0;
  let bits = tlb.FAST_READ_SUPERVISOR;
  if (user) bits |= tlb.FAST_READ_USER;
  if (executable) bits |= tlb.FAST_FETCH_SUPERVISOR;
  if (executable && user) bits |= tlb.FAST_FETCH_USER;
  if (dirty && (writable || (cr0 & CR0_WP) === 0)) bits |= tlb.FAST_WRITE_SUPERVISOR;
  if (writable && user) bits |= tlb.FAST_WRITE_USER;
  return bits;
}
