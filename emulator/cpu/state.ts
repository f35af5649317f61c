import { ATTR_CODE, ATTR_DB, ATTR_DC, ATTR_DPL, ATTR_P, ATTR_RW, ATTR_S } from '../arch/descriptors.js';
import type { SegmentState, TableState } from '../arch/descriptors.js';
import { CS, SS } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import {
  CODE_LIMIT_I32,
  CPL_I32,
  GDTR_OFFSET,
  IDTR_OFFSET,
  READ_SPAN_OFFSET,
  SEGMENT_OFFSET,
  SEGMENT_STRIDE,
  STATE_BYTES,
  WRITE_SPAN_OFFSET,
} from '../arch/state.js';
import type { SegmentationImage } from './processor.js';

const SEGMENT_I32 = SEGMENT_OFFSET >> 2;
const STRIDE_I32 = SEGMENT_STRIDE >> 2;
const ATTRIBUTES_I32 = 1;
const LIMIT_I32 = 2;
/** 32-bit index of segment 0's base; segment n's is `BASE_I32 + BASE_STRIDE_I32 * n`. */
export const BASE_I32 = SEGMENT_I32 + 4;
export const BASE_STRIDE_I32 = STRIDE_I32;

const TABLE_OFFSETS = { gdtr: GDTR_OFFSET, idtr: IDTR_OFFSET } as const;
const TABLE_LIMIT_I32 = 2;

/**
 * The state area of a processor (arch/state.ts) through typed views. The area is authoritative for every
 * register in it. The other fields are derived from segment registers, rewritten whenever one changes.
 */
export class StateArea {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly s32: Int32Array;
  readonly u32: Uint32Array;
  /**
   * Per segment: how many offsets, counted from 0, are valid starts of a read of up to 4 bytes, with nothing left to check. 0 sends
   * every access to the full check.
   */
  readonly readSpan: Uint32Array;
  readonly writeSpan: Uint32Array;
  /** Which bits of ESP the stack segment uses: 0xffff, or all (as -1). */
  stackMask = -1;
  /** CS.D: default operand and address size is 32 bits. */
  codeIs32 = true;
  /** Last offset that can be fetched; Infinity for a 4 GB segment, whose offsets wrap. */
  codeLimit = Infinity;
  segmentLoads = 0;
  /** Alignment checks are on (CR0.AM, EFLAGS.AC, CPL 3): every access takes the full check. */
  private aligned = false;

  /** @param offsetBytes a multiple of 8. */
  constructor(buffer: ArrayBufferLike, offsetBytes: number) {
    this.u8 = new Uint8Array(buffer, offsetBytes, STATE_BYTES);
    this.u16 = new Uint16Array(buffer, offsetBytes, STATE_BYTES >> 1);
    this.s32 = new Int32Array(buffer, offsetBytes, STATE_BYTES >> 2);
    this.u32 = new Uint32Array(buffer, offsetBytes, STATE_BYTES >> 2);
    this.readSpan = new Uint32Array(buffer, offsetBytes + READ_SPAN_OFFSET, 8);
    this.writeSpan = new Uint32Array(buffer, offsetBytes + WRITE_SPAN_OFFSET, 8);
  }

  selector(segment: SegmentIndex): number {
    return this.u32[SEGMENT_I32 + segment * STRIDE_I32];
  }

  attributes(segment: SegmentIndex): number {
    return this.u32[SEGMENT_I32 + segment * STRIDE_I32 + ATTRIBUTES_I32];
  }

  /** Unsigned. */
  limit(segment: SegmentIndex): number {
    return this.u32[SEGMENT_I32 + segment * STRIDE_I32 + LIMIT_I32];
  }

  /** Unsigned. */
  base(segment: SegmentIndex): number {
    return this.u32[BASE_I32 + segment * STRIDE_I32];
  }

