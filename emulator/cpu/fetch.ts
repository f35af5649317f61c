import type { Block } from './block.js';
import { decodeBlock, decodeSingle } from './block-decoder.js';
import { CodeCache, NO_BLOCKS } from './code-cache.js';
import type { BlockTable } from './code-cache.js';
import { MAX_INSTRUCTION_BYTES } from '../isa/decoder.js';
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
  /** Where it is decides what the next fetch costs; the blocks are decoded anew (checkpoint.ts). */
  static readonly checkpointing = { derived: ['blocks', 'straddlers'] };
  /** Number of the linear page that it holds, or -1. */
  linearPage = NO_PAGE;
  /** The blocks kept for that page. */
  blocks: BlockTable = NO_BLOCKS;
  physicalPage = NO_PAGE;
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

  afterRestore(): void {
    this.blocks = NO_BLOCKS;
    this.straddlers.clear();
  }

  /** The next fetch goes through rights, TLB and CS.D anew. */
  restart(): void {
    this.linearPage = NO_PAGE;
  }

  /** Goes to a page that compiled code has gone to. */
  hold(linearPage: number, physicalPage: number): void {
    if (linearPage === this.linearPage && physicalPage === this.physicalPage) return;
    this.linearPage = linearPage;
    this.physicalPage = physicalPage;
    this.blocks = this.cache.find(physicalPage, this.cpu.codeIs32);
  }

  /** Everything is decoded anew. */
  forget(): void {
    this.cache.clear();
    this.straddlers.clear();
    this.restart();
  }

  /** Goes to the page of `linear`. @returns its physical page number. @throws Fault #GP(0), #PF. */
  moveTo(linear: number): number {
    const { cpu } = this;
    // Beyond the limit nothing is translated: the decoder raises the fault before it looks at memory.
    if (cpu.eip > cpu.codeLimit) decodeSingle(cpu, linear, 0);
    const page = Math.floor(cpu.fetchPhysical(linear) / PAGE_BYTES);
    this.linearPage = linear >>> 12;
    this.physicalPage = page;
    this.blocks = this.cache.find(page, cpu.codeIs32);
    return page;
  }

  /** The block at `linear`, in the current page: decoded, and kept, or an instruction that straddles. */
  build(linear: number): Block {
    const { cpu, physicalPage } = this;
    const straddler = this.findStraddler(linear);
    if (straddler !== null) return straddler;
    const block = decodeBlock(cpu, physicalPage, linear & PAGE_MASK, Infinity);
    if (block === null) return this.addStraddler(linear);
    if (this.blocks === NO_BLOCKS) this.blocks = this.cache.open(physicalPage, cpu.codeIs32);
    this.cache.keep(physicalPage, this.blocks, block);
    block.hotAt = cpu.parts.compiled?.hotInstructions ?? Infinity;
    return block;
  }

  /** A block of at most `maxOperations` for where {@link build} has found `longer`; kept with it when it is one instruction. */
  shorten(linear: number, maxOperations: number, longer: Block): Block {
    if (maxOperations > 1) return this.decodeShort(linear, maxOperations);
    // It is dropped with the longer one, whose bytes include its own.
    return (longer.alone ??= this.decodeShort(linear, 1));
  }

  private decodeShort(linear: number, maxOperations: number): Block {
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

  private straddlerKey(linear: number): number {
    return this.physicalAddress(linear) * 2 + (this.cpu.codeIs32 ? 1 : 0);
  }

  /**
   * An instruction that has been decoded from these bytes of these two pages. They are compared, so nobody has to
   * be told of writes to them, and the second page is translated, each time it is fetched.
   */
  private findStraddler(linear: number): Block | null {
    const inPage = PAGE_BYTES - (linear & PAGE_MASK);
    if (inPage >= MAX_INSTRUCTION_BYTES) return null;
    const known = this.straddlers.get(this.straddlerKey(linear));
    if (!known || !this.inLimit(known.bytes.length)) return null;
    const { block, bytes } = known;
    if (!this.hasBytes(this.physicalAddress(linear), bytes, 0, inPage)) return null;
    const next = this.cpu.fetchPhysical((linear + inPage) | 0);
    return this.hasBytes(next, bytes, inPage, bytes.length) ? block : null;
  }

  private hasBytes(address: number, bytes: Uint8Array, from: number, to: number): boolean {
    const { memory } = this.cpu;
    for (let at = from; at < to; at++) if (memory.read8(address + at - from) !== bytes[at]) return false;
    return true;
  }

  private addStraddler(linear: number): Block {
    const { cpu, straddlers } = this;
    const block = this.single(linear);
    const inPage = PAGE_BYTES - (linear & PAGE_MASK);
    if (block.lengthBytes <= inPage) return block;
    const first = this.physicalAddress(linear);
    const next = cpu.fetchPhysical((linear + inPage) | 0) - inPage;
    const bytes = Uint8Array.from({ length: block.lengthBytes }, (_, at) =>
      cpu.memory.read8((at < inPage ? first : next) + at),
    );
    if (straddlers.size === MAX_STRADDLERS) straddlers.clear();
    straddlers.set(this.straddlerKey(linear), { block, bytes });
    return block;
  }
}
