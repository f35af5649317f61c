import { ATTR_CODE, ATTR_DC, ATTR_DPL, ATTR_P, SYS_LDT, SYS_TSS32_BUSY } from '../../arch/descriptors.js';
import type { SegmentState } from '../../arch/descriptors.js';
import { PAGE_BYTES } from '../../arch/paging.js';
import { LDTR, TR } from '../../arch/registers.js';
import type { CostKey } from '../../cost/keys.js';
import type { Machine, Processor } from '../../machine.js';
import type { FrameAllocator } from '../frames.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import { AREA_LINEAR, SHADOW_GDT_BYTES } from './area.js';
import type { HostTables } from './direct-registers.js';
import { LinearArea } from './linear-area.js';
import { UNUSABLE } from './segments.js';
import type { KernelRing } from './segments.js';
import { ShadowDescriptors } from './shadow-descriptors.js';

/** Where in the monitor's linear area: a page for IDT and TSS, then the tables, two for each of kernel and user code. */
const SYSTEM_OFFSET = PAGE_BYTES;
const TABLE_OFFSETS = { kernel: 0x1_0000, user: 0x3_0000 } as const;
const IDT_BYTES = 256 * 8;
/** A 32-bit TSS without a map of ports. */
const TSS_BYTES = 0x68;
/** The word that says where the map of ports begins (AMD64 APM vol. 2, rev. 3.44, section 12.2.4 "Legacy Task-State Segment"). */
const TSS_PORT_MAP = 0x66;

/** The highest slots of both global tables are the monitor's. */
const TSS_INDEX = 8191;
const LDT_INDEX = 8190;
const TABLE_INDICATOR = 4;

export interface DeprivilegedTablesOptions {
  host: Machine;
  guest: Machine;
  shadow: ShadowMmu;
  frames: FrameAllocator;
  charge: (key: CostKey, count?: number) => void;
  kernelRing: KernelRing;
}

/** The tables of the host for code of one of the guest's rings. */
interface Tables {
  gdt: ShadowDescriptors;
  gdtLinear: number;
  ldt: ShadowDescriptors;
  ldtState: SegmentState;
}

/**
 * The host's descriptor tables while a guest runs deprivileged, kernel and all: shadows of the guest's GDT and LDT,
 * and an IDT and a TSS of the monitor's own. There are two pairs of shadows. While the kernel runs, user code
 * segments are absent, so that its way out to user code (iret, retf, a far jump) traps: the monitor has to know
 * which of the two runs, and what the interrupt flag becomes. While user code runs, the kernel's segments are absent,
 * which in ring 3 it could load.
 */
export class DeprivilegedTables implements HostTables {
  private readonly kernel: Tables;
  private readonly user: Tables;
  private readonly tss: SegmentState;

  constructor(private readonly options: DeprivilegedTablesOptions) {
    const { host, frames, shadow } = options;
    const area = new LinearArea(host.memory, frames);
    const systemHpa = area.map(SYSTEM_OFFSET, PAGE_BYTES, false);
    // The machine hands every event to the monitor in place of the IDT, so of that only the address matters.
    host.cpu.idtr = { base: AREA_LINEAR + SYSTEM_OFFSET, limit: IDT_BYTES - 1 };
    this.tss = {
      selector: TSS_INDEX << 3,
      attributes: ATTR_P | SYS_TSS32_BUSY,
      limit: TSS_BYTES - 1,
      base: AREA_LINEAR + SYSTEM_OFFSET + IDT_BYTES,
    };
    host.memory.write16(systemHpa + IDT_BYTES + TSS_PORT_MAP, TSS_BYTES);
    this.kernel = this.createTables(area, TABLE_OFFSETS.kernel, (attributes) => !isUserCode(attributes));
    this.user = this.createTables(area, TABLE_OFFSETS.user, isForUser);
    shadow.reserve(area.reserved);
  }

  install(host: Processor, guest: Processor): void {
    const tables = this.tablesFor(guest);
    tables.gdt.update();
    host.gdtr = { base: tables.gdtLinear, limit: SHADOW_GDT_BYTES - 1 };
    host.setSegment(TR, this.tss);
    const hasLdt = (guest.segment(LDTR).attributes & ATTR_P) !== 0;
    if (hasLdt) tables.ldt.update();
    host.setSegment(LDTR, hasLdt ? tables.ldtState : UNUSABLE);
  }

  guestDescriptor(selector: number): [number, number] | null {
    const { gdt, ldt } = this.kernel;
    return (selector & TABLE_INDICATOR ? ldt : gdt).guestDescriptor(selector >> 3);
  }

  private tablesFor(guest: Processor): Tables {
    return guest.cpl === 3 ? this.user : this.kernel;
  }

  private createTables(area: LinearArea, offset: number, admits: (attributes: number) => boolean): Tables {
    const gdtHpa = area.map(offset, SHADOW_GDT_BYTES, false);
    const ldtHpa = area.map(offset + SHADOW_GDT_BYTES, SHADOW_GDT_BYTES, false);
    const ldtState: SegmentState = {
      selector: LDT_INDEX << 3,
      attributes: ATTR_P | SYS_LDT,
      limit: SHADOW_GDT_BYTES - 1,
      base: AREA_LINEAR + offset + SHADOW_GDT_BYTES,
    };
    const own = new Map([
      [TSS_INDEX, this.tss],
      [LDT_INDEX, ldtState],
    ]);
    const shared = { ...this.options, wholeSegments: false, admits };
    return {
      gdt: new ShadowDescriptors({ ...shared, table: 'gdt', hpa: gdtHpa, own }),
      gdtLinear: AREA_LINEAR + offset,
      ldt: new ShadowDescriptors({ ...shared, table: 'ldt', hpa: ldtHpa }),
      ldtState,
    };
  }
}

/** Segments that user code may load: its own, and conforming code. */
function isForUser(attributes: number): boolean {
  const conforming = ATTR_CODE | ATTR_DC;
  return (attributes & ATTR_DPL) === ATTR_DPL || (attributes & conforming) === conforming;
}

function isUserCode(attributes: number): boolean {
  return (attributes & ATTR_CODE) !== 0 && (attributes & ATTR_DPL) === ATTR_DPL;
}
