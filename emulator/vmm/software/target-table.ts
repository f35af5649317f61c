import type { PhysicalMemory } from '../../platform/memory.js';
import { ENTRY_LINEAR, ENTRY_TARGET_MISS, GS_TARGETS, TARGET_SLOTS, TARGET_SLOT_BYTES } from './area.js';
import { targetSlot } from './cold.js';

/** The table in the data page through which returns, indirect jumps and jumps to other pages find translations. */
export class TargetTable {
  private readonly used = new Set<number>();

  /** @param dataHpa the data page. */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly dataHpa: number,
  ) {
    for (let slot = 0; slot < TARGET_SLOTS; slot++) this.reset(GS_TARGETS + slot * TARGET_SLOT_BYTES);
  }

  set(eip: number, prologueLinear: number): void {
    const slot = targetSlot(eip);
    this.used.add(slot);
    this.memory.write32(this.dataHpa + slot, prologueLinear);
  }

  /** Has every target miss. @returns how many slots were in use. */
  clear(): number {
    const count = this.used.size;
    for (const slot of this.used) this.reset(slot);
    this.used.clear();
    return count;
  }

  private reset(slot: number): void {
    this.memory.write32(this.dataHpa + slot, ENTRY_LINEAR + ENTRY_TARGET_MISS);
  }
}
