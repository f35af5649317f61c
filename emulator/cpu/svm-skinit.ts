import { CR0_CD, CR0_ET, CR0_NW, CR0_PE } from '../arch/control.js';
import * as attr from '../arch/descriptors.js';
import { FLAG_ONE } from '../arch/flags.js';
import { MSR_VM_CR, VM_CR_DIS_A20M, VM_CR_DPD, VM_CR_R_INIT } from '../arch/msrs.js';
import { CS, DS, EAX, EDX, ES, ESP, FS, GS, SS } from '../arch/registers.js';
import type { Cpu } from './cpu.js';
import { SIGNATURE } from './cpuid.js';

/** The secure loader block: 64 KB, aligned. */
const BLOCK_BYTES = 1 << 16;
const GPR_COUNT = 8;
const FLAT = attr.ATTR_P | attr.ATTR_S | attr.ATTR_RW | attr.ATTR_ACCESSED | attr.ATTR_DB | attr.ATTR_G;
const CODE_SELECTOR = 0x08;
const STACK_SELECTOR = 0x10;

/**
 * SKINIT: a reset that begins in the loader block whose address EAX holds (APM vol. 2, section 15.27.2 "SKINIT
 * Instruction"). No TPM measures it here. The caller clears GIF. eip is that of the loader's entry point after it.
 */
export function skinit(cpu: Cpu): void {
  const block = (cpu.gpr(EAX) & ~(BLOCK_BYTES - 1)) >>> 0;
  for (let register = 0; register < GPR_COUNT; register++) cpu.setGpr(register, 0);
  cpu.setGpr(EAX, block);
  cpu.setGpr(EDX, SIGNATURE);
  cpu.setGpr(ESP, (block + BLOCK_BYTES) >>> 0);
  cpu.efer = 0;
  cpu.cr4 = 0;
  cpu.cr3 = 0;
  cpu.cr2 = 0;
  cpu.cr0 = (cpu.cr0 & (CR0_CD | CR0_NW)) | CR0_ET | CR0_PE;
  cpu.eflags = FLAG_ONE;
  cpu.cpl = 0;
  cpu.setSegment(CS, {
    selector: CODE_SELECTOR,
    attributes: FLAT | attr.ATTR_CODE,
    limit: 0xffff_ffff,
    base: 0,
  });
  for (const segment of [SS, DS, ES, FS, GS] as const) {
    cpu.setSegment(segment, { selector: STACK_SELECTOR, attributes: FLAT, limit: 0xffff_ffff, base: 0 });
  }
  cpu.gdtr = { base: 0, limit: 0xffff };
  cpu.idtr = { base: 0, limit: 0xffff };
  cpu.setDebug(6, 0xffff_0ff0);
  cpu.setDebug(7, 0x400);
  cpu.setMsr(MSR_VM_CR, cpu.msr(MSR_VM_CR) | VM_CR_DPD | VM_CR_R_INIT | VM_CR_DIS_A20M);
  cpu.flushTlb();
  // The block's first word is the entry point's offset in it.
  cpu.eip = (block + cpu.memory.read16(block)) >>> 0;
}
