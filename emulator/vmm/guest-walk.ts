import { PTE_A, PTE_D, PTE_P, PTE_PS, PTE_U, PTE_W } from '../arch/paging.js';
import type { PagingFormat, PagingLevel } from '../arch/paging.js';
import { PF_PRESENT } from '../arch/vectors.js';
import { throughA20 } from '../platform/a20.js';
import type { PhysicalMemory } from '../platform/memory.js';
import { pageFaultCode, PageWalk, permits, walkTables } from '../platform/page-walk.js';
import type { PageAccess } from '../platform/page-walk.js';
import type { PagingMode } from './paging-state.js';
import { directoryNumber, layoutOf } from './shadow-layout.js';

/** A guest entry in its halves, signed; the high one is 0 in a 32-bit entry. */
export interface Entry {
  low: number;
  high: number;
}

/** Reads the entry at `gpa`. */
export function readEntry(memory: PhysicalMemory, gpa: number, { entryBytes }: PagingFormat): Entry {
  return { low: memory.read32(gpa) | 0, high: entryBytes === 8 ? memory.read32(gpa + 4) | 0 : 0 };
}

/** Where the guest's tables lead. Addresses of entries are null when the level does not exist. */
export interface Mapping {
  kind: 'mapping';
  pdeGpa: number | null;
  /** With paging off: the entry of an identity-mapped large page, so that one rule serves both. */
  pde: Entry;
  /** Null for a large page. */
  pteGpa: number | null;
  pte: Entry;
  gpa: number;
  /** The user may access the page. */
  user: boolean;
  /** The entries allow writing; a supervisor without CR0.WP may write even if not. */
  writable: boolean;
}

/** The guest's own page fault, with the error code that it must see. */
export interface WalkFault {
  kind: 'fault';
  errorCode: number;
}

const NO_ENTRY: Entry = { low: 0, high: 0 };

/** The level of page directories. */
export function directoryLevel({ format }: PagingMode): PagingLevel {
  return format.levels[format.levels.length - 2];
}

/** The level of page tables. */
export function tableLevel({ format }: PagingMode): PagingLevel {
  return format.levels[format.levels.length - 1];
}

/** The directory entry that paging switched off amounts to: everything is there, for everyone. */
export function identityPde(gva: number, mode: PagingMode): Entry {
  const frame = gva & (-1 << directoryLevel(mode).shift);
  return { low: frame | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_PS, high: 0 };
}

export function isLarge({ low }: Entry, mode: PagingMode): boolean {
  return (low & PTE_PS) !== 0 && (!mode.paging || directoryLevel(mode).mapsPages === 'ps');
}

/** An entry that a walk has gone through: present, accessed, and without a reserved bit. */
export function isUsed(entry: Entry, level: PagingLevel, isPage: boolean): boolean {
  if ((entry.low & (PTE_P | PTE_A)) !== (PTE_P | PTE_A)) return false;
  const [low, high] = isPage ? level.pageReserved : level.tableReserved;
  return (entry.low & low) === 0 && (entry.high & high) === 0;
}

/** Of {@link walkGuest}, which copies out of it what it gives. */
const walk = new PageWalk();

/**
 * Walks the guest's page tables for one access, changing nothing, as its processor would.
 * @param onRead called for each guest entry read.
 */
export function walkGuest(
  memory: PhysicalMemory,
  mode: PagingMode,
  gva: number,
  access: PageAccess,
  onRead: () => void,
): Mapping | WalkFault {
  const fault = (cause: number): WalkFault => ({
    kind: 'fault',
    errorCode: pageFaultCode(cause, access, mode.noExecute),
  });
  if (!mode.paging) {
    const pde = identityPde(gva, mode);
    return {
      kind: 'mapping',
      pdeGpa: null,
      pde,
      pteGpa: null,
      pte: NO_ENTRY,
      gpa: throughA20(gva, mode.addressMask),
      user: true,
      writable: true,
    };
  }
  const tables = {
    memory,
    locate: (gpa: number): number => {
      onRead();
      return throughA20(gpa, mode.addressMask);
    },
  };
  const { format } = mode;
  const directory = mode.directories[directoryNumber(layoutOf(format), gva)] ?? null;
  if (directory === null) return fault(0);
  if (!walkTables(walk, format, format.levels.length - 2, directory, gva, tables)) return fault(walk.cause);
  if (!permits(walk, access, mode.writeProtect)) return fault(PF_PRESENT);
  const { addresses, lows, highs, rights } = walk;
  const large = walk.count === 1;
  return {
    kind: 'mapping',
    pdeGpa: addresses[0],
    pde: { low: lows[0], high: highs[0] },
    pteGpa: large ? null : addresses[1],
    pte: large ? NO_ENTRY : { low: lows[1], high: highs[1] },
    gpa: throughA20(walk.frame + (gva & ((1 << walk.pageShift) - 1)), mode.addressMask),
    user: (rights & PTE_U) !== 0,
    writable: (rights & PTE_W) !== 0,
  };
}
