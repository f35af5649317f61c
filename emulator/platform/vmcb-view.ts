import type { SegmentState, TableState } from '../arch/descriptors.js';
import {
  VMCB_SEGMENT_ATTRIBUTES,
  VMCB_SEGMENT_BASE,
  VMCB_SEGMENT_LIMIT,
  VMCB_SEGMENT_SELECTOR,
} from '../arch/vmcb.js';
import type { VmcbField } from '../arch/vmcb.js';
import type { PhysicalMemory } from './memory.js';

/**
 * A VMCB, or a host save area of the same layout, as bytes in host-physical memory: for the processor and for
 * monitors alike. An access costs nothing here; a monitor charges for those that it would make on hardware.
 */
export class VmcbView {
  constructor(
    private readonly memory: PhysicalMemory,
    readonly hpa: number,
  ) {}

  /** The field, or the low half of an 8-byte one; unsigned. */
  read({ offset, bytes }: VmcbField): number {
    const at = this.hpa + offset;
    if (bytes === 1) return this.memory.read8(at);
    return bytes === 2 ? this.memory.read16(at) : this.memory.read32(at);
  }

  /** The high half of an 8-byte field. */
  readHigh({ offset }: VmcbField): number {
    return this.memory.read32(this.hpa + offset + 4);
  }

  /** Writes the whole field. @param high upper half of an 8-byte one. */
  write({ offset, bytes }: VmcbField, value: number, high = 0): void {
    const at = this.hpa + offset;
    if (bytes === 1) this.memory.write8(at, value);
    else if (bytes === 2) this.memory.write16(at, value);
    else this.memory.write32(at, value);
    if (bytes === 8) this.memory.write32(at + 4, high);
  }

  /** @param offset one of VMCB_SEGMENTS. */
  segment(offset: number): SegmentState {
    const at = this.hpa + offset;
    return {
      selector: this.memory.read16(at + VMCB_SEGMENT_SELECTOR),
      attributes: this.memory.read16(at + VMCB_SEGMENT_ATTRIBUTES),
      limit: this.memory.read32(at + VMCB_SEGMENT_LIMIT),
      base: this.memory.read32(at + VMCB_SEGMENT_BASE),
    };
  }

  setSegment(offset: number, { selector, attributes, limit, base }: SegmentState): void {
    const at = this.hpa + offset;
    this.memory.write16(at + VMCB_SEGMENT_SELECTOR, selector);
    this.memory.write16(at + VMCB_SEGMENT_ATTRIBUTES, attributes);
    this.setTable(offset, { limit, base });
  }

  /** GDTR or IDTR, by its offset in VMCB_SEGMENTS. */
  table(offset: number): TableState {
    const { limit, base } = this.segment(offset);
    return { limit, base };
  }

  setTable(offset: number, { limit, base }: TableState): void {
    const at = this.hpa + offset;
    this.memory.write32(at + VMCB_SEGMENT_LIMIT, limit);
    this.memory.write32(at + VMCB_SEGMENT_BASE, base);
    this.memory.write32(at + VMCB_SEGMENT_BASE + 4, 0);
  }
}
