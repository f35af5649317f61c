import type { CostKey } from '../../cost/keys.js';
import type { Processor } from '../../machine.js';
import type { VmcbView } from '../../platform/vmcb-view.js';
import { GUEST_MSRS, RESIDENT, VMCB_SLOTS, realControls } from './guest-registers.js';

const BASIC_READS = VMCB_SLOTS.filter(({ basic }) => basic).length;
const FURTHER_READS = VMCB_SLOTS.length - BASIC_READS;

/**
 * Moves the guest's registers between the host (VMCB and processor) and the virtual processor, and charges for
 * it as a monitor on hardware would pay: after each exit it knows nothing and reads what its handler needs; before
 * it resumes the guest it writes what has changed. All registers are moved at once, being the same bytes; those
 * that only an event delivery needs are charged when one happens.
 */
export class GuestState {
  /** The virtual processor holds the registers; else the host does. */
  private pulled = true;

  constructor(
    private readonly vmcb: VmcbView,
    private readonly host: Processor,
    private readonly guest: Processor,
    private readonly charge: (key: CostKey, count?: number) => void,
  ) {}

  /** Makes the virtual processor current, for emulation. */
  pull(): void {
    if (this.pulled) return;
    this.transferIn();
    this.charge('vmcb.read', BASIC_READS);
    this.pulled = true;
  }

  /** The virtual processor is about to deliver, or has delivered, an event: that takes the further registers too. */
  chargeDelivery(): void {
    this.charge('vmcb.read', FURTHER_READS);
  }

  /** Makes the host current, for the next VMRUN. */
  push(rootHpa: number): void {
    let writes = this.pulled ? this.transferOut() : 0;
    for (const [field, value] of realControls(this.guest, rootHpa)) {
      if (this.vmcb.read(field) === value) continue;
      this.vmcb.write(field, value);
      writes++;
    }
    this.charge('vmcb.write', writes);
    this.pulled = false;
  }

  /**
   * The run ends or goes on: the virtual processor shows the guest to its owner, who may change it meanwhile.
   * This is no work of the monitor and costs nothing; a run cut into slices costs what it costs in one piece.
   * @param inGuestMode the processor was stopped between VMRUN and #VMEXIT, so it holds all registers itself.
   */
  show(inGuestMode: boolean): void {
    if (inGuestMode) this.copy(this.host, this.guest);
    else if (!this.pulled) this.transferIn();
  }

  /** Undoes {@link show}: takes over what the owner has changed. */
  takeBack(inGuestMode: boolean): void {
    if (inGuestMode) this.copy(this.guest, this.host);
    else if (!this.pulled) this.transferOut();
    this.pushMsrs();
  }

  /** The guest's MSRs may have changed: brings them to the host's processor, where the guest uses them. */
  pushMsrs(): void {
    for (const copy of GUEST_MSRS) copy(this.guest, this.host);
  }

  private transferIn(): void {
    for (const slot of VMCB_SLOTS) slot.pull(this.vmcb, this.guest);
    for (const copy of RESIDENT) copy(this.host, this.guest);
  }

  /** @returns VMCB fields written. */
  private transferOut(): number {
    let writes = 0;
    for (const slot of VMCB_SLOTS) if (slot.push(this.vmcb, this.guest)) writes++;
    for (const copy of RESIDENT) copy(this.guest, this.host);
    return writes;
  }

  private copy(from: Processor, to: Processor): void {
    for (const slot of VMCB_SLOTS) slot.copy(from, to);
    for (const copy of RESIDENT) copy(from, to);
  }
}
