import type { Machine } from '../machine.js';
import { FrameAllocator } from './frames.js';
import { FIRST_MONITOR_FRAME_HPA, MONITOR_BYTES } from './layout.js';
import { placeAlone } from './place.js';
import type { Place, PlaceOptions } from './place.js';
import type { ShadowMmu } from './shadow-mmu.js';

/** What a monitor works on: a physical machine, its guest's virtual machine, and what is left of the monitor's own area. */
export interface Machines {
  place: Place;
  host: Machine;
  guest: Machine;
  frames: FrameAllocator;
}

/** With the shadow page tables of the guest. */
export interface SharedMachines extends Machines {
  shadow: ShadowMmu;
}

/** @throws RangeError when `memoryBytes` is not a size that a guest can have. */
export function createMachines(options: PlaceOptions & { place?: Place }): Machines {
  const place = options.place ?? placeAlone(options);
  const { host, guestHpa, monitorHpa } = place;
  const guest = host.virtualMachine(guestHpa, options.memoryBytes, options.profile);
  const frames = new FrameAllocator(monitorHpa + FIRST_MONITOR_FRAME_HPA, monitorHpa + MONITOR_BYTES);
  return { place, host, guest, frames };
}
