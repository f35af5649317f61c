import { CR0_PG, CR0_WP, CR4_PSE } from '../arch/control.js';
import { PDE_LARGE_FRAME, PTE_A, PTE_D, PTE_FRAME, PTE_P, PTE_PS, PTE_U, PTE_W } from '../arch/paging.js';
import type { PagingFormat, PagingFormats } from '../arch/paging.js';
import { PF_PRESENT } from '../arch/vectors.js';
import type { TlbHistory } from '../machine.js';
import type { PhysicalMemory } from '../platform/memory.js';
import { pageFaultCode, PageWalk, permits, walkTables } from '../platform/page-walk.js';

/** Registers of the guest's processor that say what its page tables mean, and from when on changes to them count. */
export interface PagingState {
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly tlbHistory: TlbHistory;
}

/** What the guest's control registers say about paging. */
export interface PagingMode {
  /** CR0.PG */
  paging: boolean;
  /** CR0.WP: supervisor writes respect read-only pages. */
  writeProtect: boolean;
  /** Two levels, with 4 MB pages or without. */
  format: PagingFormat;
  /** Guest-physical address of the page directory. */
  directoryGpa: number;
}

/** @param formats of the guest's processor. */
export function pagingMode(
  registers: Pick<PagingState, 'cr0' | 'cr3' | 'cr4'>,
  formats: PagingFormats,
): PagingMode {
  return {
    paging: (registers.cr0 & CR0_PG) !== 0,
    writeProtect: (registers.cr0 & CR0_WP) !== 0,
    format: registers.cr4 & CR4_PSE ? formats.twoLevelPse : formats.twoLevel,
    directoryGpa: (registers.cr3 & PTE_FRAME) >>> 0,
  };
}

export interface Access {
  write: boolean;
  user: boolean;
}

/** Where the guest's tables lead. Addresses of entries are null when the level does not exist. */
export interface Mapping {
  kind: 'mapping';
  pdeGpa: number | null;
  /** With paging off: the entry of an identity-mapped 4 MB page, so that one rule serves both. */
  pde: number;
  /** Null for a 4 MB page. */
  pteGpa: number | null;
  pte: number;
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

/** The directory entry that paging switched off amounts to: everything is there, for everyone. */
export function identityPde(gva: number): number {
  return (gva & PDE_LARGE_FRAME) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_PS;
}

export function isLarge(pde: number, mode: PagingMode): boolean {
  return (pde & PTE_PS) !== 0 && (!mode.paging || mode.format.levels[0].mapsPages === 'ps');
}

/** A directory entry that a walk has gone through: present, accessed, and without a reserved bit. */
export function isUsed(pde: number, mode: PagingMode): boolean {
  if ((pde & (PTE_P | PTE_A)) !== (PTE_P | PTE_A)) return false;
  return !isLarge(pde, mode) || (pde & mode.format.levels[0].pageReserved[0]) === 0;
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
  { write, user }: Access,
  onRead: () => void,
): Mapping | WalkFault {
  const access = { write, user, fetch: false };
  const fault = (cause: number): WalkFault => ({
    kind: 'fault',
    errorCode: pageFaultCode(cause, access, false),
  });
  if (!mode.paging) {
    const pde = identityPde(gva);
    return { kind: 'mapping', pdeGpa: null, pde, pteGpa: null, pte: 0, gpa: gva, user: true, writable: true };
  }
  const tables = {
    memory,
    locate: (gpa: number): number => {
      onRead();
      return gpa;
    },
  };
  if (!walkTables(walk, mode.format, 0, mode.directoryGpa, gva, tables)) return fault(walk.cause);
  if (!permits(walk, access, mode.writeProtect)) return fault(PF_PRESENT);
  const { addresses, lows, rights } = walk;
  const large = walk.count === 1;
  return {
    kind: 'mapping',
    pdeGpa: addresses[0],
    pde: lows[0],
    pteGpa: large ? null : addresses[1],
    pte: large ? 0 : lows[1],
    gpa: walk.frame + (gva & ((1 << walk.pageShift) - 1)),
    user: (rights & PTE_U) !== 0,
    writable: (rights & PTE_W) !== 0,
  };
}
