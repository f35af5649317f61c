import type { PhysicalMemory } from '../platform/memory.js';
import { directoryLevel, identityPde, isLarge, isUsed, readEntry } from './guest-walk.js';
import type { Entry } from './guest-walk.js';
import type { PagingMode } from './paging-state.js';
import { sourceOf } from './shadow-entry.js';
import { directoryIndex, directoryNumber, layoutOf, tableIndex } from './shadow-layout.js';
import { tableKey } from './shadow-table.js';
import type { AddressSpace, TableSource, View } from './shadow-table.js';
import type { ShadowTables } from './shadow-tables.js';

/** An entry in the host's memory. */
interface EntryAt {
  hpa: number;
  /** Of one of 64 bits, the low half. */
  value: number;
  /** The high half of one of 64 bits; else 0. Unsigned, as the low one. */
  high: number;
}

/** How one linear address stands in the shadow tables. */
export interface ShadowLook {
  /** Of the current address space; null: it has not been used yet. */
  rootHpa: number | null;
  directory: EntryAt | null;
  /** Null where the directory entry is not linked to a table. */
  entry: EntryAt | null;
  /** What the entry would be if it were made now, in halves; 0: nothing is to be mapped. */
  derived: number;
  derivedHigh: number;
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
  space: AddressSpace;
  view: View;
  /** The entry at an index of a table with that source, going by the guest's tables as they are. */
  derive: (source: TableSource, index: number) => Entry;
}

/** The shadow of a linear address as it is, beside what it would be when derived from the guest's tables now. Changes nothing. */
export function lookAt(gva: number, { host, guest, tables, mode, space, view, derive }: Looked): ShadowLook {
  const layout = layoutOf(mode.format);
  const index = directoryIndex(layout, gva);
  const none = {
    rootHpa: null,
    directory: null,
    entry: null,
    derived: 0,
    derivedHigh: 0,
    linkStale: false,
    reserved: false,
  };
  const root = tables.root(space, view);
  if (!root) return none;
  const wide = layout.entryBytes === 8;
  const read = (hpa: number): EntryAt => ({
    hpa,
    value: host.read32(hpa),
    high: wide ? host.read32(hpa + 4) : 0,
  });
  const directory = root.directories[directoryNumber(layout, gva)];
  const known = { ...none, rootHpa: root.hpa, directory: read(directory.entryHpa(index)) };
  if (tables.isReserved(gva)) return { ...known, reserved: true };
  const source = sourceAt();
  const linked = directory.tables.get(index);
  const entryIndex = tableIndex(layout, gva);
  const derived = source ? derive(source, entryIndex) : { low: 0, high: 0 };
  return {
    ...known,
    entry: linked ? read(linked.entryHpa(entryIndex)) : null,
    derived: derived.low >>> 0,
    derivedHigh: derived.high >>> 0,
    linkStale: linked !== undefined && (source === null || tableKey(linked.source) !== tableKey(source)),
  };

  function sourceAt(): TableSource | null {
    if (!mode.paging) return sourceOf(identityPde(gva, mode), mode, view);
    if (typeof directory.source !== 'number') return null;
    const pde = readEntry(guest, directory.source + index * layout.entryBytes, mode.format);
    return isUsed(pde, directoryLevel(mode), isLarge(pde, mode)) ? sourceOf(pde, mode, view) : null;
  }
}