  segment(segment: SegmentIndex): SegmentState {
    return {
      selector: this.selector(segment),
      attributes: this.attributes(segment),
      limit: this.limit(segment),
      base: this.base(segment),
    };
  }

  holdsSegment(segment: SegmentIndex, { selector, attributes, limit, base }: SegmentState): boolean {
    const { u32 } = this;
    const at = SEGMENT_I32 + segment * STRIDE_I32;
    return (
      u32[at] === selector &&
      u32[at + ATTRIBUTES_I32] === attributes &&
      u32[at + LIMIT_I32] === limit &&
      u32[BASE_I32 + segment * STRIDE_I32] === base
    );
  }

  setSegment(segment: SegmentIndex, { selector, attributes, limit, base }: SegmentState): void {
    const at = SEGMENT_I32 + segment * STRIDE_I32;
    this.segmentLoads++;
    this.u32[at] = selector;
    this.u32[at + ATTRIBUTES_I32] = attributes;
    this.u32[at + LIMIT_I32] = limit;
    this.u32[BASE_I32 + segment * STRIDE_I32] = base;
    this.deriveSegment(segment);
  }

  /**
   * Loads a segment register from words, `limit` and `base` signed; what is derived from them is only when they
   * change in more than the privilege level.
   */
  loadSegmentWords(
    segment: SegmentIndex,
    selector: number,
    attributes: number,
    limit: number,
    base: number,
  ): void {
    const { s32 } = this;
    const at = SEGMENT_I32 + segment * STRIDE_I32;
    this.segmentLoads++;
    s32[at] = selector;
    s32[BASE_I32 + segment * STRIDE_I32] = base;
    const changed = (s32[at + ATTRIBUTES_I32] ^ attributes) & ~ATTR_DPL;
    s32[at + ATTRIBUTES_I32] = attributes;
    if (changed === 0 && s32[at + LIMIT_I32] === limit) return;
    s32[at + LIMIT_I32] = limit;
    this.deriveSegment(segment);
  }

  table(table: 'gdtr' | 'idtr'): TableState {
    const at = TABLE_OFFSETS[table] >> 2;
    return { base: this.u32[at], limit: this.u32[at + TABLE_LIMIT_I32] };
  }

  setTable(table: 'gdtr' | 'idtr', { base, limit }: TableState): void {
    const at = TABLE_OFFSETS[table] >> 2;
    this.u32[at] = base;
    this.u32[at + TABLE_LIMIT_I32] = limit;
  }

  segmentation(): SegmentationImage {
    return { place: this.u8.byteOffset + CPL_I32 * 4, words: this.s32.slice(CPL_I32, CODE_LIMIT_I32 + 1) };
  }

  /** Recomputes the derived fields of every segment register. */
  deriveSegments(aligned = this.aligned): void {
    this.aligned = aligned;
    for (let segment = 0; segment < 8; segment++) this.deriveSegment(segment as SegmentIndex);
  }

  private deriveSegment(segment: SegmentIndex): void {
    const attributes = this.attributes(segment);
    const limit = this.limit(segment);
    const usable = (attributes & ATTR_P) !== 0 && (attributes & ATTR_S) !== 0 && !this.aligned;
    const isCode = (attributes & ATTR_CODE) !== 0;
    const expandsDown = !isCode && (attributes & ATTR_DC) !== 0;
    const span = usable && !expandsDown && limit >= 3 ? limit - 2 : 0;
    this.readSpan[segment] = !isCode || attributes & ATTR_RW ? span : 0;
    this.writeSpan[segment] = !isCode && attributes & ATTR_RW ? span : 0;
    if (segment === SS) this.stackMask = attributes & ATTR_DB ? -1 : 0xffff;
    if (segment === CS) {
      this.codeIs32 = (attributes & ATTR_DB) !== 0;
      this.codeLimit = limit === 0xffff_ffff ? Infinity : limit;
      this.u32[CODE_LIMIT_I32] = limit;
    }
  }
}
