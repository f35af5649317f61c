import { VMCB_CONTROL } from '../../arch/vmcb.js';
import type { VmcbField } from '../../arch/vmcb.js';
import type { CostKey } from '../../cost/keys.js';
import type { Event } from '../../machine.js';
import type { VmcbView } from '../../platform/vmcb-view.js';
import { interruptWindow } from './control-area.js';
import { injection, interruptedEvent } from './vmcb-events.js';

/** Accesses to the VMCB that the monitor pays for, each half of a field with the other. */
export class ChargedVmcb {
  constructor(
    private readonly view: VmcbView,
    private readonly charge: (key: CostKey) => void,
  ) {}

  read(field: VmcbField): number {
    this.charge('vmcb.read');
    return this.view.read(field);
  }

  write(field: VmcbField, value: number): void {
    this.charge('vmcb.write');
    this.view.write(field, value);
  }

  writeIfChanged(field: VmcbField, value: number): void {
    if (this.view.read(field) !== value) this.write(field, value);
  }

  /** The event in whose delivery the exit came, or null. */
  readInterruptedEvent(): Event | null {
    const low = this.read(VMCB_CONTROL.exitIntInfo);
    return interruptedEvent({ low, high: this.view.readHigh(VMCB_CONTROL.exitIntInfo) });
  }

  /** The event comes to the guest with the next VMRUN; #VMEXIT clears the field. */
  writeInjection(event: Event): void {
    const { low, high } = injection(event);
    this.charge('vmcb.write');
    this.view.write(VMCB_CONTROL.eventInjection, low, high);
  }

  writeTimeStampOffset(offset: bigint): void {
    this.charge('vmcb.write');
    const [low, high] = [offset, offset >> 32n].map((half) => Number(BigInt.asUintN(32, half)));
    this.view.write(VMCB_CONTROL.tscOffset, low, high);
  }

  /** Asks for an exit as soon as the guest can take an interrupt, or no longer. */
  setInterruptWindow(open: boolean): void {
    this.writeIfChanged(VMCB_CONTROL.virtualInterrupt, interruptWindow(this.view, open));
  }

  /** It has made its exit. */
  closeInterruptWindow(): void {
    this.write(VMCB_CONTROL.virtualInterrupt, interruptWindow(this.view, false));
  }
}
