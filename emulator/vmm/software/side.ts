import type { SegmentState } from '../../arch/descriptors.js';
import { CS, SS } from '../../arch/registers.js';
import { GDTR_OFFSET, READ_SPAN_OFFSET } from '../../arch/state.js';
import type { Processor, SegmentationImage, Word } from '../../machine.js';
import type { HeldSegments } from './host-segments.js';

const WORD = 4;
/** Between these, table registers, control registers and the like. */
const SYSTEM_BYTES = READ_SPAN_OFFSET - GDTR_OFFSET;

/** What the processors hold while a guest's user code, or its kernel, runs, save for what every instruction may change. */
export interface Side {
  readonly guestCs: SegmentState;
  readonly guestSs: SegmentState;
  readonly guestCpl: number;
  readonly taskPriority: number;
  readonly held: HeldSegments;
  readonly image: SegmentationImage;
}

export function sideOf(host: Processor, guest: Processor, held: HeldSegments): Side {
  return {
    guestCs: guest.segment(CS),
    guestSs: guest.segment(SS),
    guestCpl: guest.cpl,
    taskPriority: guest.cr8,
    held,
    image: host.segmentation(),
  };
}

export function isSameSide(a: Side, b: Side): boolean {
  return (
    isSameSegment(a.guestCs, b.guestCs) &&
    isSameSegment(a.guestSs, b.guestSs) &&
    a.guestCpl === b.guestCpl &&
    a.taskPriority === b.taskPriority &&
    a.held.length === b.held.length &&
    a.held.every((segment, at) => segment === b.held[at]) &&
    changes(a, b).length === 0
  );
}

/** Words of the host's state that become others on the way from one side to the other. */
export function changes({ image: from }: Side, { image: to }: Side): Word[] {
  const found: Word[] = [];
  for (let at = 0; at < to.words.length; at++)
    if (to.words[at] !== from.words[at]) found.push([to.place + at * WORD, to.words[at]]);
  return found;
}

/** The sides differ in nothing but privilege and segments. @param offsetBytes of the image in the state area. */
export function differInSegments(a: Side, b: Side, offsetBytes: number): boolean {
  if (a.taskPriority !== b.taskPriority) return false;
  return changes(a, b).every(([place]) => {
    const offset = place - a.image.place + offsetBytes - GDTR_OFFSET;
    return offset < 0 || offset >= SYSTEM_BYTES;
  });
}

function isSameSegment(a: SegmentState, b: SegmentState): boolean {
  return (
    a.selector === b.selector && a.attributes === b.attributes && a.limit === b.limit && a.base === b.base
  );
}
