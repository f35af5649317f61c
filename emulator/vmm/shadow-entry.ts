import { PAGE_BYTES, PTE_A, PTE_D, PTE_FRAME, PTE_HIGH_NX, PTE_P, PTE_U, PTE_W } from '../arch/paging.js';
import { throughA20 } from '../platform/a20.js';
import { pageFrame, tableAddress } from '../platform/page-walk.js';
import { directoryLevel, isLarge } from './guest-walk.js';
import type { Entry } from './guest-walk.js';
import type { PagingMode } from './paging-state.js';
import { UNBACKED_HPA } from './layout.js';
import type { TableSource, View } from './shadow-table.js';

/** Shadow entries carry A and D from the start: the monitor keeps the guest's own bits, not the host's MMU. */
const SHADOW_PRESENT = PTE_P | PTE_A | PTE_D;

/** What a second-level shadow entry depends on besides the guest's entries. */
export interface EntryContext {
  /** Where the guest page lies in the host. */
  frameHpa: number;
  /** The guest's CR0.WP. */
  writeProtect: boolean;
  traced: boolean;
}

/** What the table below a guest directory entry is derived from. */
export function sourceOf(pde: Entry, mode: PagingMode, view: View): TableSource {
  const { low, high } = pde;
  const large = isLarge(pde, mode);
  const gpa = large ? pageFrame(mode.format, directoryLevel(mode), low, high) : tableAddress(low, high);
  return {
    gpa: throughA20(gpa, mode.addressMask),
    large,
    writable: (low & PTE_W) !== 0,
    user: (low & PTE_U) !== 0,
    executable: !mode.noExecute || (high & PTE_HIGH_NX) === 0,
    dirty: large && (low & PTE_D) !== 0,
    view,
  };
}

/** The low half of the shadow of a guest entry in a table with the given source; 0 while the guest's A is clear. */
export function shadowEntry(source: TableSource, { low }: Entry, context: EntryContext): number {
  if ((low & (PTE_P | PTE_A)) !== (PTE_P | PTE_A)) return 0;
  const user = source.user && (low & PTE_U) !== 0;
  const dirty = source.large ? source.dirty : (low & PTE_D) !== 0;
  // Without CR0.WP the guest's supervisor may write its own read-only pages; the host's CR0.WP is always set.
  const kernelOnly = source.view === 'kernel' || (source.view === 'shared' && !user);
  const writable = (source.writable && (low & PTE_W) !== 0) || (kernelOnly && !context.writeProtect);
  return (
    context.frameHpa |
    SHADOW_PRESENT |
    (user || source.view === 'kernel' ? PTE_U : 0) |
    (writable && dirty && !context.traced ? PTE_W : 0)
  );
}

/** The high half, of an entry that is there: no frame of the host lies above 4 GB. */
export function shadowEntryHigh(source: TableSource, { high }: Entry, { noExecute }: PagingMode): number {
  return noExecute && (!source.executable || (high & PTE_HIGH_NX) !== 0) ? PTE_HIGH_NX : 0;
}

/** A shadow directory entry. It grants all rights: the ones that count are in the table's entries. */
export function linkEntry(tableHpa: number): number {
  return tableHpa | SHADOW_PRESENT | PTE_W | PTE_U;
}

/** The guest page that a second-level shadow entry maps, or null. @param guestHpa where the guest's memory lies. */
export function guestPage(entry: number, guestHpa: number): number | null {
  const frameHpa = (entry & PTE_FRAME) >>> 0;
  if (!(entry & PTE_P) || frameHpa < guestHpa || frameHpa === UNBACKED_HPA) return null;
  return (frameHpa - guestHpa) / PAGE_BYTES;
}

/** An entry of a page-directory-pointer table, which has no rights. */
export function pointerEntry(directoryHpa: number): number {
  return directoryHpa | PTE_P;
}

/** Indices in its table of the entries that a write overlaps. */
export function* entriesTouched(byteOffset: number, byteCount: number, entryBytes: 4 | 8): Generator<number> {
  const last = Math.floor((byteOffset + byteCount - 1) / entryBytes);
  for (let index = Math.floor(byteOffset / entryBytes); index <= last; index++) yield index;
}
