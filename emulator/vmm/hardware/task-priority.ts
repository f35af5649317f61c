import { EXIT_CR_WRITE, VMCB_TASK_PRIORITY } from '../../arch/vmcb.js';
import type { CostKey } from '../../cost/keys.js';
import type { Machine } from '../../machine.js';
import type { VmcbView } from '../../platform/vmcb-view.js';
import { interceptControl } from './control-area.js';

const EXIT_CR8_WRITE = EXIT_CR_WRITE + 8;

/**
 * The guest's task priority (AMD64 APM vol. 2, rev. 3.44, section 15.21.2 "Virtualizing APIC.TPR"): with V_INTR_MASKING a
 * guest reads and writes V_TPR by MOV CR8 and no exit, and the monitor's local APIC is told at the next one. Writes exit
 * only while one could let an interrupt in that the APIC holds back, and until the first: a guest that never writes CR8
 * costs no look at V_TPR.
 */
export class TaskPriority {
  private used = false;

  constructor(
    private readonly vmcb: VmcbView,
    private readonly guest: Machine,
    private readonly charge: (key: CostKey) => void,
  ) {}

  /** A write has been emulated: the guest uses the register. */
  noteWrite(): void {
    this.used = true;
  }

  /** After #VMEXIT: what the guest has set since. */
  take(): void {
    if (!this.used) return;
    this.charge('vmcb.read');
    this.set(this.vmcb.read(VMCB_TASK_PRIORITY));
  }

  /** The same from the processor, stopped in guest mode. @param value its CR8. */
  set(value: number): void {
    const { cpu } = this.guest;
    if (cpu.cr8 !== value) cpu.cr8 = value;
  }

  /** Before VMRUN. */
  give(): void {
    const { vmcb, guest } = this;
    const { cr8, guestMode } = guest.cpu;
    if (vmcb.read(VMCB_TASK_PRIORITY) !== cr8) {
      vmcb.write(VMCB_TASK_PRIORITY, cr8);
      this.charge('vmcb.write');
    }
    // What a guest hypervisor holds back from its guest is known to the virtual processor alone.
    const exits = !this.used || guestMode || guest.platform.localApic.isHeldOff;
    if (interceptControl(vmcb, EXIT_CR8_WRITE, exits)) this.charge('vmcb.write');
  }
}
