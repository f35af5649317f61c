import {
  ATTR_ACCESSED,
  ATTR_CODE,
  ATTR_DC,
  ATTR_DPL,
  ATTR_DPL_SHIFT,
  ATTR_P,
  ATTR_RW,
  ATTR_S,
} from '../arch/descriptors.js';
import { decodeDescriptor } from '../arch/descriptors.js';
import type { SegmentState, TableState } from '../arch/descriptors.js';
import { LDTR } from '../arch/registers.js';
import type { Cpu } from './cpu.js';

export const SELECTOR_TI = 4;
const ACCESS_BYTE = 5;

/** A descriptor as it stands in a table. */
export class Descriptor implements SegmentState {
  selector: number;
  attributes: number;
  readonly limit: number;
  readonly base: number;

  /**
   * @param address linear address of its first byte.
   * @param low @param high its two words, kept for gates.
   */
  constructor(
    selector: number,
    readonly address: number,
    readonly low: number,
    readonly high: number,
  ) {
    const segment = decodeDescriptor(low, high, selector);
    this.selector = selector;
    this.attributes = segment.attributes;
    this.limit = segment.limit;
    this.base = segment.base;
  }
}

export function rpl(selector: number): number {
  return selector & 3;
}

export function isNull(selector: number): boolean {
  return (selector & ~3) === 0;
}

export function dpl(attributes: number): number {
  return (attributes & ATTR_DPL) >> ATTR_DPL_SHIFT;
}

export function isPresent(attributes: number): boolean {
  return (attributes & ATTR_P) !== 0;
}

export function isCode(attributes: number): boolean {
  return (attributes & (ATTR_S | ATTR_CODE)) === (ATTR_S | ATTR_CODE);
}

export function isConforming(attributes: number): boolean {
  return (attributes & ATTR_DC) !== 0;
}

export function isWritableData(attributes: number): boolean {
  return (attributes & (ATTR_S | ATTR_CODE | ATTR_RW)) === (ATTR_S | ATTR_RW);
}

/** Data, or code that may be read. */
export function isReadable(attributes: number): boolean {
  return (attributes & ATTR_S) !== 0 && (attributes & (ATTR_CODE | ATTR_RW)) !== ATTR_CODE;
}

/** Type of a system segment or gate, or -1 for code and data. */
export function systemType(attributes: number): number {
  return attributes & ATTR_S ? -1 : attributes & 0xf;
}

/** The descriptor of a selector, or null when it lies outside its table. @throws Fault #PF. */
export function probeDescriptor(cpu: Cpu, selector: number): Descriptor | null {
  const inLdt = (selector & SELECTOR_TI) !== 0;
  if (inLdt && !isPresent(cpu.attributes(LDTR))) return null;
  const { base, limit }: TableState = inLdt ? cpu.segment(LDTR) : cpu.table('gdtr');
  const offset = selector & ~7;
  if (offset + 7 > limit) return null;
  const address = (base + offset) >>> 0;
  const low = cpu.readLinear(address, 4, false);
  const high = cpu.readLinear(address + 4, 4, false);
  return new Descriptor(selector, address, low, high);
}

/** As {@link probeDescriptor}. @throws Fault `vector` with the selector and `ext` as error code when outside its table. */
export function fetchDescriptor(cpu: Cpu, selector: number, vector: number, ext = 0): Descriptor {
  return probeDescriptor(cpu, selector) ?? cpu.fault.raise(vector, (selector & ~3) | ext);
}

/** Sets the accessed bit of a code or data descriptor, in memory too, unless it is set. */
export function markAccessed(cpu: Cpu, descriptor: Descriptor): void {
  if (descriptor.attributes & ATTR_ACCESSED) return;
  descriptor.attributes |= ATTR_ACCESSED;
  cpu.writeLinear(descriptor.address + ACCESS_BYTE, 1, descriptor.attributes & 0xff, false);
}

/** Writes the access byte of a system descriptor after a change of its type. */
export function writeType(cpu: Cpu, descriptor: Descriptor, type: number): void {
  descriptor.attributes = (descriptor.attributes & ~0xf) | type;
  cpu.writeLinear(descriptor.address + ACCESS_BYTE, 1, descriptor.attributes & 0xff, false);
}
