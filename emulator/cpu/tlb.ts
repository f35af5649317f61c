import { PTE_D, PTE_G, PTE_PS, PTE_U, PTE_W } from '../arch/paging.js';
import { LINEAR_PAGES, MAX_FAST_PAGES, tlbArea } from './tlb-area.js';
import type { TlbArea, TlbShape } from './tlb-area.js';

/** Entry flags: the page-table bits that matter, with W and U the logical product of all levels; P marks a valid entry. */
export const TLB_VALID = 1;
export const TLB_W = PTE_W;
export const TLB_U = PTE_U;
export const TLB_D = PTE_D;
/** A large page, of the size that {@link Tlb.largeShift} had when the entry was made. */
export const TLB_LARGE = PTE_PS;
export const TLB_G = PTE_G;
/** No instruction may be fetched from the page. */
export const TLB_NX = 1 << 9;
/** Of a large page: it has 2 MB, else 4 MB. Set by {@link Tlb.insert}. */
const TLB_2MB = 1 << 10;

/** The number of no page. */
export const NO_TAG = -1;

export const SHIFT_2MB = 21;
export const SHIFT_4MB = 22;

/** Fast-path permission bits; the upper 20 bits of a fast entry are the page's byte address in the host buffer. */
export const FAST_READ_SUPERVISOR = 1;
export const FAST_READ_USER = 2;
export const FAST_WRITE_SUPERVISOR = 4;
export const FAST_WRITE_USER = 8;
export const FAST_FETCH_SUPERVISOR = 16;
export const FAST_FETCH_USER = 32;
export const FAST_ALL = 63;

/** Flags that tell the size of a page. */
export const TLB_SIZE = TLB_LARGE | TLB_2MB;

/** One live entry as data. */
export interface TlbEntry {
  linear: number;
  physical: number;
  pageBytes: number;
  flags: number;
  asid: number;
}

/** What a program has made its processor's TLB forget, counted: for a monitor whose shadow page tables must forget it too. */
export interface TlbHistory {
  /** Times that whole address spaces went, or that those of another tag took their place. */
  readonly flushes: number;
  /** Times that one page went, as by INVLPG. */
  readonly invalidations: number;
  /** A linear address in the last of those pages. */
  readonly lastInvalidated: number;
}

/**
 * The modelled TLB (design.md, rule 6): unified for 4 KB, 2 MB and 4 MB pages, FIFO within a set, entries tagged by
 * address-space identifier. A hit changes nothing, so {@link fast} may answer in its place: it holds pages of
 * live entries only and can be dropped at any time without effect on the model.
 */
export class Tlb implements TlbHistory {
  flushes = 0;
  invalidations = 0;
  lastInvalidated = 0;
  /** By linear page: host address of the page and FAST bits; 0 means ask the model. */
  readonly fast: Int32Array;
  /** The pages whose fast entries have been set since all were dropped, some more than once; and how many they are. */
  private readonly fastPages: Int32Array;
  private readonly fastCount: Int32Array;

  /** Per entry: linear page number, in pages of its size; NO_TAG while the entry is not live. */
  private readonly tags: Int32Array;
  private readonly asids: Int32Array;
  /** Physical address of the page's first byte; may lie above 4 GB. */
  readonly frames: Float64Array;
  readonly flags: Int32Array;
  /** Per set: the way that is replaced next. */
  private readonly nextWay: Int32Array;
  private readonly setMask: number;
  private readonly ways: number;
  /** Entries whose tag differs from it do not match, global or not. */
  asid = 0;
  /** Size of the large pages of the current paging mode, as a shift. Entries of the other size do not match. */
  largeShift: typeof SHIFT_2MB | typeof SHIFT_4MB = SHIFT_4MB;

  /** Some entries may be parts of a larger page of the guest's, made since the last flush: see {@link invalidatePage}. */
  hasFragments = false;

  /**
   * @param area zeros, laid out for this shape, where compiled code reaches them.
   * @throws RangeError unless the number of sets is a power of two.
   */
  constructor(shape: TlbShape, area?: TlbArea) {
    const { entries, ways } = shape;
    const sets = entries / ways;
    if (!Number.isInteger(sets) || sets < 1 || (sets & (sets - 1)) !== 0) {
      throw new RangeError(`TLB of ${entries} entries in ${ways} ways: sets must be a power of two`);
    }
    this.ways = ways;
    this.setMask = sets - 1;
    const { buffer, places } = area ?? tlbArea(shape);
    this.fast = new Int32Array(buffer, places.fast, LINEAR_PAGES);
    this.fastPages = new Int32Array(buffer, places.fastPages, MAX_FAST_PAGES);
    this.fastCount = new Int32Array(buffer, places.fastCount, 1);
    this.tags = new Int32Array(buffer, places.tags, entries);
    this.asids = new Int32Array(buffer, places.asids, entries);
    this.frames = new Float64Array(buffer, places.frames, entries);
    this.flags = new Int32Array(buffer, places.flags, entries);
    this.nextWay = new Int32Array(buffer, places.nextWay, sets);
    this.tags.fill(NO_TAG);
  }

