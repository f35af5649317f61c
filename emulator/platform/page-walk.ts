import { PTE_A, PTE_D, PTE_P, PTE_PS, PTE_U, PTE_W, PTE_HIGH_NX } from '../arch/paging.js';
import type { PagingFormat, PagingLevel } from '../arch/paging.js';
import { PF_FETCH, PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE } from '../arch/vectors.js';
import type { PhysicalMemory } from './memory.js';

/** How page tables are read: by a processor, which pays; by a monitor; by a view; through another translation. */
export interface TableAccess {
  readonly memory: PhysicalMemory;
  /**
   * Called once for each entry before it is read.
   * @param address of the entry, in the space that the tables' addresses belong to; unsigned, maybe above 4 GB.
   * @param upper the entry is of a level that can lead to a further one.
   * @returns where it lies in `memory`. May throw, where the way there is itself translated.
   */
  locate(address: number, upper: boolean): number;
}

/** One access as rights see it. */
export interface PageAccess {
  readonly write: boolean;
  readonly user: boolean;
  /** An instruction fetch. */
  readonly fetch: boolean;
}

/** Every access there is, so that the one of a walk need not be made for it. */
const ACCESSES: readonly PageAccess[] = Array.from({ length: 8 }, (_, bits) => ({
  write: (bits & 1) !== 0,
  user: (bits & 2) !== 0,
  fetch: (bits & 4) !== 0,
}));

export function pageAccess(write: boolean, user: boolean, fetch: boolean): PageAccess {
  return ACCESSES[(write ? 1 : 0) | (user ? 2 : 0) | (fetch ? 4 : 0)];
}

const MAX_LEVELS = 3;
/** 2^32: what bit 0 of an entry's high half is worth. */
const HIGH_UNIT = 2 ** 32;
const FRAME_LOW = 0xffff_f000;
const FRAME_HIGH = 0x000f_ffff;

/** The way from a root to a page, made by {@link walkTables} and made anew by the next; one object serves for many walks. */
export class PageWalk {
  /** Entries read so far. */
  count = 0;
  readonly levels: PagingLevel[] = [];
  /** By entry: where it lies in memory, and its halves; signed. */
  readonly addresses = new Float64Array(MAX_LEVELS);
  readonly lows = new Int32Array(MAX_LEVELS);
  readonly highs = new Int32Array(MAX_LEVELS);
  /** The page's first byte, unsigned, maybe above 4 GB; valid when nothing is wrong. */
  frame = 0;
  /** The page has `1 << pageShift` bytes. */
  pageShift = 0;
  /** W and U as all entries together grant them. */
  rights = 0;
  /** An entry forbids instruction fetches. */
  noExecute = false;
  /** What stopped the walk, as bits of a page-fault error code: 0 not present, P | RSVD reserved bit; -1: nothing. */
  cause = -1;

  /** The last entry that was read: of the page, unless {@link cause} says otherwise. */
  get leaf(): number {
    return this.lows[this.count - 1];
  }
}

/**
 * Walks page tables, changing nothing (APM vol. 2, rev. 3.44, section 5.2 "Legacy-Mode Page Translation"). Presence is
 * checked before reserved bits, and both at each level before the next is read.
 * @param fromLevel of `format.levels`; `table` is the address of the table of that level. @param walk gets the result.
 * @returns whether there is a page; else `walk.cause` says what is wrong with the last entry.
 */
export function walkTables(
  walk: PageWalk,
  format: PagingFormat,
  fromLevel: number,
  table: number,
  linear: number,
  tables: TableAccess,
): boolean {
  const { memory } = tables;
  const wide = format.entryBytes === 8;
  walk.count = 0;
  walk.rights = PTE_W | PTE_U;
  walk.noExecute = false;
  for (let at = fromLevel; ; at++) {
    const level = format.levels[at];
    const index = (linear >>> level.shift) & level.indexMask;
    const address = tables.locate(table + index * format.entryBytes, level.mapsPages !== 'always');
    const low = memory.read32(address) | 0;
    const high = wide ? memory.read32(address + 4) | 0 : 0;
    const { count } = walk;
    walk.levels[count] = level;
    walk.addresses[count] = address;
    walk.lows[count] = low;
    walk.highs[count] = high;
    walk.count = count + 1;
    if ((low & PTE_P) === 0) {
      walk.cause = 0;
      return false;
    }
    const isPage = level.mapsPages === 'always' || (level.mapsPages === 'ps' && (low & PTE_PS) !== 0);
    const reserved = isPage ? level.pageReserved : level.tableReserved;
    if ((low & reserved[0]) !== 0 || (high & reserved[1]) !== 0) {
      walk.cause = PF_PRESENT | PF_RESERVED;
      return false;
    }
    if (level.hasRights) {
      walk.rights &= low;
      if ((high & PTE_HIGH_NX) !== 0) walk.noExecute = true;
    }
    if (isPage) {
      walk.cause = -1;
      walk.pageShift = level.shift;
      walk.frame = pageFrame(format, level, low, high);
      return true;
    }
    table = tableAddress(low, high);
  }
}

/** What an entry that names a table leads to. */
export function tableAddress(low: number, high: number): number {
  const address = (low & FRAME_LOW) >>> 0;
  return high === 0 ? address : address + (high & FRAME_HIGH) * HIGH_UNIT;
}

/** Where the page that an entry maps begins. */
export function pageFrame(format: PagingFormat, level: PagingLevel, low: number, high: number): number {
  const frame = (low & (-1 << level.shift)) >>> 0;
  if (format.entryBytes === 8) return high === 0 ? frame : frame + (high & FRAME_HIGH) * HIGH_UNIT;
  return format.pse36 && level.mapsPages === 'ps' ? frame + ((low >>> 13) & 0xff) * HIGH_UNIT : frame;
}

/** Whether rights allow an access (APM vol. 2, section 5.6 "Page-Protection Checks"). @param writeProtect CR0.WP. */
export function permits(
  { rights, noExecute }: { readonly rights: number; readonly noExecute: boolean },
  { write, user, fetch }: PageAccess,
  writeProtect: boolean,
): boolean {
  if (user && (rights & PTE_U) === 0) return false;
  if (fetch && noExecute) return false;
  return !write || (rights & PTE_W) !== 0 || !(user || writeProtect);
}

/**
 * Sets A in every entry of a walk that found its page, and D in the page's for a write (APM vol. 2, section 5.4.2
 * "Accessed and Dirty Bits"). Entries that have them are not written. @returns the page's entry as it is then, low half.
 */
export function markUsed({ memory }: TableAccess, walk: PageWalk, write: boolean): number {
  const last = walk.count - 1;
  for (let at = 0; at <= last; at++) {
    if (!walk.levels[at].hasRights) continue;
    const low = walk.lows[at];
    const used = low | (write && at === last ? PTE_A | PTE_D : PTE_A);
    if (used === low) continue;
    walk.lows[at] = used;
    memory.write32(walk.addresses[at], used);
  }
  return walk.lows[last];
}

/**
 * The error code of a page fault (APM vol. 2, section 8.2.15 "#PF"). @param cause {@link PageWalk.cause}, or P for rights.
 * @param noExecuteEnabled PAE with EFER.NXE: only then fetches are told apart.
 */
export function pageFaultCode(
  cause: number,
  { write, user, fetch }: PageAccess,
  noExecuteEnabled: boolean,
): number {
  return cause | (write ? PF_WRITE : 0) | (user ? PF_USER : 0) | (fetch && noExecuteEnabled ? PF_FETCH : 0);
}
