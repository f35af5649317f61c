import { PAGE_BYTES } from '../../arch/paging.js';
import {
  EXIT_CR_READ,
  EXIT_NESTED_PAGE_FAULT,
  IOPM_BYTES,
  MSRPM_BYTES,
  VMCB_CONTROL,
  VMCB_TASK_PRIORITY,
  V_IGNORE_TPR,
  V_INTR_MASKING,
  V_IRQ,
  interceptBit,
} from '../../arch/vmcb.js';
import type { PhysicalMemory } from '../../platform/memory.js';
import { VmcbView } from '../../platform/vmcb-view.js';
import type { FrameAllocator } from '../frames.js';

/** V_INTR_MASKING: a physical interrupt ends guest mode whatever the guest's own IF says. */
const VIRTUAL_INTERRUPT_IDLE = (V_INTR_MASKING | V_IGNORE_TPR) >>> 0;
/** A dummy interrupt, never delivered: its only use is the VINTR exit as soon as the guest could take one. */
const VIRTUAL_INTERRUPT_WINDOW = (VIRTUAL_INTERRUPT_IDLE | V_IRQ) >>> 0;

/** A fresh VMCB with its permission maps: every port and every MSR exits once IOIO and MSR are intercepted. @param asid not 0, the host's. */
export function createVmcb(memory: PhysicalMemory, frames: FrameAllocator, asid: number): VmcbView {
  const vmcbHpa = frames.reserve(1);
  const iopmHpa = frames.reserve(IOPM_BYTES / PAGE_BYTES);
  const msrpmHpa = frames.reserve(MSRPM_BYTES / PAGE_BYTES);
  memory.u8.fill(0, vmcbHpa, vmcbHpa + PAGE_BYTES);
  memory.u8.fill(0xff, iopmHpa, iopmHpa + IOPM_BYTES);
  memory.u8.fill(0xff, msrpmHpa, msrpmHpa + MSRPM_BYTES);
  const vmcb = new VmcbView(memory, vmcbHpa);
  vmcb.write(VMCB_CONTROL.iopmBasePa, iopmHpa);
  vmcb.write(VMCB_CONTROL.msrpmBasePa, msrpmHpa);
  vmcb.write(VMCB_CONTROL.asid, asid);
  vmcb.write(VMCB_CONTROL.virtualInterrupt, VIRTUAL_INTERRUPT_IDLE);
  return vmcb;
}

/** Sets the intercept bits of `exitCodes`; those without one (nested page faults) are always on. */
export function interceptExits(vmcb: VmcbView, exitCodes: Iterable<number>): void {
  for (const exitCode of exitCodes) {
    if (exitCode >= EXIT_NESTED_PAGE_FAULT) continue;
    const { offset, mask } = interceptBit(exitCode);
    const field = { offset, bytes: 4 } as const;
    vmcb.write(field, (vmcb.read(field) | mask) >>> 0);
  }
}

/** Value of the virtual-interrupt field that asks for, or no longer asks for, a VINTR exit. The guest's V_TPR stays. */
export function interruptWindow(vmcb: VmcbView, open: boolean): number {
  const control = open ? VIRTUAL_INTERRUPT_WINDOW : VIRTUAL_INTERRUPT_IDLE;
  return (control | vmcb.read(VMCB_TASK_PRIORITY)) >>> 0;
}

/** Whether CR0 reads must exit: only while what the guest would read is not what it wrote. */
export function interceptCr0Read(vmcb: VmcbView, on: boolean): boolean {
  return interceptControl(vmcb, EXIT_CR_READ + 0, on);
}

/** Sets or clears the intercept of a control register. @returns whether the VMCB was written. */
export function interceptControl(vmcb: VmcbView, exitCode: number, on: boolean): boolean {
  const { mask } = interceptBit(exitCode);
  const before = vmcb.read(VMCB_CONTROL.interceptCr);
  const after = (on ? before | mask : before & ~mask) >>> 0;
  if (before === after) return false;
  vmcb.write(VMCB_CONTROL.interceptCr, after);
  return true;
}
