import type { PhysicalMemory } from '../platform/memory.js';
import { identityPde, isUsed } from './guest-walk.js';
import type { PagingMode } from './guest-walk.js';
import { sourceOf } from './shadow-entry.js';
import { ENTRIES_PER_TABLE, tableKey } from './shadow-table.js';
import type { TableSource, View } from './shadow-table.js';
import type { ShadowTables } from './shadow-tables.js';

/** An entry in the host's memory. */
interface EntryAt {
  hpa: number;
  value: number;
}

/** How one linear address stands in the shadow tables. */
export interface ShadowLook {
  /** Of the current address space; null: it has not been used yet. */
  rootHpa: number | null;
  directory: EntryAt | null;
  /** Null where the directory entry is not linked to a table. */
  entry: EntryAt | null;
  /** What the entry would be if it were made now; 0: nothing is to be mapped. */
  derived: number;
  /** The linked table is not that of the guest's directory entry. */
  linkStale: boolean;
  /** The range is the monitor's own. */
  reserved: boolean;
}

export interface Looked {
  host: PhysicalMemory;
  guest: PhysicalMemory;
  tables: ShadowTables;
  mode: PagingMode;
  view: View;
  /** The entry at an index of a table with that source, going by the guest's tables as they are. */
  derive: (source: TableSource, index: number) => number;
}

/** The shadow of a linear address as it is, beside what it would be when derived from the guest's tables now. Changes nothing. */
export function lookAt(gva: number, { host, guest, tables, mode, view, derive }: Looked): ShadowLook {
  const index = gva >>> 22;
  const none = {
    rootHpa: null,
    directory: null,
    entry: null,
    derived: 0,
    linkStale: false,
    reserved: false,
  };
  const root = tables.root(mode.paging ? mode.directoryGpa : null, view);
  if (!root) return none;
  const read = (hpa: number): EntryAt => ({ hpa, value: host.read32(hpa) });
  const known = { ...none, rootHpa: root.hpa, directory: read(root.entryHpa(index)) };
  if (tables.isReserved(index)) return { ...known, reserved: true };
  const pde = mode.paging ? guest.read32(mode.directoryGpa + index * 4) : identityPde(gva);
  const source = isUsed(pde, mode) ? sourceOf(pde, mode, view) : null;
  const linked = root.tables.get(index);
  const entryIndex = (gva >>> 12) & (ENTRIES_PER_TABLE - 1);
  return {
    ...known,
    entry: linked ? read(linked.entryHpa(entryIndex)) : null,
    derived: source ? derive(source, entryIndex) >>> 0 : 0,
    linkStale: linked !== undefined && (source === null || tableKey(linked.source) !== tableKey(source)),
  };
}
