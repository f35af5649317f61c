import { CR0_CD, CR0_ET, CR0_NW } from '../arch/control.js';
import { ATTR_P, SYS_LDT, SYS_TSS32_BUSY } from '../arch/descriptors.js';
import { FLAG_ONE } from '../arch/flags.js';
import { CS, DS, EDX, ES, FS, GS, LDTR, SS, TR } from '../arch/registers.js';
import type { Cpu } from './cpu.js';
import { SIGNATURE } from './cpuid.js';
import { resetSegment } from './modes.js';

/** The first instruction is 16 bytes below 4 GB: CS is the paragraph F000, but with this base. */
const RESET_CS = 0xf000;
const RESET_CS_BASE = 0xffff_0000;
const RESET_EIP = 0xfff0;
const DR6_RESET = 0xffff_0ff0;
const DR7_RESET = 0x400;
const TABLE_LIMIT = 0xffff;

/** The state after reset (Intel SDM vol. 3, "Processor State After Reset"): real mode at the reset vector. */
export function reset(cpu: Cpu): void {
  cpu.u8.fill(0);
  cpu.x87.reset();
  cpu.msrs.reset();
  cpu.cr0 = CR0_CD | CR0_NW | CR0_ET;
  cpu.eflags = FLAG_ONE;
  cpu.cpl = 0;
  cpu.setSegment(CS, resetSegment(RESET_CS, RESET_CS_BASE));
  for (const segment of [DS, ES, SS, FS, GS] as const) cpu.setSegment(segment, resetSegment(0));
  const system = { limit: TABLE_LIMIT, base: 0, selector: 0 };
  cpu.setSegment(LDTR, { ...system, attributes: ATTR_P | SYS_LDT });
  cpu.setSegment(TR, { ...system, attributes: ATTR_P | SYS_TSS32_BUSY });
  cpu.gdtr = { base: 0, limit: TABLE_LIMIT };
  cpu.idtr = { base: 0, limit: TABLE_LIMIT };
  cpu.setGpr(EDX, SIGNATURE);
  cpu.setDebug(6, DR6_RESET);
  cpu.setDebug(7, DR7_RESET);
  cpu.eip = RESET_EIP;
  cpu.attention = 0;
  cpu.nmiBlocked = false;
  cpu.flushTlb();
  cpu.reload();
}
