import type { Block } from './block.js';
import { decodeBlock, decodeSingle } from './block-decoder.js';
import { CodeCache, NO_BLOCKS } from './code-cache.js';
import type { BlockTable } from './code-cache.js';
import type { Cpu } from './cpu.js';

const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
const NO_PAGE = -1;
const MAX_STRADDLERS = 1 << 12;

/** An instruction that lies in two pages, with the bytes that it was decoded from. */
interface Straddler {
  block: Block;
  bytes: Uint8Array;
}

/**
 * Where instructions come from. The fetcher holds the translation of one page, until control leaves the page,
 * the TLB is flushed or the rights change: what it costs to fetch depends on these events only, so nothing else,
 * such as the end of a budget, may make it forget.
 */
export class Fetcher {
  /** Number of the linear page that it holds, or -1. */
  linearPage = NO_PAGE;
  /** The blocks kept for that page. */
  blocks: BlockTable = NO_BLOCKS;
  private physicalPage = NO_PAGE;
  private readonly cache: CodeCache;
  /** By physical address of the first byte and CS.D. */
  private readonly straddlers = new Map<number, Straddler>();

  /** @param onDrop told when blocks of the page have been dropped: the one under execution may be among them. */
  constructor(
    private readonly cpu: Cpu,
    onDrop: () => void,
  ) {
    this.cache = new CodeCache(cpu.memory, (page) => {
      if (page === this.physicalPage) onDrop();
    });
  }

  /** The next fetch goes through rights, TLB and CS.D anew. */
  restart(): void {
    this.linearPage = NO_PAGE;
  }

  /** Goes to the page of `linear`. @returns its physical page number. @throws Fault #GP(0), #PF. */
  moveTo(linear: number): number {
    const { cpu } = this;
    // Beyond the limit nothing is translated: the decoder raises the fault before it looks at memory.
    if (cpu.eip > cpu.codeLimit) decodeSingle(cpu, linear, 0);
    const page = cpu.fetchPhysical(linear) >>> 12;
    this.linearPage = linear >>> 12;
    this.physicalPage = page;
    this.blocks = this.cache.find(page, cpu.codeIs32);
    return page;
  }

  /** Decodes the block at `linear`, in the current page, and keeps it unless it is an instruction that straddles. */
  build(linear: number): Block {
    const { cpu, physicalPage } = this;
    const block = decodeBlock(cpu, physicalPage, linear & PAGE_MASK, Infinity);
    if (block === null) return this.straddler(linear);
    if (this.blocks === NO_BLOCKS) this.blocks = this.cache.open(physicalPage, cpu.codeIs32);
    this.cache.keep(physicalPage, this.blocks, block);
    return block;
  }

  /** A block of at most `maxOperations`, not kept, for where {@link build} has found a longer one. */
  shorten(linear: number, maxOperations: number): Block {
    const block = decodeBlock(this.cpu, this.physicalPage, linear & PAGE_MASK, maxOperations);
    return block !== null && this.inLimit(block.lengthBytes) ? block : this.single(linear);
  }

  /** The instruction at `linear`, not kept, with all checks. @throws Fault #GP(0), #PF. */
  single(linear: number): Block {
    return decodeSingle(this.cpu, linear, this.physicalAddress(linear));
  }

  private inLimit(lengthBytes: number): boolean {
    return this.cpu.eip + lengthBytes - 1 <= this.cpu.codeLimit;
  }

  private physicalAddress(linear: number): number {
    return this.physicalPage * PAGE_BYTES + (linear & PAGE_MASK);
  }

  /** The second page is translated each time, and the bytes are compared, so nobody has to be told of writes to them. */
  private straddler(linear: number): Block {
    const { cpu, straddlers } = this;
    const address = this.physicalAddress(linear);
    const key = address * 2 + (cpu.codeIs32 ? 1 : 0);
    const known = straddlers.get(key);
    if (known && this.inLimit(known.bytes.length) && this.hasBytes(linear, address, known.bytes)) {
      return known.block;
    }
    const block = this.single(linear);
    const inPage = PAGE_BYTES - (linear & PAGE_MASK);
    if (block.lengthBytes > inPage) {
      if (straddlers.size === MAX_STRADDLERS) straddlers.clear();
      const bytes = Uint8Array.from({ length: block.lengthBytes }, (_, index) =>
        this.cpu.memory.read8(this.byteAddress(linear, address, index)),
      );
      straddlers.set(key, { block, bytes });
    }
    return block;
  }

  private hasBytes(linear: number, address: number, bytes: Uint8Array): boolean {
    const inPage = PAGE_BYTES - (linear & PAGE_MASK);
    const next = this.cpu.fetchPhysical((linear + inPage) | 0) - inPage;
    const { memory } = this.cpu;
    for (let index = 0; index < bytes.length; index++) {
      if (memory.read8((index < inPage ? address : next) + index) !== bytes[index]) return false;
    }
    return true;
  }

  private byteAddress(linear: number, address: number, index: number): number {
    const inPage = PAGE_BYTES - (linear & PAGE_MASK);
    return index < inPage ? address + index : this.cpu.fetchPhysical((linear + index) | 0);
  }
}
