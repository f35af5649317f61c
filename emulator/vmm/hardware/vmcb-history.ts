import { VMCB_BYTES } from '../../arch/vmcb.js';
import type { PhysicalMemory } from '../../platform/memory.js';

/** The VMCB as #VMEXIT left it, of the last exit and of the one before: for whoever looks at a monitor's work. */
export class VmcbHistory {
  private latest = new Uint8Array(VMCB_BYTES);
  private earlier = new Uint8Array(VMCB_BYTES);
  private exits = 0;

  constructor(
    private readonly memory: PhysicalMemory,
    private readonly hpa: number,
  ) {}

  /** #VMEXIT has written the VMCB, and the monitor has not. */
  note(): void {
    [this.latest, this.earlier] = [this.earlier, this.latest];
    this.latest.set(this.memory.u8.subarray(this.hpa, this.hpa + VMCB_BYTES));
    this.exits++;
  }

  /** Null before the first noted exit. */
  get last(): Uint8Array | null {
    return this.exits > 0 ? this.latest : null;
  }

  /** Null before the second. */
  get before(): Uint8Array | null {
    return this.exits > 1 ? this.earlier : null;
  }
}
