import { CR4_DE } from '../arch/control.js';
import * as dr from '../arch/debug.js';
import { CR4_I32, DR_OFFSET } from '../arch/state.js';

const DR_I32 = DR_OFFSET >> 2;
const PAGE_SHIFT = 12;

/** Bytes or ports [first, last] that one breakpoint watches, and its bit in DR6. */
export interface WatchedRange {
  readonly first: number;
  readonly last: number;
  /** Data: reads count too. */
  readonly reads: boolean;
  readonly bit: number;
}

/** One breakpoint on execution: linear address of an instruction's first byte, and its bit in DR6. */
export interface WatchedCode {
  readonly linear: number;
  readonly bit: number;
}

/** What the debug registers ask for. */
export interface BreakpointSet {
  readonly code: readonly WatchedCode[];
  readonly data: readonly WatchedRange[];
  readonly ports: readonly WatchedRange[];
}

export const NO_BREAKPOINTS: BreakpointSet = { code: [], data: [], ports: [] };

/** Reads DR0 to DR3, DR7 and CR4.DE from a state area (APM vol. 2, rev. 3.44, section 13.1.1.4 "Debug-Control Register (DR7)"). */
export function readBreakpoints(s32: Int32Array): BreakpointSet {
  const control = s32[DR_I32 + 7 * 2];
  if ((control & dr.DR7_ENABLES) === 0) return NO_BREAKPOINTS;
  const code: WatchedCode[] = [];
  const data: WatchedRange[] = [];
  const ports: WatchedRange[] = [];
  for (let index = 0; index < dr.BREAKPOINT_COUNT; index++) {
    if (((control >>> (2 * index)) & 3) === 0) continue;
    const address = s32[DR_I32 + index * 2] >>> 0;
    const kind = (control >>> (16 + 4 * index)) & 3;
    const bytes = dr.BREAK_LENGTH_BYTES[(control >>> (18 + 4 * index)) & 3];
    const bit = 1 << index;
    // The low bits that the length covers do not count.
    const first = (address & ~(bytes - 1)) >>> 0;
    const range = { first, last: first + bytes - 1, reads: kind === dr.BREAK_ON_ACCESS, bit };
    if (kind === dr.BREAK_ON_EXECUTE) {
      if (bytes === 1) code.push({ linear: address, bit });
    } else if (kind === dr.BREAK_ON_PORT) {
      if (s32[CR4_I32] & CR4_DE) ports.push(range);
    } else {
      data.push(range);
    }
  }
  return { code, data, ports };
}

/** The DR6 bits of the ranges that an access to [first, first + count) meets. */
export function rangesMet(
  ranges: readonly WatchedRange[],
  first: number,
  count: number,
  write: boolean,
): number {
  let bits = 0;
  for (const range of ranges) {
    if (first <= range.last && first + count > range.first && (write || range.reads)) bits |= range.bit;
  }
  return bits;
}

/** The DR6 bits of the breakpoints on an instruction at `linear`. */
export function codeMet(code: readonly WatchedCode[], linear: number): number {
  let bits = 0;
  for (const point of code) if (point.linear === linear) bits |= point.bit;
  return bits;
}

/** Linear pages that hold some of the bytes. */
export function pagesOf(ranges: readonly { first: number; last: number }[]): number[] {
  return ranges.flatMap(({ first, last }) => {
    const start = first >>> PAGE_SHIFT;
    return Array.from({ length: (last >>> PAGE_SHIFT) - start + 1 }, (_, at) => start + at);
  });
}
