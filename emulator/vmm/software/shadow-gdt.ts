import { ATTR_ACCESSED, ATTR_P, ATTR_S, decodeDescriptor, encodeDescriptor } from '../../arch/descriptors.js';
import { PAGE_BYTES } from '../../arch/paging.js';
import type { CostKey } from '../../cost/keys.js';
import type { Machine } from '../../machine.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import type { Trace } from '../traces.js';
import { SHADOW_GDT_BYTES } from './area.js';
import { MONITOR_CODE, MONITOR_CODE_INDEX, MONITOR_DATA, MONITOR_DATA_INDEX, truncate } from './segments.js';

const DESCRIPTOR_BYTES = 8;
const READ = { write: false, user: false, fetch: false };

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
  /** Where the guest's table lies, and in which guest-physical pages; null for one that is not mapped. */
  private base = -1;
  private limit = -1;
  private readonly pages: (number | null)[] = [];
  /** Slots in use, from 0. */
  private slots = 0;

  constructor(private readonly options: ShadowGdtOptions) {
    options.host.memory.u8.fill(0, options.hpa, options.hpa + SHADOW_GDT_BYTES);
  }

  /** Brings the shadow up to date. To be called before user code runs. */
  update(): void {
    if (this.moved()) this.retrace();
    if (this.stale) this.derive();
    this.stale = false;
  }

  /** Whether the guest's table lies elsewhere than what the shadow was made from. Notes where. */
  private moved(): boolean {
    const { cpu } = this.options.guest;
    const { base, limit } = cpu.gdtr;
    const first = base - (base % PAGE_BYTES);
    const count = Math.floor((base + limit - first) / PAGE_BYTES) + 1;
    let moved = base !== this.base || limit !== this.limit;
    this.base = base;
    this.limit = limit;
    this.pages.length = count;
    for (let index = 0; index < count; index++) {
      const gpa = cpu.translate((first + index * PAGE_BYTES) >>> 0, READ);
      const page = gpa === null ? null : Math.floor(gpa / PAGE_BYTES);
      if (page === this.pages[index]) continue;
      this.pages[index] = page;
      moved = true;
    }
    return moved;
  }

  private retrace(): void {
    for (const trace of this.traces) trace.release();
    this.traces = this.pages
      .filter((page) => page !== null)
      .map((page) => this.options.shadow.trace(page, () => (this.stale = true)));
    this.stale = true;
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
      const gpa = cpu.translate(linear, READ);
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
