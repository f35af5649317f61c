import { ATTR_DB } from './arch/descriptors.js';
import { CS } from './arch/registers.js';
import { MAX_INSTRUCTION_BYTES, decode } from './isa/decoder.js';
import { disassemble } from './isa/disassemble.js';
import type { Machine } from './machine.js';

/** One instruction of a guest. */
export interface CodeLine {
  linear: number;
  /** The label at or before the address, with the distance; null when there is none near. */
  symbol: string | null;
  bytes: Uint8Array;
  text: string;
}

/** Farther from a label than this an address belongs to something else. */
const MOST_DISTANCE_BYTES = 0x1000;

/** Labels that the assembler makes within macros begin so. */
const MACRO_LABEL = '..@';

/** Names addresses by the labels of a program, those inside macros left out. */
export class Symbols {
  private readonly sorted: readonly (readonly [address: number, name: string])[];

  constructor(labels: Readonly<Record<string, number>> = {}) {
    this.sorted = Object.entries(labels)
      .filter(([name]) => !name.startsWith(MACRO_LABEL))
      .map(([name, address]) => [address, name] as const)
      .sort(([a], [b]) => a - b);
  }

  /** The label that stands exactly there. */
  at(address: number): string | null {
    return this.sorted.find(([at]) => at === address)?.[1] ?? null;
  }

  /** As `label` or `label+0x12`. */
  near(address: number): string | null {
    const found = this.sorted.filter(([at]) => at <= address).at(-1);
    if (!found || address - found[0] >= MOST_DISTANCE_BYTES) return null;
    const [at, name] = found;
    return at === address ? name : `${name}+0x${(address - at).toString(16)}`;
  }
}

/**
 * Disassembles what a guest's processor would execute from linear address `from` on, in its present code size,
 * through its page tables, changing nothing. Ends at a page that is not there.
 */
export function disassembleGuest(
  guest: Machine,
  from: number,
  count: number,
  symbols = new Symbols(),
): CodeLine[] {
  const { cpu } = guest;
  const bits = cpu.segment(CS).attributes & ATTR_DB ? 32 : 16;
  const base = cpu.segment(CS).base;
  const lines: CodeLine[] = [];
  for (let linear = from >>> 0; lines.length < count;) {
    const bytes = fetchBytes(guest, linear);
    if (bytes.length === 0) break;
    const op = decode(bytes, 0, bytes.length, bits);
    const isWhole = typeof op !== 'string';
    const length = isWhole ? op.lengthBytes : bytes.length;
    const eip = (linear - base) >>> 0;
    lines.push({
      linear,
      symbol: symbols.near(linear),
      bytes: bytes.slice(0, length),
      text: isWhole ? disassemble(op, eip, (at) => symbols.at((at + base) >>> 0)) : '(incomplete)',
    });
    linear = (linear + length) >>> 0;
  }
  return lines;
}

function fetchBytes({ cpu, memory }: Machine, linear: number): Uint8Array {
  const bytes: number[] = [];
  for (let at = 0; at < MAX_INSTRUCTION_BYTES; at++) {
    const access = { write: false, user: cpu.cpl === 3, fetch: true };
    const physical = cpu.translate((linear + at) >>> 0, access);
    if (physical === null || physical >= memory.sizeBytes) break;
    bytes.push(memory.read8(physical));
  }
  return Uint8Array.from(bytes);
}
