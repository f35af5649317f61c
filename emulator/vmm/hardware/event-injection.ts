import type { Event } from '../../machine.js';
import { noteInjection } from '../emulate.js';
import type { Monitor } from '../monitor.js';
import type { ChargedVmcb } from './charged-vmcb.js';
import type { GuestState } from './guest-state.js';

/** How events of the guest's devices come to it: with the next VMRUN, or as soon as it can take them. */
export class EventInjection {
  /** The next VMRUN delivers an event already. */
  isPending = false;

  constructor(
    private readonly monitor: Monitor,
    private readonly vmcb: ChargedVmcb,
    private readonly state: GuestState,
    /** The virtual processor is about to act for the guest. */
    private readonly beforeEmulation: () => void,
  ) {}

  /** The event comes to the guest with the next VMRUN. */
  inject(event: Event): void {
    this.vmcb.writeInjection(event);
    this.isPending = true;
  }

  /** Gives the guest a waiting interrupt now, or asks for an exit as soon as it can take one. */
  offer(): void {
    const { monitor, vmcb } = this;
    const { cpu, platform } = monitor.guest;
    if (cpu.guestMode) {
      this.offerToGuestMode();
      return;
    }
    // STGI exits.
    if (!monitor.interruptPending() || !cpu.globalInterrupts) return;
    this.state.pull();
    if (this.isPending || !monitor.interruptDeliverable()) {
      vmcb.setInterruptWindow(true);
      return;
    }
    vmcb.setInterruptWindow(false);
    const event = { vector: platform.acknowledgeInterrupt(), kind: 'external', errorCode: null } as const;
    this.inject(event);
    noteInjection(monitor, event);
  }

  /** The guest of a guest hypervisor: what it is given, or what makes it exit, is as its VMCB says. The virtual processor reads that. */
  offerToGuestMode(): void {
    const { monitor } = this;
    const { cpu } = monitor.guest;
    monitor.host.cpu.interruptLine = false;
    if (!cpu.guestEventPending) return;
    this.state.pull();
    if (!this.isPending) {
      this.beforeEmulation();
      const result = cpu.pollGuestMode();
      monitor.paging.follow(cpu);
      if (result?.kind === 'delivered') {
        this.state.chargeDelivery();
        noteInjection(monitor, result.event);
      }
      if (result?.kind === 'shutdown')
        monitor.stop({ kind: 'tripleFault', chain: result.chain, eip: cpu.eip });
    }
    this.vmcb.setInterruptWindow(cpu.guestEventPending || cpu.interruptLine);
  }
}
