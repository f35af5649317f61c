import type { PhysicalMemory } from '../../platform/memory.js';
import {
  EDGE_SLOTS,
  EDGE_SLOT_BYTES,
  ENTRY_LINEAR,
  ENTRY_TARGET_MISS,
  GS_EDGES,
  GS_TARGETS,
  TARGET_SLOTS,
  TARGET_SLOT_BYTES,
} from './area.js';
import { targetSlot } from './cold.js';

/**
 * The table in the data page through which returns, indirect jumps and jumps to other pages find translations. Beside it
 * direct jumps to an instruction that lies in two pages have a slot for each such instruction while there are any: they
 * all end in the same few low bits, so that they would take the table's slots from each other.
 */
export class TargetTable {
  private readonly used = new Set<number>();
  /** Slots of instructions that lie in two pages, by eip. */
  private readonly edges = new Map<number, number>();

  /** @param dataHpa the data page. */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly dataHpa: number,
  ) {
    for (let slot = 0; slot < TARGET_SLOTS; slot++) this.reset(GS_TARGETS + slot * TARGET_SLOT_BYTES);
    for (let slot = 0; slot < EDGE_SLOTS; slot++) this.reset(GS_EDGES + slot * EDGE_SLOT_BYTES);
  }

  set(eip: number, prologueLinear: number): void {
    this.lead(targetSlot(eip), prologueLinear);
    const edge = this.edges.get(eip);
    if (edge !== undefined) this.lead(edge, prologueLinear);
  }

  /** The slot for direct jumps to the instruction at `eip`, which lies in two pages. @returns its offset in the data page. */
  edgeSlot(eip: number): number {
    const known = this.edges.get(eip);
    if (known !== undefined) return known;
    if (this.edges.size === EDGE_SLOTS) return targetSlot(eip);
    const slot = GS_EDGES + this.edges.size * EDGE_SLOT_BYTES;
    this.edges.set(eip, slot);
    return slot;
  }

  /** Has `eip` miss, and what shares its slot. */
  forget(eip: number): void {
    for (const slot of [targetSlot(eip), this.edges.get(eip)])
      if (slot !== undefined && this.used.delete(slot)) this.reset(slot);
  }

  /** No jump is left that knows an edge's slot. */
  releaseEdges(): void {
    this.clear();
    this.edges.clear();
  }

  /** Has every target miss. @returns how many slots were in use. */
  clear(): number {
    const count = this.used.size;
    for (const slot of this.used) this.reset(slot);
    this.used.clear();
    return count;
  }

  private lead(slot: number, prologueLinear: number): void {
    this.used.add(slot);
    this.memory.write32(this.dataHpa + slot, prologueLinear);
  }

  private reset(slot: number): void {
    this.memory.write32(this.dataHpa + slot, ENTRY_LINEAR + ENTRY_TARGET_MISS);
  }
}
