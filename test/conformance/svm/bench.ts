import { CR0_ET, CR0_PE, EFER_SVME } from '../../../emulator/arch/control.js';
import { encodeDescriptor } from '../../../emulator/arch/descriptors.js';
import type { SegmentState } from '../../../emulator/arch/descriptors.js';
import { FLAG_IF, FLAG_ONE } from '../../../emulator/arch/flags.js';
import { MSR_VM_HSAVE_PA } from '../../../emulator/arch/msrs.js';
import { CS, DS, ES, FS, GS, LDTR, SS, TR } from '../../../emulator/arch/registers.js';
import {
  INTERCEPTS,
  VMCB_CONTROL,
  VMCB_SEGMENTS,
  VMCB_STATE,
  interceptBit,
} from '../../../emulator/arch/vmcb.js';
import { assemble, formatDiagnostics } from '../../../emulator/asm/index.js';
import { pentium4_672 } from '../../../emulator/cost/profiles/pentium4-672.js';
import type { CpuProfile } from '../../../emulator/cost/profile.js';
import { Machine } from '../../../emulator/machine.js';
import type { Stop } from '../../../emulator/machine.js';
import { VmcbView } from '../../../emulator/platform/vmcb-view.js';

export const VMCB_HPA = 0x1000;
export const HOST_SAVE_HPA = 0x2000;
export const IOPM_HPA = 0x3000;
export const MSRPM_HPA = 0x6000;
export const GDT = 0x8000;
export const IDT = 0x9000;
export const TSS = 0xa000;
/** Page directory and table, for rows that turn paging on. */
export const PAGE_DIRECTORY = 0xb000;
export const PAGE_TABLE = 0xc000;
export const CODE = 0x1_0000;
export const STACK = 0x2_0000;
export const USER_STACK = 0x2_1000;
const MEMORY_BYTES = 4 << 20;
const STEPS = 10_000;

const flat = (selector: number, attributes: number): SegmentState => ({
  selector,
  attributes,
  limit: 0xffff_ffff,
  base: 0,
});
export const KERNEL_CODE = flat(0x08, 0xc9b);
export const KERNEL_DATA = flat(0x10, 0xc93);
export const USER_CODE = flat(0x1b, 0xcfb);
export const USER_DATA = flat(0x23, 0xcf3);
const GUEST_TSS: SegmentState = { selector: 0x28, attributes: 0x8b, limit: 0x67, base: TSS };
/** Another task of the guest's. */
export const NEXT_TSS: SegmentState = { selector: 0x30, attributes: 0x89, limit: 0x67, base: TSS + 0x100 };
const NO_LDT: SegmentState = { selector: 0, attributes: 0, limit: 0, base: 0 };

const EXIT_ALWAYS = [INTERCEPTS.VMRUN, INTERCEPTS.VMMCALL, INTERCEPTS.SHUTDOWN];

/**
 * A machine with a VMCB ready to run: a guest at CPL 0 in flat protected mode, paging off, with a GDT, a TSS and an
 * empty IDT, that intercepts VMRUN, VMMCALL and SHUTDOWN and nothing else.
 */
export class Bench {
  readonly machine: Machine;
  readonly vmcb: VmcbView;
  /** Labels of the guest's code. */
  symbols: Readonly<Record<string, number>> = {};

  constructor(profile: CpuProfile = pentium4_672) {
    this.machine = Machine.create({ profile, memoryBytes: MEMORY_BYTES });
    const { cpu, memory } = this.machine;
    this.vmcb = new VmcbView(memory, VMCB_HPA);
    this.startHost();
    for (const segment of [KERNEL_CODE, KERNEL_DATA, USER_CODE, USER_DATA, GUEST_TSS, NEXT_TSS])
      this.describe(segment);
    memory.write32(TSS + 4, STACK);
    memory.write32(TSS + 8, KERNEL_DATA.selector);
    memory.write16(TSS + 102, 0x68);
    cpu.setSegment(TR, GUEST_TSS);
    cpu.setSegment(LDTR, NO_LDT);
    this.fillVmcb();
    this.intercept(...EXIT_ALWAYS);
  }

  private startHost(): void {
    const { cpu } = this.machine;
    cpu.cr0 = CR0_PE | CR0_ET;
    cpu.cpl = 0;
    cpu.efer |= EFER_SVME;
    cpu.eflags = FLAG_ONE | FLAG_IF;
    cpu.setSegment(CS, { ...KERNEL_CODE, selector: 0x50 });
    for (const segment of [DS, ES, FS, GS, SS] as const)
      cpu.setSegment(segment, { ...KERNEL_DATA, selector: 0x58 });
    cpu.setMsr(MSR_VM_HSAVE_PA, HOST_SAVE_HPA);
  }