  /** @returns the entry that maps `linear` in the current address space, or -1. */
  lookup(linear: number): number {
    const small = this.find(linear >>> 12, 0);
    return small >= 0 ? small : this.find(linear >>> this.largeShift, this.largeSize);
  }

  /** The bits of a linear address within the page of an entry with these flags. */
  offsetMask(flags: number): number {
    return (1 << pageShift(flags)) - 1;
  }

  /** Replaces the entry of this page if there is one, else the oldest of its set. @returns its index. */
  insert(linear: number, frame: number, flags: number): number {
    const size = flags & TLB_LARGE ? this.largeSize : 0;
    const tag = linear >>> pageShift(size);
    let entry = this.find(tag, size);
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
    this.flags[entry] = flags | size | TLB_VALID;
    return entry;
  }

  /** Lets `fast` answer for one 4 KB page. */
  setFast(linearPage: number, value: number): void {
    if (this.fast[linearPage] === 0) {
      if (this.fastCount[0] === MAX_FAST_PAGES) this.dropFast();
      this.fastPages[this.fastCount[0]++] = linearPage;
    }
    this.fast[linearPage] = value;
  }

  /** Forgets what `fast` knows; the model stays. For changes of the rights that entries mean (CR0.WP, address space). */
  dropFast(): void {
    const count = this.fastCount[0];
    for (let at = 0; at < count; at++) this.fast[this.fastPages[at]] = 0;
    this.fastCount[0] = 0;
  }

  /** Every entry of every address space, global ones too. */
  flushAll(): void {
    this.flushes++;
    this.hasFragments = false;
    this.flags.fill(0);
    this.tags.fill(NO_TAG);
    this.nextWay.fill(0);
    this.dropFast();
  }

  /** Entries of another tag answer from here on. */
  setAsid(asid: number): void {
    this.flushes++;
    this.asid = asid;
    this.dropFast();
  }

  /** The entries of one address space. */
  flushAsid(asid: number, keepGlobal: boolean): void {
    this.flushes++;
    for (let entry = 0; entry < this.flags.length; entry++) {
      if (this.asids[entry] === asid && !(keepGlobal && this.flags[entry] & TLB_G)) {
        this.flags[entry] = 0;
        this.tags[entry] = NO_TAG;
      }
    }
    if (asid === this.asid) this.dropFast();
  }

  /** What INVLPG does: as {@link invalidate}, for the guest's whole page, of which nested paging may have made several entries. */
  invalidatePage(linear: number): void {
    this.invalidations++;
    this.lastInvalidated = linear;
    this.forgetPage(linear);
  }

  /** {@link invalidatePage}, counted elsewhere. */
  forgetPage(linear: number): void {
    // What else belongs to the page is not known; to flush more than asked for is never wrong.
    if (this.hasFragments) this.flushAsid(this.asid, false);
    else this.invalidate(linear);
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
  entries(): TlbEntry[] {
    const live: TlbEntry[] = [];
    for (let entry = 0; entry < this.flags.length; entry++) {
      const flags = this.flags[entry];
      if (flags === 0) continue;
      const shift = pageShift(flags);
      const linear = (this.tags[entry] << shift) >>> 0;
      live.push({
        linear,
        physical: this.frames[entry],
        pageBytes: 1 << shift,
        flags,
        asid: this.asids[entry],
      });
    }
    return live;
  }

  /** The size bits of a large page's entry. */
  private get largeSize(): number {
    return this.largeShift === SHIFT_2MB ? TLB_LARGE | TLB_2MB : TLB_LARGE;
  }

  private find(tag: number, size: number): number {
    const first = (tag & this.setMask) * this.ways;
    for (let entry = first; entry < first + this.ways; entry++) {
      const flags = this.flags[entry];
      if (
        flags !== 0 &&
        this.tags[entry] === tag &&
        (flags & TLB_SIZE) === size &&
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
    const tag = this.tags[entry];
    this.flags[entry] = 0;
    this.tags[entry] = NO_TAG;
    if (this.asids[entry] !== this.asid) return;
    if (flags & TLB_LARGE) {
      const pages = 1 << (pageShift(flags) - 12);
      this.fast.fill(0, tag * pages, (tag + 1) * pages);
    } else {
      this.fast[tag] = 0;
    }
  }
}

function pageShift(flags: number): number {
  if ((flags & TLB_LARGE) === 0) return 12;
  return flags & TLB_2MB ? SHIFT_2MB : SHIFT_4MB;
}
