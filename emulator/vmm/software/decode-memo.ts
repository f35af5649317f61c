import { CS } from '../../arch/registers.js';
import { MAX_INSTRUCTION_BYTES } from '../../isa/decoder.js';
import type { Machine } from '../../machine.js';
import type { Monitor } from '../monitor.js';

/** As many as the paper's return cache has slots; found by the low bits of the address in the same way. */
const SLOTS = 256;

/**
 * Instructions that trapped, by linear address: a software monitor, which stays in memory beside its guest, keeps what it
 * found out. Bytes are compared each time, so code that changes is decoded again.
 */
export class DecodeMemo {
  private readonly slots: (string | undefined)[] = [];

  /** Charges the monitor for knowing the instruction at its guest's eip. */
  charge(monitor: Monitor): void {
    monitor.charge(this.knows(monitor.guest) ? 'vmm.guest.access' : 'vmm.decode');
  }

  /** Whether the instruction at the guest's eip was decoded before as it is; it is from now on. */
  private knows({ cpu, memory }: Machine): boolean {
    const linear = (cpu.segment(CS).base + cpu.eip) >>> 0;
    const access = { write: false, user: cpu.cpl === 3, fetch: true };
    const bytes = [linear, cpu.segment(CS).attributes];
    for (let at = 0; at < MAX_INSTRUCTION_BYTES; at++) {
      const gpa = cpu.translate((linear + at) >>> 0, access);
      if (gpa === null || gpa >= memory.sizeBytes) break;
      bytes.push(memory.read8(gpa));
    }
    const found = bytes.join();
    const slot = linear % SLOTS;
    if (this.slots[slot] === found) return true;
    this.slots[slot] = found;
    return false;
  }
}
