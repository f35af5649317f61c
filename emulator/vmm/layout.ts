import { PAGE_BYTES } from '../arch/paging.js';
import type { Machine } from '../machine.js';

/**
 * How a monitor divides the host's physical memory: its own area below, the guest's window above it; several monitors
 * on one machine do so one above the other. So no
 * guest-physical address equals the host-physical address of the same byte.
 */

/** Page 0 of the host stays empty, so that a null address in the monitor's structures never hits one. */
export const FIRST_MONITOR_FRAME_HPA = PAGE_BYTES;
/** The monitor's own area: shadow page tables, VMCB, translation cache. */
export const MONITOR_BYTES = 16 << 20;
/** Host-physical address of guest-physical address 0. */
export const GUEST_HPA = MONITOR_BYTES;
/** Guests' memories begin at multiples of this, so that the largest pages map one as they map the other. */
export const GUEST_ALIGNMENT_BYTES = 4 << 20;
/** A machine has at most 2 GB (machine.ts), and the monitor takes its share. */
export const MAX_GUEST_BYTES = 2 ** 31 - MONITOR_BYTES;

/**
 * What a guest-physical page outside the guest's memory is mapped to: a host-physical page where no memory can
 * be, so that reads see all ones and writes go nowhere, as on the guest's own bus.
 */
export const UNBACKED_HPA = 0xffff_f000;

/** Host-physical address of guest-physical address 0 of a virtual machine. */
export function windowHpa(host: Pick<Machine, 'memory'>, guest: Pick<Machine, 'memory'>): number {
  return guest.memory.baseBytes - host.memory.baseBytes;
}
