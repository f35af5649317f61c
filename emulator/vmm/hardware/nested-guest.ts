import { EAX } from '../../arch/registers.js';
import { TLB_CONTROL_NOTHING, VMCB_CONTROL } from '../../arch/vmcb.js';
import type { VmcbField } from '../../arch/vmcb.js';
import type { Machine } from '../../machine.js';
import { VmcbView } from '../../platform/vmcb-view.js';

const INTERCEPT_FIELDS: readonly VmcbField[] = [
  VMCB_CONTROL.interceptCr,
  VMCB_CONTROL.interceptDr,
  VMCB_CONTROL.interceptExceptions,
  VMCB_CONTROL.intercept3,
  VMCB_CONTROL.intercept4,
  VMCB_CONTROL.intercept5,
];

/**
 * A guest that is a hypervisor: it executes VMRUN, which exits, and the monitor runs the guest's guest in its place, as
 * Turtles does (Ben-Yehuda et al., OSDI 2010). The virtual processor executes VMRUN and every #VMEXIT to the guest
 * hypervisor by the guest's own VMCB; what is left to do here is to run its guest on hardware, with the intercepts of
 * both, so that whatever the guest hypervisor wants to see comes to the monitor first.
 */
export class NestedGuest {
  /** The monitor's own intercepts while the guest hypervisor's are merged in; else null. */
  private own: readonly number[] | null = null;
  /** The guest hypervisor's VMCB. */
  private guestVmcb: VmcbView;
  private addressSpace = { rootGpa: 0, asid: 0 };
  private spaceChanged = false;

  constructor(
    private readonly vmcb: VmcbView,
    private readonly guest: Machine,
  ) {
    this.guestVmcb = new VmcbView(guest.memory, 0);
  }

  /** VMRUN is about to be emulated; the virtual processor is current. */
  beforeVmrun(): void {
    const { cpu, memory } = this.guest;
    const vmcb = (this.guestVmcb = new VmcbView(memory, cpu.gpr(EAX)));
    const addressSpace = { rootGpa: vmcb.read(VMCB_CONTROL.nestedCr3), asid: vmcb.read(VMCB_CONTROL.asid) };
    const { rootGpa, asid } = this.addressSpace;
    const flushes = vmcb.read(VMCB_CONTROL.tlbControl) !== TLB_CONTROL_NOTHING;
    if (flushes || rootGpa !== addressSpace.rootGpa || asid !== addressSpace.asid) this.spaceChanged = true;
    this.addressSpace = addressSpace;
  }

  /** The guest hypervisor executed something after which its nested tables may mean something else. */
  noteFlush(): void {
    this.spaceChanged = true;
  }

  /** Whether what was derived from the guest hypervisor's nested tables must go; forgets it. */
  takeSpaceChanged(): boolean {
    const changed = this.spaceChanged;
    this.spaceChanged = false;
    return changed;
  }

  /** Before VMRUN: the intercepts of whoever runs next. @returns VMCB fields written. */
  mergeControls(): number {
    const { guestMode } = this.guest.cpu;
    if (guestMode === (this.own !== null)) return 0;
    if (this.own !== null) {
      for (const [index, field] of INTERCEPT_FIELDS.entries()) this.vmcb.write(field, this.own[index]);
      this.own = null;
    } else {
      this.own = INTERCEPT_FIELDS.map((field) => this.vmcb.read(field));
      for (const field of INTERCEPT_FIELDS) {
        this.vmcb.write(field, (this.vmcb.read(field) | this.guestVmcb.read(field)) >>> 0);
      }
    }
    return INTERCEPT_FIELDS.length;
  }
}
