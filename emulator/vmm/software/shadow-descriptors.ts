import {
  ATTR_ACCESSED,
  ATTR_P,
  ATTR_S,
  ATTR_TYPE,
  SYS_LDT,
  decodeDescriptor,
  encodeDescriptor,
} from '../../arch/descriptors.js';
import type { SegmentState, TableState } from '../../arch/descriptors.js';
import { PAGE_BYTES } from '../../arch/paging.js';
import { LDTR } from '../../arch/registers.js';
import type { CostKey } from '../../cost/keys.js';
import type { Machine, Processor } from '../../machine.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import type { Trace } from '../traces.js';
import { SHADOW_GDT_BYTES } from './area.js';
import { truncate } from './segments.js';
import type { SegmentOptions } from './segments.js';

const DESCRIPTOR_BYTES = 8;
const READ = { write: false, user: false, fetch: false };
const SLOTS = SHADOW_GDT_BYTES / DESCRIPTOR_BYTES;
const ABSENT = [0, 0] as const;

/** The tables of a guest that the host has shadows of. */
export type ShadowedTable = 'gdt' | 'ldt';

export interface ShadowDescriptorOptions extends SegmentOptions {
  host: Machine;
  guest: Machine;
  shadow: ShadowMmu;
  charge: (key: CostKey, count?: number) => void;
  table: ShadowedTable;
  /** Where the shadow table lies in the host: {@link SHADOW_GDT_BYTES}. */
  hpa: number;
  /** Descriptors of the monitor, by slot. A guest that uses the slots itself still runs, as loads of them trap. */
  own?: ReadonlyMap<number, SegmentState>;
  /** Of the guest's present and accessed code and data descriptors, those that are in the shadow; all unless told. */
  admits?: (attributes: number) => boolean;
}

/**
 * The host's descriptor table while guest code runs directly: the guest's present, accessed code and data
 * descriptors, deprivileged and truncated; all else is not present, so that loading it traps and is emulated on
 * the virtual CPU (which marks descriptors accessed, calls through gates and so on). The guest's table is traced.
 */
export class ShadowDescriptors {
  private traces: Trace[] = [];
  private stale = true;
  /** Where the guest's table lies, and in which guest-physical pages; null for one that is not mapped. */
  private base = -1;
  private limit = -2;
  private readonly pages: (number | null)[] = [];
  /** What the shadow holds, two words for each slot. */
  private readonly written = new Uint32Array(2 * SLOTS);
  /** Slots in use, from 0. */
  private slots = 0;

  constructor(private readonly options: ShadowDescriptorOptions) {
    options.host.memory.u8.fill(0, options.hpa, options.hpa + SHADOW_GDT_BYTES);
  }

  /** The guest's table has not been written since the shadow was made. */
  get isCurrent(): boolean {
    return !this.stale;
  }

  /** Brings the shadow up to date. To be called before guest code runs directly. */
  update(): void {
    if (this.moved()) this.retrace();
    if (this.stale) this.derive();
    this.stale = false;
  }

  /**
   * Gives a segment a slot that is not one of the guest's table. User code cannot load it, as it is not of its privilege;
   * a descriptor of the guest's that lies there is left to the virtual CPU.
   */
  install(segment: SegmentState): void {
    this.write(segment.selector >> 3, encodeDescriptor(segment));
    this.options.charge('vmm.segment');
  }

  /** Whether the guest's table lies elsewhere than what the shadow was made from. Notes where. */
  private moved(): boolean {
    const { cpu } = this.options.guest;
    const { base, limit } = tableOf(cpu, this.options.table);
    const first = base - (base % PAGE_BYTES);
    const count = Math.floor((base + limit - first) / PAGE_BYTES) + 1;
    let moved = base !== this.base || limit !== this.limit;
    this.base = base;
    this.limit = limit;
    if (this.pages.length !== count) this.pages.length = count;
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
    const { own = new Map<number, SegmentState>(), table, guest } = this.options;
    const end = Math.min(SLOTS, ...own.keys());
    const slots = Math.min((tableOf(guest.cpu, table).limit + 1) >> 3, end);
    // The first slot of a GDT belongs to the null selectors.
    const first = table === 'gdt' ? 1 : 0;
    for (let index = 0; index < Math.max(slots, this.slots); index++) {
      this.write(index, index >= first && index < slots ? this.shadowOf(index) : ABSENT);
    }
    this.slots = slots;
    for (const [index, segment] of own) this.write(index, encodeDescriptor(segment));
    this.options.charge('vmm.segment', slots);
  }

  private shadowOf(index: number): readonly [number, number] {
    const low = this.tableWord(index * DESCRIPTOR_BYTES);
    const high = this.tableWord(index * DESCRIPTOR_BYTES + 4);
    if (low === null || high === null || high === 0) return ABSENT;
    const segment = decodeDescriptor(low, high, 0);
    const needed = ATTR_P | ATTR_S | ATTR_ACCESSED;
    if ((segment.attributes & needed) !== needed) return ABSENT;
    if (this.options.admits?.(segment.attributes) === false) return ABSENT;
    return encodeDescriptor(truncate(segment, this.options));
  }

  /**
   * A word of the guest's table, which has been located; null when it is not mapped. A table need not be aligned, so one may
   * straddle pages; such a descriptor is left to the virtual CPU.
   */
  private tableWord(offset: number): number | null {
    const inFirst = (this.base % PAGE_BYTES) + offset;
    const page = this.pages[Math.floor(inFirst / PAGE_BYTES)];
    const inPage = inFirst % PAGE_BYTES;
    if (page === null || page === undefined || inPage > PAGE_BYTES - 4) return null;
    return this.options.guest.memory.read32(page * PAGE_BYTES + inPage);
  }

  /** The two words of a descriptor in the guest's table as it is now; null when they are not mapped. */
  guestDescriptor(index: number): [number, number] | null {
    const { memory, cpu } = this.options.guest;
    const { base } = tableOf(cpu, this.options.table);
    const words = [0, 4].map((byte) => {
      const linear = (base + index * DESCRIPTOR_BYTES + byte) >>> 0;
      const gpa = cpu.translate(linear, READ);
      // A table need not be aligned, so a word may straddle pages; such a descriptor is left to the virtual CPU.
      return gpa === null || (gpa & (PAGE_BYTES - 1)) > PAGE_BYTES - 4 ? null : memory.read32(gpa);
    });
    return words[0] === null || words[1] === null ? null : [words[0], words[1]];
  }

  private write(index: number, [low, high]: readonly [number, number]): void {
    const { written } = this;
    if (written[2 * index] === low && written[2 * index + 1] === high) return;
    written[2 * index] = low;
    written[2 * index + 1] = high;
    const hpa = this.options.hpa + index * DESCRIPTOR_BYTES;
    this.options.host.memory.write32(hpa, low);
    this.options.host.memory.write32(hpa + 4, high);
  }
}

/** Where a table of the guest lies. A guest without an LDT has one without room: limit -1. */
function tableOf(cpu: Processor, table: ShadowedTable): TableState {
  if (table === 'gdt') return cpu.gdtr;
  const { attributes, base, limit } = cpu.segment(LDTR);
  const usable = (attributes & ATTR_P) !== 0 && (attributes & ATTR_TYPE) === SYS_LDT;
  return usable ? { base, limit: Math.min(limit, SHADOW_GDT_BYTES - 1) } : { base: 0, limit: -1 };
}
