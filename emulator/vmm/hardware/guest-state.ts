import type { CostKey } from '../../cost/keys.js';
import type { Processor } from '../../machine.js';
import type { VmcbView } from '../../platform/vmcb-view.js';
import type { VmcbField } from '../../arch/vmcb.js';
import { GUEST_MSRS, RESIDENT } from './guest-registers.js';
import type { Slot } from './guest-registers.js';

/** What a handler needs that knows its instruction from the exit code: rIP, rAX, rFLAGS. */
const FEW_READS = 3;

export interface GuestStateOptions {
  vmcb: VmcbView;
  host: Processor;
  guest: Processor;
  /** Counts work of the monitor. */
  charge: (key: CostKey, count?: number) => void;
  /** Registers that the VMCB holds while the guest runs. */
  slots: readonly Slot[];
  /** Further fields that must hold these values at VMRUN. */
  controls: () => readonly (readonly [VmcbField, number])[];
}

/**
 * Moves the guest's registers between the host (VMCB and processor) and the virtual processor, and charges for
 * it as a monitor on hardware would pay: after each exit it knows nothing and reads what its handler needs; before
 * it resumes the guest it writes what has changed. All registers are moved at once, being the same bytes; those
 * that only an event delivery needs are charged when one happens.
 */
export class GuestState {
  /** The virtual processor holds the registers; else the host does. */
  private pulled = true;

  /** VMCB fields read since the exit. */
  private readsDone = Infinity;
  private readonly basicReads: number;
  private readonly furtherReads: number;

  constructor(private readonly options: GuestStateOptions) {
    const { slots } = options;
    this.basicReads = slots.filter(({ basic }) => basic).length;
    this.furtherReads = slots.length - this.basicReads;
  }

  /** Makes the virtual processor current, for emulation. */
  pull(need: 'few' | 'basic' = 'basic'): void {
    if (!this.pulled) {
      this.transferIn();
      this.pulled = true;
      this.readsDone = 0;
    }
    const reads = need === 'few' ? FEW_READS : this.basicReads;
    if (this.readsDone >= reads) return;
    this.options.charge('vmcb.read', reads - this.readsDone);
    this.readsDone = reads;
  }

  /** The virtual processor is about to deliver, or has delivered, an event: that takes the further registers too. */
  chargeDelivery(): void {
    this.pull();
    this.options.charge('vmcb.read', this.furtherReads);
  }

  /** Makes the host current, for the next VMRUN. */
  push(): void {
    const { vmcb, controls, charge } = this.options;
    let writes = this.pulled ? this.transferOut() : 0;
    for (const [field, value] of controls()) {
      if (vmcb.read(field) === value) continue;
      vmcb.write(field, value);
      writes++;
    }
    charge('vmcb.write', writes);
    this.pulled = false;
  }

  /**
   * The run ends or goes on: the virtual processor shows the guest to its owner, who may change it meanwhile.
   * This is no work of the monitor and costs nothing; a run cut into slices costs what it costs in one piece.
   * @param inGuestMode the processor was stopped between VMRUN and #VMEXIT, so it holds all registers itself.
   */
  show(inGuestMode: boolean): void {
    const { host, guest } = this.options;
    if (inGuestMode) this.copy(host, guest);
    else if (!this.pulled) this.transferIn();
  }

  /** Undoes {@link show}: takes over what the owner has changed. */
  takeBack(inGuestMode: boolean): void {
    const { host, guest } = this.options;
    if (inGuestMode) this.copy(guest, host);
    else if (!this.pulled) this.transferOut();
    this.pushMsrs();
  }

  /** The guest's MSRs may have changed: brings them to the host's processor, where the guest uses them. */
  pushMsrs(): void {
    const { host, guest } = this.options;
    for (const copy of GUEST_MSRS) copy(guest, host);
  }

  private transferIn(): void {
    const { host, guest, slots, vmcb } = this.options;
    for (const slot of slots) slot.pull(vmcb, guest);
    for (const copy of RESIDENT) copy(host, guest);
  }

  /** @returns VMCB fields written. */
  private transferOut(): number {
    const { host, guest, slots, vmcb } = this.options;
    let writes = 0;
    for (const slot of slots) if (slot.push(vmcb, guest)) writes++;
    for (const copy of RESIDENT) copy(guest, host);
    return writes;
  }

  private copy(from: Processor, to: Processor): void {
    for (const slot of this.options.slots) slot.copy(from, to);
    for (const copy of RESIDENT) copy(from, to);
  }
}
