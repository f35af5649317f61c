import { PTE_D, PTE_G, PTE_PS, PTE_U, PTE_W } from '../arch/paging.js';

/** Entry flags: the page-table bits that matter, with W and U the logical product of both levels; P marks a valid entry. */
export const TLB_VALID = 1;
export const TLB_W = PTE_W;
export const TLB_U = PTE_U;
export const TLB_D = PTE_D;
export const TLB_LARGE = PTE_PS;
export const TLB_G = PTE_G;

/** Fast-path permission bits; the upper 20 bits of a fast entry are the page's byte address in the host buffer. */
export const FAST_READ_SUPERVISOR = 1;
export const FAST_READ_USER = 2;
export const FAST_WRITE_SUPERVISOR = 4;
export const FAST_WRITE_USER = 8;

const PAGES = 1 << 20;
const PAGES_PER_LARGE = 1 << 10;
/** Fast entries that may be live before all are dropped to start over: enough for the 4 MB pages in use. */
const MAX_FAST_PAGES = 1 << 13;

/**
 * The modelled TLB (design.md, rule 6): unified for 4 KB and 4 MB pages, FIFO within a set, entries tagged by
 * address-space identifier. A hit changes nothing, so {@link fast} may answer in its place: it holds pages of
 * live entries only and can be dropped at any time without effect on the model.
 */
export class Tlb {
  /** By linear page: host address of the page and FAST bits; 0 means ask the model. */
  readonly fast = new Int32Array(PAGES);
  private readonly fastPages = new Int32Array(MAX_FAST_PAGES);
  private fastCount = 0;

  /** Per entry: linear page number (4 KB) or linear large-page number. */
  private readonly tags: Int32Array;
  private readonly asids: Int32Array;
  /** Physical address of the page's first byte. */
  readonly frames: Uint32Array;
  readonly flags: Int32Array;
  /** Per set: the way that is replaced next. */
  private readonly nextWay: Int32Array;
  private readonly setMask: number;
  private readonly ways: number;
  /** Entries whose tag differs from it do not match, global or not. */
  asid = 0;

  /** @throws RangeError unless the number of sets is a power of two. */
  constructor({ entries, ways }: { entries: number; ways: number }) {
    const sets = entries / ways;
    if (!Number.isInteger(sets) || sets < 1 || (sets & (sets - 1)) !== 0) {
      throw new RangeError(`TLB of ${entries} entries in ${ways} ways: sets must be a power of two`);
    }
    this.ways = ways;
    this.setMask = sets - 1;
    this.tags = new Int32Array(entries);
    this.asids = new Int32Array(entries);
    this.frames = new Uint32Array(entries);
    this.flags = new Int32Array(entries);
    this.nextWay = new Int32Array(sets);
  }

  /** @returns the entry that maps `linear` in the current address space, or -1. */
  lookup(linear: number): number {
    const small = this.find(linear >>> 12, 0);
    return small >= 0 ? small : this.find(linear >>> 22, TLB_LARGE);
  }

  /** Replaces the entry of this page if there is one, else the oldest of its set. @returns its index. */
  insert(linear: number, frame: number, flags: number): number {
    const tag = flags & TLB_LARGE ? linear >>> 22 : linear >>> 12;
    let entry = this.find(tag, flags & TLB_LARGE);
    if (entry < 0) {
      const set = tag & this.setMask;
      const way = this.nextWay[set];
      this.nextWay[set] = way + 1 === this.ways ? 0 : way + 1;
      entry = set * this.ways + way;
    }
    this.evict(entry);
    this.tags[entry] = tag;
    this.asids[entry] = this.asid;
    this.frames[entry] = frame;
    this.flags[entry] = flags | TLB_VALID;
    return entry;
  }

  /** Lets `fast` answer for one 4 KB page. */
  setFast(linearPage: number, value: number): void {
    if (this.fast[linearPage] === 0) {
      if (this.fastCount === MAX_FAST_PAGES) this.dropFast();
      this.fastPages[this.fastCount++] = linearPage;
    }
    this.fast[linearPage] = value;
  }

  /** Forgets what `fast` knows; the model stays. For changes of the rights that entries mean (CR0.WP, address space). */
  dropFast(): void {
    for (let at = 0; at < this.fastCount; at++) this.fast[this.fastPages[at]] = 0;
    this.fastCount = 0;
  }

  /** Every entry of every address space, global ones too. */
  flushAll(): void {
    this.flags.fill(0);
    this.nextWay.fill(0);
    this.dropFast();
  }

  /** The entries of one address space. */
  flushAsid(asid: number, keepGlobal: boolean): void {
    for (let entry = 0; entry < this.flags.length; entry++) {
      if (this.asids[entry] === asid && !(keepGlobal && this.flags[entry] & TLB_G)) this.flags[entry] = 0;
    }
    if (asid === this.asid) this.dropFast();
  }

  /** The entries for one linear address in the current address space, global ones too. */
  invalidate(linear: number): void {
    for (;;) {
      const entry = this.lookup(linear);
      if (entry < 0) break;
      this.evict(entry);
    }
    this.fast[linear >>> 12] = 0;
  }

  /** Live entries as data, for views and tests: set by set, way by way. */
  entries(): { linear: number; physical: number; flags: number; asid: number }[] {
    const live = [];
    for (let entry = 0; entry < this.flags.length; entry++) {
      const flags = this.flags[entry];
      if (flags === 0) continue;
      const linear = (this.tags[entry] << (flags & TLB_LARGE ? 22 : 12)) >>> 0;
      live.push({ linear, physical: this.frames[entry], flags, asid: this.asids[entry] });
    }
    return live;
  }

  private find(tag: number, large: number): number {
    const first = (tag & this.setMask) * this.ways;
    for (let entry = first; entry < first + this.ways; entry++) {
      const flags = this.flags[entry];
      if (
        flags !== 0 &&
        this.tags[entry] === tag &&
        (flags & TLB_LARGE) === large &&
        this.asids[entry] === this.asid
      ) {
        return entry;
      }
    }
    return -1;
  }

  private evict(entry: number): void {
    const flags = this.flags[entry];
    if (flags === 0) return;
    this.flags[entry] = 0;
    if (this.asids[entry] !== this.asid) return;
    if (flags & TLB_LARGE) {
      const first = this.tags[entry] * PAGES_PER_LARGE;
      this.fast.fill(0, first, first + PAGES_PER_LARGE);
    } else {
      this.fast[this.tags[entry]] = 0;
    }
  }
}
