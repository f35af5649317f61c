/** Segment descriptor facts (AMD64 APM vol. 2, rev. 3.44, sections 4.7 "Legacy Segment Descriptors" and 4.8). */

/**
 * Hidden part of a segment register. `attributes` is in the VMCB's 12-bit form: type 3:0, S 4, DPL 6:5,
 * P 7, AVL 8, L 9, D/B 10, G 11. `limit` is in bytes, already scaled by G.
 */
export interface SegmentState {
  selector: number;
  attributes: number;
  /** Offset of the last valid byte (for expand-down: of the last invalid one), unsigned. */
  limit: number;
  /** Linear address of offset 0, unsigned. */
  base: number;
}

/** GDTR or IDTR. `base` is linear. */
export interface TableState {
  base: number;
  limit: number;
}

export const ATTR_TYPE = 0xf;
export const ATTR_ACCESSED = 1 << 0;
/** Data: writable. Code: readable. */
export const ATTR_RW = 1 << 1;
/** Data: expand-down. Code: conforming. */
export const ATTR_DC = 1 << 2;
export const ATTR_CODE = 1 << 3;
/** S = 1: code or data; S = 0: system segment or gate. */
export const ATTR_S = 1 << 4;
export const ATTR_DPL_SHIFT = 5;
export const ATTR_DPL = 3 << ATTR_DPL_SHIFT;
export const ATTR_P = 1 << 7;
export const ATTR_AVL = 1 << 8;
export const ATTR_L = 1 << 9;
export const ATTR_DB = 1 << 10;
export const ATTR_G = 1 << 11;

/** System descriptor types (S = 0). */
export const SYS_TSS16_AVAILABLE = 1;
export const SYS_LDT = 2;
export const SYS_TSS16_BUSY = 3;
export const SYS_CALL_GATE16 = 4;
export const SYS_TASK_GATE = 5;
export const SYS_INTERRUPT_GATE16 = 6;
export const SYS_TRAP_GATE16 = 7;
export const SYS_TSS32_AVAILABLE = 9;
export const SYS_TSS32_BUSY = 11;
export const SYS_CALL_GATE32 = 12;
export const SYS_INTERRUPT_GATE32 = 14;
export const SYS_TRAP_GATE32 = 15;

/** Decodes the two 32-bit words of a descriptor. @param selector goes into the result unchanged. */
export function decodeDescriptor(low: number, high: number, selector: number): SegmentState {
  const attributes = ((high >>> 8) & 0xff) | ((high >>> 12) & 0xf00);
  const raw = ((low & 0xffff) | (high & 0xf0000)) >>> 0;
  const limit = attributes & ATTR_G ? ((raw << 12) | 0xfff) >>> 0 : raw;
  const base = ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0;
  return { selector, attributes, limit, base };
}

/** Inverse of {@link decodeDescriptor}: the two words, [low, high], unsigned. A limit above 1 MB is cut to whole pages. */
export function encodeDescriptor(segment: SegmentState): [number, number] {
  const { base, attributes } = segment;
  const large = segment.limit > 0xfffff;
  const raw = large ? segment.limit >>> 12 : segment.limit;
  const attr = large ? attributes | ATTR_G : attributes & ~ATTR_G;
  const low = ((raw & 0xffff) | (base << 16)) >>> 0;
  const high =
    (((base >>> 16) & 0xff) |
      ((attr & 0xff) << 8) |
      (raw & 0xf0000) |
      ((attr & 0xf00) << 12) |
      (base & 0xff00_0000)) >>>
    0;
  return [low, high];
}
