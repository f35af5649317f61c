import { PAGE_BYTES, PTE_A, PTE_D, PTE_FRAME, PTE_P, PTE_U, PTE_W } from '../arch/paging.js';
import { pageFrame, tableAddress } from '../platform/page-walk.js';
import { isLarge } from './guest-walk.js';
import type { PagingMode } from './guest-walk.js';
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

/** What the table below guest directory entry `pde` is derived from. */
export function sourceOf(pde: number, mode: PagingMode, view: View): TableSource {
  const large = isLarge(pde, mode);
  return {
    gpa: large ? pageFrame(mode.format, mode.format.levels[0], pde, 0) : tableAddress(pde, 0),
    large,
    writable: (pde & PTE_W) !== 0,
    user: (pde & PTE_U) !== 0,
    dirty: large && (pde & PTE_D) !== 0,
    view,
  };
}

/** The shadow of guest entry `pte` in a table with the given source; 0 while the guest's A is clear. */
export function shadowEntry(source: TableSource, pte: number, context: EntryContext): number {
  if ((pte & (PTE_P | PTE_A)) !== (PTE_P | PTE_A)) return 0;
  const user = source.user && (pte & PTE_U) !== 0;
  const dirty = source.large ? source.dirty : (pte & PTE_D) !== 0;
  // Without CR0.WP the guest's supervisor may write its own read-only pages; the host's CR0.WP is always set.
  const kernelOnly = source.view === 'kernel' || (source.view === 'shared' && !user);
  const writable = (source.writable && (pte & PTE_W) !== 0) || (kernelOnly && !context.writeProtect);
  return (
    context.frameHpa |
    SHADOW_PRESENT |
    (user || source.view === 'kernel' ? PTE_U : 0) |
    (writable && dirty && !context.traced ? PTE_W : 0)
  );
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

/** Indices in its table of the 4-byte entries that a write overlaps. */
export function* entriesTouched(byteOffset: number, byteCount: number): Generator<number> {
  for (let index = byteOffset >> 2; index <= (byteOffset + byteCount - 1) >> 2; index++) yield index;
}
