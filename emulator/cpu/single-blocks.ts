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
    if (known && this.stands(known, linear, physical)) return known.block;
    const block = decodeSingle(cpu, linear, physical);
    const bytes = this.bytesOf(block, linear, physical);
    if (bytes === null) return block;
    if (entries.size === MAX_ENTRIES) entries.clear();
    entries.set(key, { block, bytes });
    return block;
  }

  /** What a block was decoded from; null when that is not all memory. */
  private bytesOf({ lengthBytes }: Block, linear: number, physical: number): Uint8Array | null {
    const { u8, sizeBytes } = this.cpu.memory;
    const inPage = Math.min(lengthBytes, PAGE_BYTES - (linear & PAGE_MASK));
    if (physical + inPage > sizeBytes) return null;
    const bytes = u8.slice(physical, physical + lengthBytes);
    if (inPage === lengthBytes) return bytes;
    const next = this.cpu.fetchPhysical((linear + inPage) | 0);
    if (next + lengthBytes - inPage > sizeBytes) return null;
    bytes.set(u8.subarray(next, next + lengthBytes - inPage), inPage);
    return bytes;
  }

  /** The second page of an instruction that lies in two is translated each time, as its fetch does when the first has not all of it. */
  private stands({ bytes }: Entry, linear: number, physical: number): boolean {
    const { cpu } = this;
    if (cpu.eip + bytes.length - 1 > cpu.codeLimit) return false;
    const inPage = Math.min(bytes.length, PAGE_BYTES - (linear & PAGE_MASK));
    if (!this.hasBytes(physical, bytes, 0, inPage)) return false;
    if (inPage === bytes.length) return true;
    return this.hasBytes(cpu.fetchPhysical((linear + inPage) | 0), bytes, inPage, bytes.length);
  }

  private hasBytes(physical: number, bytes: Uint8Array, from: number, to: number): boolean {
    const { u8 } = this.cpu.memory;
    for (let at = from; at < to; at++) if (u8[physical + at - from] !== bytes[at]) return false;
    return true;
  }
}