  private fillVmcb(): void {
    const { vmcb } = this;
    vmcb.write(VMCB_CONTROL.asid, 1);
    vmcb.write(VMCB_CONTROL.iopmBasePa, IOPM_HPA);
    vmcb.write(VMCB_CONTROL.msrpmBasePa, MSRPM_HPA);
    vmcb.write(VMCB_STATE.efer, EFER_SVME);
    vmcb.write(VMCB_STATE.cr0, CR0_PE | CR0_ET);
    vmcb.write(VMCB_STATE.rflags, FLAG_ONE);
    vmcb.write(VMCB_STATE.rip, CODE);
    vmcb.write(VMCB_STATE.rsp, STACK);
    vmcb.write(VMCB_STATE.dr6, 0xffff_0ff0);
    vmcb.write(VMCB_STATE.dr7, 0x400);
    vmcb.setSegment(VMCB_SEGMENTS.cs, KERNEL_CODE);
    for (const segment of ['ss', 'ds', 'es'] as const) vmcb.setSegment(VMCB_SEGMENTS[segment], KERNEL_DATA);
    vmcb.setTable(VMCB_SEGMENTS.gdtr, { base: GDT, limit: 0x37 });
    vmcb.setTable(VMCB_SEGMENTS.idtr, { base: IDT, limit: 0x7ff });
  }

  describe(segment: SegmentState): void {
    const [low, high] = encodeDescriptor(segment);
    const at = GDT + (segment.selector & ~7);
    this.machine.memory.write32(at, low);
    this.machine.memory.write32(at + 4, high);
  }

  intercept(...exitCodes: number[]): this {
    for (const exitCode of exitCodes) {
      const { offset, mask } = interceptBit(exitCode);
      const at = VMCB_HPA + offset;
      this.machine.memory.write32(at, this.machine.memory.read32(at) | mask);
    }
    return this;
  }

  /** The guest begins at CPL 3, on its own stack. */
  user(): this {
    const { vmcb } = this;
    vmcb.setSegment(VMCB_SEGMENTS.cs, USER_CODE);
    for (const segment of ['ss', 'ds', 'es'] as const) vmcb.setSegment(VMCB_SEGMENTS[segment], USER_DATA);
    vmcb.write(VMCB_STATE.cpl, 3);
    vmcb.write(VMCB_STATE.rsp, USER_STACK);
    return this;
  }

  flags(bits: number): this {
    this.vmcb.write(VMCB_STATE.rflags, this.vmcb.read(VMCB_STATE.rflags) | bits);
    return this;
  }

  /** Maps the first 4 MB to themselves and turns paging on. @param unmapped addresses of pages left out. */
  paging(...unmapped: number[]): this {
    const { memory } = this.machine;
    memory.write32(PAGE_DIRECTORY, PAGE_TABLE | 7);
    for (let page = 0; page < 1024; page++) memory.write32(PAGE_TABLE + page * 4, (page << 12) | 7);
    for (const address of unmapped) memory.write32(PAGE_TABLE + (address >>> 12) * 4, 0);
    this.vmcb.write(VMCB_STATE.cr3, PAGE_DIRECTORY);
    this.vmcb.write(VMCB_STATE.cr0, (CR0_PE | CR0_ET | 0x8000_0000) >>> 0);
    return this;
  }

  /** Puts an interrupt gate into the IDT. @param target an address or a label of the code loaded before. */
  gate(vector: number, target: number | string, dpl = 0): this {
    const offset = typeof target === 'string' ? this.symbols[target] : target;
    const { memory } = this.machine;
    memory.write32(IDT + vector * 8, (KERNEL_CODE.selector << 16) | (offset & 0xffff));
    memory.write32(IDT + vector * 8 + 4, (offset & 0xffff_0000) | 0x8e00 | (dpl << 13));
    return this;
  }

  /** Assembles the guest's code at {@link CODE}. */
  load(source: string): this {
    const text = `bits 32\norg ${CODE}\n${source}\n`;
    const { bytes, symbols, diagnostics } = assemble(text);
    if (bytes.length === 0) throw new Error(formatDiagnostics(text, diagnostics));
    this.machine.memory.writeBytes(CODE, bytes);
    this.symbols = symbols;
    return this;
  }

  run(): Stop {
    return this.machine.vmrun(VMCB_HPA, { instructions: STEPS });
  }

  /** What the VMCB says about the exit. */
  get exit(): {
    code: number;
    info1: number;
    info2: number;
    interrupted: number;
    errorCode: number;
    eip: number;
  } {
    const { vmcb } = this;
    return {
      code: vmcb.read(VMCB_CONTROL.exitCode) | 0,
      info1: vmcb.read(VMCB_CONTROL.exitInfo1),
      info2: vmcb.read(VMCB_CONTROL.exitInfo2),
      interrupted: vmcb.read(VMCB_CONTROL.exitIntInfo),
      errorCode: vmcb.readHigh(VMCB_CONTROL.exitIntInfo),
      eip: vmcb.read(VMCB_STATE.rip),
    };
  }
}
