import { PAGE_BYTES } from '../arch/paging.js';
import { Machine } from '../machine.js';
import type { Engine } from '../machine.js';
import type { CpuProfile } from '../cost/profile.js';
import { GUEST_ALIGNMENT_BYTES, GUEST_HPA, MAX_GUEST_BYTES, MONITOR_BYTES } from './layout.js';

/** Where a monitor and its guest are: the machine, their part of its memory, and the address spaces that are theirs. */
export interface Place {
  host: Machine;
  /** The monitor's own area, MONITOR_BYTES. */
  monitorHpa: number;
  guestHpa: number;
  /** Of the guest, and the one above it of the guest's own guest; 0 is the host's. */
  asid: number;
  /** Other monitors have the machine in between. */
  isShared: boolean;
}

export interface PlaceOptions {
  profile: CpuProfile;
  /** Each guest's physical memory: a multiple of 4096. */
  memoryBytes: number;
  engine?: Engine | undefined;
}

const ASIDS_EACH = 2;

/** A machine for one monitor. @throws RangeError when `memoryBytes` is not a size that a guest can have. */
export function placeAlone(options: PlaceOptions): Place {
  const { profile, memoryBytes, engine } = options;
  requireGuestSize(memoryBytes, 1);
  const host = Machine.create({ profile, memoryBytes: MONITOR_BYTES + memoryBytes, engine });
  return { host, monitorHpa: 0, guestHpa: GUEST_HPA, asid: 1, isShared: false };
}

/** One machine for several monitors. @throws RangeError when their guests do not fit. */
export function placesTogether(options: PlaceOptions, count: number): Place[] {
  const { profile, memoryBytes, engine } = options;
  requireGuestSize(memoryBytes, count);
  const each = sizeOfEach(memoryBytes);
  const host = Machine.create({ profile, memoryBytes: count * each, engine, virtualMachines: count });
  return Array.from({ length: count }, (_, index) => ({
    host,
    monitorHpa: index * each,
    guestHpa: index * each + MONITOR_BYTES,
    asid: 1 + ASIDS_EACH * index,
    isShared: true,
  }));
}

function sizeOfEach(memoryBytes: number): number {
  return MONITOR_BYTES + Math.ceil(memoryBytes / GUEST_ALIGNMENT_BYTES) * GUEST_ALIGNMENT_BYTES;
}

function requireGuestSize(memoryBytes: number, count: number): void {
  const most =
    count === 1
      ? MAX_GUEST_BYTES
      : Math.floor((MAX_GUEST_BYTES + MONITOR_BYTES) / count / GUEST_ALIGNMENT_BYTES) *
          GUEST_ALIGNMENT_BYTES -
        MONITOR_BYTES;
  if (memoryBytes % PAGE_BYTES === 0 && memoryBytes >= PAGE_BYTES && memoryBytes <= most) return;
  const each = count === 1 ? '' : ` for each of ${count}`;
  throw new RangeError(
    `guest memory of ${memoryBytes} bytes${each}: expected a multiple of ${PAGE_BYTES} up to ${most}`,
  );
}
