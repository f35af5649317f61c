import { CR0_PG, CR0_WP, CR4_PSE } from '../arch/control.js';
import { PDE_LARGE_FRAME, PTE_A, PTE_D, PTE_FRAME, PTE_P, PTE_PS, PTE_U, PTE_W } from '../arch/paging.js';
import { PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE } from '../arch/vectors.js';
import type { PhysicalMemory } from '../platform/memory.js';

/** What the guest's control registers say about paging. */
export interface PagingMode {
  /** CR0.PG */
  paging: boolean;
  /** CR0.WP: supervisor writes respect read-only pages. */
  writeProtect: boolean;
  /** CR4.PSE: 4 MB pages. */
  largePages: boolean;
  /** Guest-physical address of the page directory. */
  directoryGpa: number;
}

export function pagingMode(registers: { cr0: number; cr3: number; cr4: number }): PagingMode {
  return {
    paging: (registers.cr0 & CR0_PG) !== 0,
    writeProtect: (registers.cr0 & CR0_WP) !== 0,
    largePages: (registers.cr4 & CR4_PSE) !== 0,
    directoryGpa: (registers.cr3 & PTE_FRAME) >>> 0,
  };
}

/** Bits 21:12 of a 4 MB entry must be zero without PSE-36 and PAT. */
const LARGE_RESERVED = 0x003f_f000;

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
  return (pde & PTE_PS) !== 0 && (mode.largePages || !mode.paging);
}

/** A directory entry that a walk has gone through: present, accessed, and without a reserved bit. */
export function isUsed(pde: number, mode: PagingMode): boolean {
  if ((pde & (PTE_P | PTE_A)) !== (PTE_P | PTE_A)) return false;
  return !isLarge(pde, mode) || (pde & LARGE_RESERVED) === 0;
}

/**
 * Walks the guest's page tables for one access, changing nothing (AMD64 APM vol. 2, rev. 3.44, sections 5.2.1
 * "4-Kbyte Non-PAE Page Translation" and 5.6 "Page-Protection Checks").
 * @param onRead called for each guest entry read.
 */
export function walkGuest(
  memory: PhysicalMemory,
  mode: PagingMode,
  gva: number,
  access: Access,
  onRead: () => void,
): Mapping | WalkFault {
  const fault = (cause: number): WalkFault => ({
    kind: 'fault',
    errorCode: cause | (access.write ? PF_WRITE : 0) | (access.user ? PF_USER : 0),
  });
  if (!mode.paging) {
    const pde = identityPde(gva);
    return { kind: 'mapping', pdeGpa: null, pde, pteGpa: null, pte: 0, gpa: gva, user: true, writable: true };
  }
  const pdeGpa = mode.directoryGpa + ((gva >>> 22) << 2);
  const pde = memory.read32(pdeGpa);
  onRead();
  if (!(pde & PTE_P)) return fault(0);

  let pteGpa: number | null = null;
  let pte = 0;
  let gpa: number;
  let rights = pde;
  if (isLarge(pde, mode)) {
    if (pde & LARGE_RESERVED) return fault(PF_PRESENT | PF_RESERVED);
    gpa = ((pde & PDE_LARGE_FRAME) | (gva & ~PDE_LARGE_FRAME)) >>> 0;
  } else {
    pteGpa = ((pde & PTE_FRAME) >>> 0) + (((gva >>> 12) & 0x3ff) << 2);
    pte = memory.read32(pteGpa);
    onRead();
    if (!(pte & PTE_P)) return fault(0);
    gpa = ((pte & PTE_FRAME) | (gva & ~PTE_FRAME)) >>> 0;
    rights &= pte;
  }
  const user = (rights & PTE_U) !== 0;
  const writable = (rights & PTE_W) !== 0;
  const mayWrite = writable || (!access.user && !mode.writeProtect);
  if ((access.user && !user) || (access.write && !mayWrite)) return fault(PF_PRESENT);
  return { kind: 'mapping', pdeGpa, pde, pteGpa, pte, gpa, user, writable };
}
