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
  view: View;
}

/**
 * For whom shadow tables are. Kernel and user code share them, unless both run in ring 3, where the host's user bit
 * cannot tell them apart: then each has its own, and all pages of the kernel's are user pages.
 */
export type View = 'shared' | 'kernel' | 'user';

const VIEW_BITS: Readonly<Record<View, number>> = { shared: 0, kernel: 16, user: 32 };

/** One number for one source: page-aligned address and flags below it. */
export function tableKey({ gpa, large, writable, user, dirty, view }: TableSource): number {
  const flags = (large ? 1 : 0) | (writable ? 2 : 0) | (user ? 4 : 0) | (dirty ? 8 : 0);
  return gpa + flags + VIEW_BITS[view];
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

export function rootKey(directoryGpa: number | null, view: View): number {
  return (directoryGpa ?? NO_DIRECTORY) + VIEW_BITS[view];
}

/** No guest-physical address. */
const NO_DIRECTORY = -4096;

/** A shadow page directory: what the host's CR3 points to while the guest runs in one of its address spaces. */
export class ShadowRoot {
  /** The tables that the entries point to. */
  readonly tables = new Map<number, ShadowTable>();
  idleWrites = 0;

  constructor(
    readonly hpa: number,
    /** The guest's page directory; null while the guest has paging off. */
    readonly directoryGpa: number | null,
    readonly view: View,
  ) {}

  /** One number for one address space of one view. */
  get key(): number {
    return rootKey(this.directoryGpa, this.view);
  }

  entryHpa(index: number): number {
    return this.hpa + index * 4;
  }
}
