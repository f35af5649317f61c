import type { PagingMode } from './paging-state.js';
import { layoutOf } from './shadow-layout.js';
import type { ShadowLayout } from './shadow-layout.js';

/**
 * What a second-level shadow table is derived from: the bits of a guest directory entry that decide its content.
 * Tables are shared between all directory entries, of all address spaces, that agree in them.
 */
export interface TableSource {
  /** Guest-physical address of the guest's page table; of the first byte mapped for a large page. */
  gpa: number;
  /** A large guest page, shadowed by 4 KB entries: the guest has no table, so nothing is traced. */
  large: boolean;
  /** Rights of the directory entry, which every entry of this table is cut down to. */
  writable: boolean;
  user: boolean;
  executable: boolean;
  /** Only for a large page: its D bit is set, so its pages may be writable in the shadow. */
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
export function tableKey({ gpa, large, writable, user, executable, dirty, view }: TableSource): number {
  const flags =
    (large ? 1 : 0) | (writable ? 2 : 0) | (user ? 4 : 0) | (dirty ? 8 : 0) | (executable ? 0 : 64);
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
    readonly layout: ShadowLayout,
  ) {}

  entryHpa(index: number): number {
    return this.hpa + index * this.layout.entryBytes;
  }
}

/** What a shadow page directory is derived from: a guest directory; nothing, where the guest has none; or paging switched off. */
export type DirectorySource = number | 'none' | 'identity';

/** A shadow page directory: one frame. */
export class ShadowDirectory {
  /** The tables that the entries point to. */
  readonly tables = new Map<number, ShadowTable>();
  /** Guest writes to the source since an address space with it was active. */
  idleWrites = 0;

  constructor(
    readonly hpa: number,
    readonly source: DirectorySource,
    /** Which part of the address space it maps, counted from 0. */
    readonly number: number,
    readonly view: View,
    readonly layout: ShadowLayout,
  ) {}

  /** One name for one source in one place of one view. */
  get key(): string {
    return directoryKey(this.source, this.number, this.view);
  }

  entryHpa(index: number): number {
    return this.hpa + index * this.layout.entryBytes;
  }

  /** The first linear address that an entry maps. */
  linearOf(index: number): number {
    const { directories, spaceShift, directoryShift } = this.layout;
    const start = directories === 1 ? 0 : this.number * 2 ** spaceShift;
    return start + index * 2 ** directoryShift;
  }
}

export function directoryKey(source: DirectorySource, number: number, view: View): string {
  return `${source} ${number} ${view}`;
}

/** An address space of the guest: what its directories are derived from. */
export interface AddressSpace {
  /** One name for one space. */
  readonly name: string;
  readonly directories: readonly DirectorySource[];
}

function addressSpace(directories: readonly DirectorySource[]): AddressSpace {
  return { name: directories.join(), directories };
}

/** The address space that a guest is in. */
export function spaceOf({ paging, format, directories }: PagingMode): AddressSpace {
  const { directories: count } = layoutOf(format);
  const sources = Array.from({ length: count }, (_, number) => directories[number] ?? 'none');
  return addressSpace(paging ? sources : sources.map(() => 'identity'));
}

/** What the host's CR3 points to while the guest runs in one of its address spaces: a directory, or a table of pointers to some. */
export class ShadowRoot {
  constructor(
    readonly hpa: number,
    readonly space: AddressSpace,
    readonly view: View,
    readonly directories: readonly ShadowDirectory[],
  ) {}

  /** One name for one address space of one view. */
  get key(): string {
    return rootKey(this.space.name, this.view);
  }
}

export function rootKey(spaceName: string, view: View): string {
  return `${spaceName} ${view}`;
}
