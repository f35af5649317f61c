import { guess, input, monitorCode } from '../price.js';
import type { CpuProfile } from '../profile.js';
import { pentium4_672 } from './pentium4-672.js';

/** A06 and AF21: see pentium4-672.ts; here the column for Core 2 (Merom). */
const AF21 = 'AF21 Merom';

/** Cycles of the same native compile, of those of the Pentium 4: 204 s at 2.66 GHz against 265 s at 3.8 GHz (A06 sections 6.1 and 7.1). */
const COMPILE = (204 * 2.66) / (265 * 3.8);

/**
 * The paper's second machine (table 1): a pre-production Core 2 Duo at 2.66 GHz. What the hardware does is priced anew; what a
 * monitor's own code does takes fewer cycles in the measure in which other code does: the kernel compile.
 *
 * TLB: 256 data entries for 4 KB pages in 4 ways, CPUID leaf 2 descriptor B4h (Intel SDM vol. 2A, CPUID, "Encoding of
 * CPUID Leaf 2 Descriptors"); the model's only TLB.
 */
export const core2_e6700: CpuProfile = {
  name: 'core2-e6700',
  description: 'Intel Core 2 Duo E6700, 2.66 GHz: the newer processor of Adams & Agesen 2006, table 1',
  frequencyHz: 2_660_000_000,
  features: pentium4_672.features,
  physicalAddressBits: 36,
  tlb: { entries: 256, ways: 4 },
  prices: {
    ...pentium4_672.prices,
    ...monitorCode(
      pentium4_672.prices,
      COMPILE,
      'times what the native compile takes of the Pentium 4 (A06 7.1)',
    ),
    string: guess(0.8, 'fast strings move more than a word a cycle'),
    load: guess(0.5, 'one a cycle beside other work'),
    store: guess(0.5, 'one a cycle beside other work'),
    alu: input(0.333, `${AF21}: reciprocal throughput of add r,r 0.33`),
    multiply: input(3, `${AF21}: latency of imul r32`),
    divide: input(30, `${AF21}: latency of idiv r32 18 to 42`),
    bit: guess(1, 'no longer microcoded'),
    bcd: guess(20, 'microcoded'),
    x87: guess(1, 'reciprocal throughput of fadd; its latency is about 3'),
    'x87.divide': guess(32, 'about 6 to 38 by precision and operands'),
    'x87.transcendental': guess(100, 'about 80 to 150'),
    'x87.state': guess(180, 'microcoded: fnsave and frstor move 108 bytes'),
    'flags.read': input(7, `${AF21}: pushf`),
    'flags.write': input(20, `${AF21}: popf`),
    'if.clear': guess(10, 'about 10 on this core'),
    'if.set': guess(10, 'as cli'),
    call: input(2, `${AF21}: call near`),
    return: input(2, `${AF21}: ret`),
    locked: guess(20, 'as xchg with memory on the next core, Nehalem (AF21)'),
    'segment.load': input(16, `${AF21}: mov sr,r`),
    'far.transfer': input(75, `${AF21}: call far`),
    'task.switch': guess(220, 'some 50 loads and stores, seven segment loads and an ltr at the prices here'),
    'software.interrupt': guess(280, 'exception, less what finding a fault takes'),
    'interrupt.return': guess(200, 'a fault and its iret take about 500'),
    'fast.syscall': guess(75, 'a syscall/sysret round trip takes about 150'),
    'fast.sysret': guess(75, 'a syscall/sysret round trip takes about 150'),
    'descriptor.load': guess(60, 'lgdt and lidt take about 60 on this core'),
    'control.write': guess(60, 'mov to cr8 takes about 60 on this core'),
    'cr3.write': guess(200, 'about 200 on this core'),
    invlpg: guess(200, 'about 200 on this core'),
    cpuid: input(200, `${AF21}: 180 to 215`),
    rdtsc: input(64, `${AF21}: rdtsc`),
    'msr.read': guess(80, 'no measurement at hand'),
    'msr.write': guess(120, 'no measurement at hand'),
    'walk.reference': guess(9, 'a two-reference walk that hits the caches takes about 10 to 25'),
    'walk.nested.reference': guess(9, 'as walk.reference'),
    exception: guess(300, 'a fault and its iret take about 500'),
    'page.fault': guess(400, 'a page fault and its iret take about 600'),
    interrupt: guess(450, 'as an exception, with the acknowledge cycles to the interrupt controller'),
    'port.read': guess(2000, 'about 2000 on this core: the bus is as slow as ever'),
    'port.write': guess(2000, 'as port.read'),
    'trap.enter': guess(280, 'as software.interrupt'),
    'trap.resume': guess(200, 'as interrupt.return'),
    vmrun: input(937, 'A06 table 1: VM entry'),
    vmexit: input(1186, 'A06 table 1: page fault VM exit'),
    'vmcb.read': input(52, 'A06 table 1: VMCB read'),
    'vmcb.write': input(44, 'A06 table 1: VMCB write'),
  },
};
