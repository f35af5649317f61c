export const ENTRIES_PER_TABLE = 1024;

/**
 * What a second-level shadow table is derived from: the bits of a guest directory entry that decide its content.
 * Tables are shared between all directory entries, of all address spaces, that agree in them.
 */
export interface TableSource {
  /** Guest-physical address of the guest's page table; of the first byte mapped for a 4 MB page. */
  gpa: number;
  /** A 4 MB guest page, shadowed by 4 KB entries: the guest has no table, so nothing is traced. */
  large: boolean;
  /** Rights of the directory entry, which every entry of this table is cut down to. */
  writable: boolean;
  user: boolean;
  /** Only for a 4 MB page: its D bit is set, so its pages may be writable in the shadow. */
  dirty: boolean;
}

/** One number for one source: page-aligned address and flags below it. */
export function tableKey({ gpa, large, writable, user, dirty }: TableSource): number {
  return gpa + (large ? 1 : 0) + (writable ? 2 : 0) + (user ? 4 : 0) + (dirty ? 8 : 0);
}

/** A second-level shadow table: one frame of the monitor's area. */
export class ShadowTable {
  /** Host-physical addresses of the shadow directory entries that point here. */
  readonly links = new Set<number>();
  /** Guest writes to the source since the active address space last used this table. */
  idleWrites = 0;

  constructor(
    readonly hpa: number,
    readonly source: TableSource,
  ) {}

  entryHpa(index: number): number {
    return this.hpa + index * 4;
  }
}

/** A shadow page directory: what the host's CR3 points to while the guest runs in one of its address spaces. */
export class ShadowRoot {
  /** The tables that the entries point to. */
  readonly tables = new Map<number, ShadowTable>();
  idleWrites = 0;

  constructor(
    readonly hpa: number,
    /** The guest's page directory; null while the guest has paging off. */
    readonly directoryGpa: number | null,
  ) {}

  entryHpa(index: number): number {
    return this.hpa + index * 4;
  }
}
