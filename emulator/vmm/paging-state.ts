import { CR0_PG, CR0_WP, CR4_PAE, CR4_PSE, EFER_NXE } from '../arch/control.js';
import { PAE_ROOT_MASK, PTE_FRAME } from '../arch/paging.js';
import type { PagingFormat, PagingFormats } from '../arch/paging.js';
import type { TlbHistory } from '../machine.js';
import { throughA20 } from '../platform/a20.js';

/** Registers of the guest's processor that say what its page tables mean, and from when on changes to them count. */
export interface PagingState {
  readonly cr0: number;
  readonly cr3: number;
  readonly cr4: number;
  readonly efer: number;
  /** Under PAE paging: what the four page-directory-pointer registers name, null for one that is not present. */
  readonly pageDirectories: readonly (number | null)[];
  readonly tlbHistory: TlbHistory;
  /** The A20 gate: what the processor's physical addresses are ANDed with; signed. */
  readonly addressMask: number;
}

/** What they say. */
export interface PagingMode {
  /** CR0.PG */
  paging: boolean;
  /** CR0.WP: supervisor writes respect read-only pages. */
  writeProtect: boolean;
  /** Two levels, with 4 MB pages or without; or PAE. */
  format: PagingFormat;
  /** PAE with EFER.NXE: entries can forbid instruction fetches. */
  noExecute: boolean;
  /** Guest-physical addresses of the page directories: one; under PAE four, null where there is none. */
  directories: readonly (number | null)[];
  /** As in the state. Addresses that come out of entries are to go through it. */
  addressMask: number;
}

/** @param formats of the guest's processor. */
export function pagingMode(state: Omit<PagingState, 'tlbHistory'>, formats: PagingFormats): PagingMode {
  const { cr0, cr3, cr4, efer, addressMask } = state;
  const pae = (cr4 & CR4_PAE) !== 0;
  const noExecute = pae && (efer & EFER_NXE) !== 0;
  const twoLevel = cr4 & CR4_PSE ? formats.twoLevelPse : formats.twoLevel;
  const directories = pae ? state.pageDirectories : [(cr3 & PTE_FRAME) >>> 0];
  return {
    paging: (cr0 & CR0_PG) !== 0,
    writeProtect: (cr0 & CR0_WP) !== 0,
    format: noExecute ? formats.paeNx : pae ? formats.pae : twoLevel,
    noExecute,
    directories: directories.map((gpa) => (gpa === null ? null : throughA20(gpa, addressMask))),
    addressMask,
  };
}

/** A state as it was at some time. */
export type SeenState = Omit<PagingState, 'pageDirectories'>;

/** Remembers the state, for {@link isSame}. */
export function seenOf({ cr0, cr3, cr4, efer, tlbHistory, addressMask }: PagingState): SeenState {
  const { flushes, invalidations, lastInvalidated } = tlbHistory;
  return { cr0, cr3, cr4, efer, addressMask, tlbHistory: { flushes, invalidations, lastInvalidated } };
}

/** Whether nothing of the state has changed: then neither have the page-directory-pointer registers. */
export function isSame(state: PagingState, seen: SeenState): boolean {
  const { cr0, cr3, cr4, efer, tlbHistory, addressMask } = seen;
  const now = state.tlbHistory;
  return (
    state.cr0 === cr0 &&
    state.cr3 === cr3 &&
    state.cr4 === cr4 &&
    state.efer === efer &&
    state.addressMask === addressMask &&
    now.flushes === tlbHistory.flushes &&
    now.invalidations === tlbHistory.invalidations
  );
}

/** What CR3 says of where an address space is. */
export function addressSpaceGpa({ cr3, cr4 }: PagingState): number {
  return (cr4 & CR4_PAE ? cr3 & PAE_ROOT_MASK : cr3 & PTE_FRAME) >>> 0;
}
