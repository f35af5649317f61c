import { ATTR_ACCESSED, ATTR_P, ATTR_S, decodeDescriptor, encodeDescriptor } from '../../arch/descriptors.js';
import { PAGE_BYTES } from '../../arch/paging.js';
import type { CostKey } from '../../cost/keys.js';
import type { Machine } from '../../machine.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import type { Trace } from '../traces.js';
import { SHADOW_GDT_BYTES } from './area.js';
import { MONITOR_CODE, MONITOR_CODE_INDEX, MONITOR_DATA, MONITOR_DATA_INDEX, truncate } from './segments.js';

const DESCRIPTOR_BYTES = 8;

export interface ShadowGdtOptions {
  host: Machine;
  guest: Machine;
  shadow: ShadowMmu;
  charge: (key: CostKey, count?: number) => void;
  /** Guest segments are not cut. */
  wholeSegments: boolean;
  /** Where the shadow table lies in the host. */
  hpa: number;
}

/**
 * The host's descriptor table while user code runs directly: the guest's present, accessed code and data
 * descriptors, deprivileged and truncated; all else is not present, so that loading it traps and is emulated on
 * the virtual CPU (which marks descriptors accessed, calls through gates and so on). The guest's table is
 * traced. Loads by translated kernel code never come here: they are callouts.
 */
export class ShadowGdt {
  private traces: Trace[] = [];
  private stale = true;
  /** Guest pages that the table lies in, and its place and size: what the shadow was made from. */
  private source = '';
  /** Slots in use, from 0. */
  private slots = 0;

  constructor(private readonly options: ShadowGdtOptions) {
    options.host.memory.u8.fill(0, options.hpa, options.hpa + SHADOW_GDT_BYTES);
  }

  /** Brings the shadow up to date. To be called before user code runs. */
  update(): void {
    const pages = this.pages();
    const { base, limit } = this.options.guest.cpu.gdtr;
    const source = `${base} ${limit} ${pages.join(' ')}`;
    if (source !== this.source) {
      this.source = source;
      this.retrace(pages);
    }
    if (this.stale) this.derive();
    this.stale = false;
  }

  private retrace(pages: readonly (number | null)[]): void {
    for (const trace of this.traces) trace.release();
    this.traces = pages
      .filter((page) => page !== null)
      .map((page) => this.options.shadow.trace(page, () => (this.stale = true)));
    this.stale = true;
  }

  /** Guest-physical pages of the guest's table, null for one that is not mapped. */
  private pages(): (number | null)[] {
    const { cpu } = this.options.guest;
    const { base, limit } = cpu.gdtr;
    const pages: (number | null)[] = [];
    const last = base + limit;
    for (let linear = base - (base % PAGE_BYTES); linear <= last; linear += PAGE_BYTES) {
      const gpa = cpu.translate(linear >>> 0, { write: false, user: false, fetch: false });
      pages.push(gpa === null ? null : gpa >>> 12);
    }
    return pages;
  }

  private derive(): void {
    const { limit } = this.options.guest.cpu.gdtr;
    const slots = Math.min((limit + 1) >> 3, MONITOR_DATA_INDEX);
    for (let index = 0; index < Math.max(slots, this.slots); index++) {
      this.write(index, index > 0 && index < slots ? this.shadowOf(index) : [0, 0]);
    }
    this.slots = slots;
    this.write(MONITOR_CODE_INDEX, encodeDescriptor(MONITOR_CODE));
    this.write(MONITOR_DATA_INDEX, encodeDescriptor(MONITOR_DATA));
    this.options.charge('vmm.segment', slots);
  }

  private shadowOf(index: number): [number, number] {
    const words = this.guestDescriptor(index);
    if (!words) return [0, 0];
    const segment = decodeDescriptor(...words, 0);
    const needed = ATTR_P | ATTR_S | ATTR_ACCESSED;
    return (segment.attributes & needed) === needed
      ? encodeDescriptor(truncate(segment, this.options.wholeSegments))
      : [0, 0];
  }

  /** The two words of a descriptor in the guest's table as it is now; null when they are not mapped. */
  guestDescriptor(index: number): [number, number] | null {
    const { memory, cpu } = this.options.guest;
    const words = [0, 4].map((byte) => {
      const linear = (cpu.gdtr.base + index * DESCRIPTOR_BYTES + byte) >>> 0;
      const gpa = cpu.translate(linear, { write: false, user: false, fetch: false });
      // A table need not be aligned, so a word may straddle pages; such a descriptor is left to the virtual CPU.
      return gpa === null || (gpa & (PAGE_BYTES - 1)) > PAGE_BYTES - 4 ? null : memory.read32(gpa);
    });
    return words[0] === null || words[1] === null ? null : [words[0], words[1]];
  }

  private write(index: number, [low, high]: [number, number]): void {
    const hpa = this.options.hpa + index * DESCRIPTOR_BYTES;
    this.options.host.memory.write32(hpa, low);
    this.options.host.memory.write32(hpa + 4, high);
  }
}
