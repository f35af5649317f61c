import { decodeSingle } from './block-decoder.js';
import type { Block } from './block.js';
import type { Cpu } from './cpu.js';

const PAGE_MASK = 0xfff;
const PAGE_BYTES = 4096;
const MAX_ENTRIES = 1 << 12;

interface Entry {
  block: Block;
  bytes: Uint8Array;
}

/**
 * Instructions that have been executed one at a time, for monitors that emulate the same few again and again. Each is
 * compared with the bytes as they are now before it serves again, so nobody has to be told of writes.
 */
export class SingleBlocks {
  private readonly entries = new Map<number, Entry>();

  constructor(private readonly cpu: Cpu) {}

  /** As {@link decodeSingle}. */
  find(linear: number, physical: number): Block {
    const { cpu, entries } = this;
    const key = physical * 2 + (cpu.codeIs32 ? 1 : 0);
    const known = entries.get(key);
    if (known && this.stands(known, physical)) return known.block;
    const block = decodeSingle(cpu, linear, physical);
    if ((linear & PAGE_MASK) + block.lengthBytes > PAGE_BYTES) return block;
    if (physical + block.lengthBytes > cpu.memory.sizeBytes) return block;
    if (entries.size === MAX_ENTRIES) entries.clear();
    entries.set(key, { block, bytes: cpu.memory.u8.slice(physical, physical + block.lengthBytes) });
    return block;
  }

  private stands({ bytes }: Entry, physical: number): boolean {
    const { u8 } = this.cpu.memory;
    if (this.cpu.eip + bytes.length - 1 > this.cpu.codeLimit) return false;
    for (let at = 0; at < bytes.length; at++) if (u8[physical + at] !== bytes[at]) return false;
    return true;
  }
}
