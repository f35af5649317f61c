import type { PhysicalMemory } from '../platform/memory.js';
import type { Block } from './block.js';

const PAGE_BYTES = 4096;

/** Blocks by offset of their first byte in the page. */
export type BlockTable = (Block | undefined)[];

/** Stands for a page of which no block is kept; never written. */
export const NO_BLOCKS: BlockTable = newTable();

function newTable(): BlockTable {
  return new Array<Block | undefined>(PAGE_BYTES).fill(undefined);
}

/** Blocks of one physical page, by default operand size (CS.D), and which of its bytes they were decoded from. */
class CodePage {
  readonly tables: [BlockTable | null, BlockTable | null] = [null, null];
  readonly covered = new Uint8Array(PAGE_BYTES);
  longestBlockBytes = 0;

  /** Drops the blocks that were decoded from any of these bytes. */
  drop(byteOffset: number, byteCount: number): void {
    const first = Math.max(0, byteOffset - this.longestBlockBytes + 1);
    for (const table of this.tables) {
      if (table === null) continue;
      for (let at = first; at < byteOffset + byteCount; at++) {
        const block = table[at];
        if (block === undefined || at + block.lengthBytes <= byteOffset) continue;
        block.unit?.lose();
        table[at] = undefined;
      }
    }
  }
}

/** Decoded blocks by physical page. A write drops those whose bytes it changes. */
export class CodeCache {
  /** Decoded from memory, which a checkpoint keeps (checkpoint.ts). */
  static readonly checkpointing = { derived: ['pages'] };
  private readonly pages: (CodePage | undefined)[];

  /** @param onDrop told when blocks of a page have been dropped. */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly onDrop: (page: number) => void,
  ) {
    this.pages = new Array<CodePage | undefined>(memory.sizeBytes / PAGE_BYTES).fill(undefined);
    memory.onCodeWrite((page, byteOffset, byteCount) => this.noteWrite(page, byteOffset, byteCount));
  }

  afterRestore(): void {
    this.pages.fill(undefined);
  }

  /** The blocks of a page that exist so far, or {@link NO_BLOCKS}. */
  find(page: number, is32: boolean): BlockTable {
    return this.pages[page]?.tables[is32 ? 1 : 0] ?? NO_BLOCKS;
  }

  /** The table of a page, made if need be. */
  open(page: number, is32: boolean): BlockTable {
    const codePage = (this.pages[page] ??= new CodePage());
    this.memory.markCode(page);
    return (codePage.tables[is32 ? 1 : 0] ??= newTable());
  }

  /** Keeps `block` in `table`, an open table of `page`. */
  keep(page: number, table: BlockTable, block: Block): void {
    const { pageOffset } = block.first;
    const codePage = this.pages[page];
    if (!codePage) return;
    table[pageOffset] = block;
    codePage.covered.fill(1, pageOffset, pageOffset + block.lengthBytes);
    codePage.longestBlockBytes = Math.max(codePage.longestBlockBytes, block.lengthBytes);
  }

  clear(): void {
    for (const codePage of this.pages) codePage?.drop(0, PAGE_BYTES);
    this.pages.fill(undefined);
  }

  private noteWrite(page: number, byteOffset: number, byteCount: number): void {
    const codePage = this.pages[page];
    if (!codePage) return;
    // The other blocks of the page stay, and so must the mark that the write has cleared.
    this.memory.markCode(page);
    for (let at = byteOffset; at < byteOffset + byteCount; at++) {
      if (codePage.covered[at] === 0) continue;
      codePage.drop(byteOffset, byteCount);
      this.onDrop(page);
      return;
    }
  }
}
