import { ARENA_BYTES, DIRECTORY_ENTRY_BYTES, FIXED_BYTES } from './layout.js';
import type { CompiledLayout } from './layout.js';

/** An entry of a page's table: a unit's slot and the number of a block in it; 0: there is none. */
export const SLOT_SHIFT = 6;
export const INDEX_MASK = (1 << SLOT_SHIFT) - 1;
/** Slots of units, the first of which is never used. */
export const SLOTS = 1 << (16 - SLOT_SHIFT);

const PAGE_BYTES = 4096;
const WORD = 4;
const ALIGNMENT = 8;
const ENTRY_BYTES = 2;

/** Which compiled block begins at a place of a page, in tables that compiled code looks up; and the room for these and for what units count. */
export class CodeDirectory {
  /** By page of the memory and size of the code: address of the page's table, with an entry for each offset; or 0. */
  private readonly pages: Int32Array;
  private readonly buffer: ArrayBufferLike;
  private readonly start: number;
  private next: number;
  /** Where {@link pages} is not 0. */
  private used: number[] = [];

  constructor(private readonly layout: CompiledLayout) {
    this.buffer = layout.memory.buffer;
    this.pages = new Int32Array(
      this.buffer,
      layout.directoryBytes,
      (layout.marksBytes - layout.directoryBytes) / WORD,
    );
    this.start = layout.arenaBytes + FIXED_BYTES;
    this.next = this.start;
  }

  get freeBytes(): number {
    return this.layout.arenaBytes + ARENA_BYTES - this.next;
  }

  /** Zeroed room in the arena. */
  allocate(bytes: number): number {
    const address = this.next;
    this.next = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT;
    new Uint8Array(this.buffer, address, bytes).fill(0);
    return address;
  }

  /** Address of the table of a page, made if need be. @param hostPage its address in the memory. */
  table(hostPage: number, is32: boolean): number {
    const at = (hostPage >>> 12) * (DIRECTORY_ENTRY_BYTES / WORD) + (is32 ? 1 : 0);
    if (this.pages[at] === 0) {
      this.used.push(at);
      this.pages[at] = this.allocate(PAGE_BYTES * ENTRY_BYTES);
    }
    return this.pages[at];
  }

  /** The entries of a table. */
  entries(table: number): Uint16Array {
    return new Uint16Array(this.buffer, table, PAGE_BYTES);
  }

  clear(): void {
    for (const at of this.used) this.pages[at] = 0;
    this.used = [];
    this.next = this.start;
  }

  /** As {@link clear}, when the memory may hold what it held at another time. */
  wipe(): void {
    this.pages.fill(0);
    this.used = [];
    this.next = this.start;
  }
}

/** Most room that {@link CodeDirectory.table} takes. */
export const TABLE_BYTES = PAGE_BYTES * ENTRY_BYTES;
