import type { PagingFormat } from '../arch/paging.js';

/**
 * How shadow tables are laid out: as the guest's own are, so that one shadow table says what one guest table says, and the
 * host pages as the guest believes to.
 */
export interface ShadowLayout {
  readonly entryBytes: 4 | 8;
  readonly entriesPerTable: number;
  /** What one directory entry covers, as a shift of the linear address. */
  readonly directoryShift: number;
  /** What one directory covers. */
  readonly spaceShift: number;
  /** Directories of an address space: one, or as many as the page-directory-pointer table has entries. */
  readonly directories: number;
}

const TWO_LEVELS: ShadowLayout = {
  entryBytes: 4,
  entriesPerTable: 1024,
  directoryShift: 22,
  spaceShift: 32,
  directories: 1,
};
const THREE_LEVELS: ShadowLayout = {
  entryBytes: 8,
  entriesPerTable: 512,
  directoryShift: 21,
  spaceShift: 30,
  directories: 4,
};

export function layoutOf({ entryBytes }: PagingFormat): ShadowLayout {
  return entryBytes === 4 ? TWO_LEVELS : THREE_LEVELS;
}

/** Which of an address space's directories a linear address belongs to. */
export function directoryNumber({ directories, spaceShift }: ShadowLayout, linear: number): number {
  return directories === 1 ? 0 : linear >>> spaceShift;
}

/** Its entry in that directory. */
export function directoryIndex({ directoryShift, entriesPerTable }: ShadowLayout, linear: number): number {
  return (linear >>> directoryShift) & (entriesPerTable - 1);
}

/** Its entry in the table that the directory entry names. */
export function tableIndex({ entriesPerTable }: ShadowLayout, linear: number): number {
  return (linear >>> 12) & (entriesPerTable - 1);
}

/** Frames for a root: its directories, and where there are several the pointers to them. */
export function framesForRoot({ directories }: ShadowLayout): number {
  return directories === 1 ? 1 : directories + 1;
}

/** Frames that one fill may need: a root and a second-level table. */
export function framesForFill(layout: ShadowLayout): number {
  return framesForRoot(layout) + 1;
}
