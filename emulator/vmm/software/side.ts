import type { SegmentState } from '../../arch/descriptors.js';
import { CS, SS } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import type { Processor } from '../../machine.js';
import type { HeldSegments } from './host-segments.js';

/** What the processors hold while a guest's user code, or its kernel, runs, save for what every instruction may change. */
export interface Side {
  readonly guestCs: SegmentState;
  readonly guestSs: SegmentState;
  readonly guestCpl: number;
  readonly taskPriority: number;
  readonly hostCr0: number;
  readonly hostCr4: number;
  readonly hostCpl: number;
  readonly held: HeldSegments;
}

export function sideOf(host: Processor, guest: Processor, held: HeldSegments): Side {
  return {
    guestCs: guest.segment(CS),
    guestSs: guest.segment(SS),
    guestCpl: guest.cpl,
    taskPriority: guest.cr8,
    hostCr0: host.cr0,
    hostCr4: host.cr4,
    hostCpl: host.cpl,
    held,
  };
}

export function isSameSide(a: Side, b: Side): boolean {
  return (
    isSameSegment(a.guestCs, b.guestCs) &&
    isSameSegment(a.guestSs, b.guestSs) &&
    a.guestCpl === b.guestCpl &&
    a.taskPriority === b.taskPriority &&
    a.hostCr0 === b.hostCr0 &&
    a.hostCr4 === b.hostCr4 &&
    a.hostCpl === b.hostCpl &&
    differing(a, b).length === 0
  );
}

/** Segment registers of the host that hold something else on the two sides. */
export function differing(a: Side, b: Side): SegmentIndex[] {
  const most = Math.max(a.held.length, b.held.length);
  return Array.from({ length: most }, (_, segment) => segment as SegmentIndex).filter(
    (segment) => a.held[segment] !== b.held[segment],
  );
}

function isSameSegment(a: SegmentState, b: SegmentState): boolean {
  return (
    a.selector === b.selector && a.attributes === b.attributes && a.limit === b.limit && a.base === b.base
  );
}
