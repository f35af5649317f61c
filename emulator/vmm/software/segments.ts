import {
  ATTR_ACCESSED,
  ATTR_CODE,
  ATTR_DB,
  ATTR_DC,
  ATTR_DPL,
  ATTR_DPL_SHIFT,
  ATTR_G,
  ATTR_P,
  ATTR_RW,
  ATTR_S,
} from '../../arch/descriptors.js';
import type { SegmentState } from '../../arch/descriptors.js';
import type { SegmentIndex } from '../../arch/registers.js';
import { AREA_LINEAR, DATA_LINEAR } from './area.js';

/** Privilege level at which the guest's kernel really runs: as deep as can be, or where its user code runs too. */
export type KernelRing = 1 | 3;

/** Where translated code runs. */
export const KERNEL_CPL = 1;

export interface SegmentOptions {
  kernelRing: KernelRing;
  /** Guest segments are not cut, for those who want to see what cutting is good for. */
  wholeSegments: boolean;
}

/**
 * What the host's segment register holds for a guest's: the same segment, deprivileged, and cut so that no
 * offset reaches the monitor's area. What was cut off faults in the host, and the monitor emulates the access
 * on the virtual CPU, whose segment is whole. A segment that cannot be cut (one that begins in the area, or
 * expands down from 4 GB) is made unusable, so that every access faults.
 */
export function truncate(guest: SegmentState, { kernelRing, wholeSegments }: SegmentOptions): SegmentState {
  const { selector, base } = guest;
  const attributes = deprivilege(guest.attributes, kernelRing);
  const unusable = { ...guest, attributes: attributes & ~ATTR_P };
  if (!(attributes & ATTR_P) || !(attributes & ATTR_S)) return unusable;
  if (wholeSegments) return { ...guest, attributes };
  if (base >= AREA_LINEAR) return unusable;
  const expandsDown = !(attributes & ATTR_CODE) && (attributes & ATTR_DC) !== 0;
  if (expandsDown) {
    const reachesArea = (attributes & ATTR_DB) !== 0 || base + 0xffff >= AREA_LINEAR;
    return reachesArea ? unusable : { ...guest, attributes };
  }
  return { selector, base, attributes, limit: Math.min(guest.limit, highestLimit(base)) };
}

/** The largest limit below the area; of those above 1 MB, one that whole pages can express in a descriptor. */
function highestLimit(base: number): number {
  const room = AREA_LINEAR - base;
  return room > 0x10_0000 ? room - (room % 4096) - 1 : room - 1;
}

function deprivilege(attributes: number, kernelRing: KernelRing): number {
  const dpl = (attributes & ATTR_DPL) >> ATTR_DPL_SHIFT;
  return (attributes & ~ATTR_DPL) | (Math.max(dpl, kernelRing) << ATTR_DPL_SHIFT);
}

const MONITOR_ATTRIBUTES =
  ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED | ATTR_DB | (KERNEL_CPL << ATTR_DPL_SHIFT);

/** The highest slots of the shadow descriptor table are the monitor's. */
const MONITOR_CODE_INDEX = 8191;
const MONITOR_DATA_INDEX = 8190;
const FIRST_PARAGRAPH_INDEX = MONITOR_DATA_INDEX - 6;

/** CS while translated code runs. Flat; only the monitor makes code that runs on it. */
export const MONITOR_CODE: SegmentState = {
  selector: (MONITOR_CODE_INDEX << 3) | KERNEL_CPL,
  attributes: MONITOR_ATTRIBUTES | ATTR_CODE | ATTR_G,
  limit: 0xffff_ffff,
  base: 0,
};

/**
 * In real mode a guest's segment registers hold paragraph numbers, which are no slots of any table. Their segments get
 * slots of the monitor's own, one for each register, at the end of what a guest can fill.
 */
export function paragraphSelector(segment: SegmentIndex): number {
  return ((FIRST_PARAGRAPH_INDEX + segment) << 3) | KERNEL_CPL;
}

/** GS while translated code runs: the monitor's data page. */
export const MONITOR_DATA: SegmentState = {
  selector: (MONITOR_DATA_INDEX << 3) | KERNEL_CPL,
  attributes: MONITOR_ATTRIBUTES,
  limit: 0xfff,
  base: DATA_LINEAR,
};

/** The same for translated user code, which runs in ring 3 so that the pages of the guest's kernel stay out of its reach. */
export const MONITOR_CODE_FOR_USER = forUser(MONITOR_CODE);
export const MONITOR_DATA_FOR_USER = forUser(MONITOR_DATA);

function forUser(segment: SegmentState): SegmentState {
  return { ...segment, selector: segment.selector | 3, attributes: segment.attributes | ATTR_DPL };
}

/** What binary translation adds to the shadow of the guest's descriptor table. */
export const MONITOR_DESCRIPTORS: ReadonlyMap<number, SegmentState> = new Map([
  [MONITOR_CODE_INDEX, MONITOR_CODE],
  [MONITOR_DATA_INDEX, MONITOR_DATA],
]);

/** A segment register that holds nothing: every use of it faults. */
export const UNUSABLE: SegmentState = { selector: 0, attributes: 0, limit: 0, base: 0 };
