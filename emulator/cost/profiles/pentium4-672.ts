import type { CpuFeature } from '../../arch/cpuid.js';
import { calibrated, guess, input } from '../price.js';
import type { CpuProfile } from '../profile.js';

/**
 * Sources. A06: Adams & Agesen, "A Comparison of Software and Hardware Techniques for x86 Virtualization",
 * ASPLOS 2006. AF21: Agner Fog, "Instruction tables", 2021-08-17, Pentium 4 with EM64T (Prescott).
 */
const AF21 = 'AF21 Prescott';
/** Which figure a price is fitted to: `ringside reproduce --fit` solves for all of them together. */
const CALIBRATION = (cell: string) => `A06 figure 4: ${cell}`;

/**
 * Of what CPUID gives on both of the paper's processors (Intel SDM vol. 2A, "CPUID"), all that the simulated one can have;
 * and what it has of AMD's: SVM in place of VT, and CR8 outside of 64-bit mode, where the paper measured it.
 */
export const NETBURST_FEATURES = [
  'fpu',
  'vme',
  'de',
  'pse',
  'tsc',
  'msr',
  'pae',
  'cmpxchg8b',
  'apic',
  'sysenter',
  'syscall',
  'pge',
  'cmov',
  'pse36',
  'nx',
  'monitor',
  'svm',
  'skinit',
  'altMovCr8',
] as const satisfies readonly CpuFeature[];

/**
 * The paper's machine: HP xw4300, Pentium 4 672 at 3.8 GHz (Prescott core, VT). The simulated processor speaks SVM
 * in place of VT; what the paper measured for VM entry, VM exit, vmread and vmwrite prices VMRUN, #VMEXIT and the
 * accesses to the VMCB.
 *
 * TLB: CPUID leaf 2 of this core gives descriptors 50h (64 instruction entries) and 5Bh (64 data entries), both for
 * 4 KB and 4 MB pages (Intel SDM vol. 2A, CPUID, "Encoding of CPUID Leaf 2 Descriptors"); the model joins the two
 * in one TLB of 128. The real ones are fully associative; 4 ways is a simplification.
 */
export const pentium4_672: CpuProfile = {
  name: 'pentium4-672',
  description: 'Intel Pentium 4 672, 3.8 GHz: the machine of Adams & Agesen 2006',
  frequencyHz: 3_800_000_000,
  features: NETBURST_FEATURES,
  physicalAddressBits: 36,
  tlb: { entries: 128, ways: 4 },
  prices: {
    alu: guess(0.5, `between latency 1 and reciprocal throughput 0.25 of add r,r in ${AF21}`),
    lea: guess(1, 'as a dependent add'),
    shift: guess(1, 'as a dependent add'),
    multiply: input(10, `${AF21}: latency of imul r32`),
    divide: input(79, `${AF21}: latency of idiv r32`),
    bit: guess(4, 'microcoded on this core'),
    bcd: guess(50, 'microcoded on this core'),
    x87: guess(2, 'between the latency of fadd, about 6, and its reciprocal throughput of 1'),
    'x87.divide': guess(43, 'about 23 to 45 by precision'),
    'x87.transcendental': guess(180, 'about 100 to 250'),
    'x87.state': guess(300, 'microcoded: fnsave and frstor move 108 bytes'),
    'flags.read': input(9, `${AF21}: pushf`),
    'flags.write': input(70, `${AF21}: popf`),
    'if.clear': input(60, 'A06 section 3.2: cli on a Pentium 4; AF21 has 52'),
    'if.set': input(64, `${AF21}: sti`),
    branch: guess(1, 'predicted; the model has no branch predictor'),
    call: input(5.5, 'A06 figure 4: call/ret pair 11 cycles, halved'),
    return: input(5.5, 'A06 figure 4: call/ret pair 11 cycles, halved'),
    stack: guess(1, 'one store or load a cycle'),
    string: guess(2, 'a load and a store hitting the cache'),
    locked: input(100, `${AF21}: xchg with memory, about 100`),
    'segment.load': input(27, `${AF21}: mov sr,r`),
    'far.transfer': input(160, `${AF21}: call far`),
    'task.switch': guess(390, 'some 50 loads and stores, seven segment loads and an ltr at the prices here'),
    'software.interrupt': input(470, `${AF21}: int n`),
    'interrupt.return': input(325, `${AF21}: iret`),
    'fast.syscall': input(121, 'A06 figure 4: syscall/sysret round trip 242, halved'),
    'fast.sysret': input(121, 'A06 figure 4: syscall/sysret round trip 242, halved'),
    'descriptor.query': guess(30, 'one descriptor read and checked'),
    'descriptor.load': guess(150, 'lgdt and lidt take about 100 to 200 on this core'),
    'control.read': guess(30, 'no measurement at hand'),
    'control.write': input(150, 'A06 figure 4: mov to cr8'),
    'cr3.write': guess(300, 'about 200 to 400 on this core, TLB refills charged apart'),
    invlpg: guess(500, 'about 500 on this core'),
    cpuid: input(400, `${AF21}: 300 to 500`),
    rdtsc: input(100, `${AF21}: rdtsc`),
    'msr.read': guess(150, 'no measurement at hand'),
    'msr.write': guess(300, 'no measurement at hand'),
    'cache.flush': guess(20_000, 'depends on what the caches hold, which the model does not know'),
    halt: guess(30, 'entering the halt state'),
    'svm.state': guess(200, 'vmload and vmsave move some 150 bytes; no processor of this kind has them'),
    load: guess(1, 'hits the first-level cache, latency mostly hidden'),
    store: input(
      0.5,
      'A06 figure 4: ptemod, a store to memory, takes 1 cycle, less the instruction itself (alu)',
    ),
    'walk.reference': guess(22, 'a two-reference walk that hits the caches takes about 30 to 60'),
    'walk.nested.reference': guess(22, 'as walk.reference; no processor of this kind walks nested tables'),
    'walk.cached': guess(
      2,
      'Bhargava et al. 2008: a hit in a page-walk cache takes 2 cycles; this processor has none',
    ),
    exception: input(564, 'A06 figure 4: divzero round trip 889, less the iret'),
    'page.fault': input(743, 'A06 figure 4: pgfault round trip 1093, less the walk and the iret'),
    interrupt: guess(800, 'as an exception, with the acknowledge cycles to the interrupt controller'),
    'port.read': input(
      3208.5,
      'A06 figure 4: in from port 0x80 takes 3209, less the instruction itself (alu)',
    ),
    'port.write': guess(3208.5, 'as port.read'),
    idle: input(1, 'by definition'),
    'trap.enter': input(470, `${AF21}: int n`),
    'trap.resume': input(325, `${AF21}: iret`),
    callout: calibrated(174, CALIBRATION('in under the software VMM, 216')),
    vmrun: input(2409, 'A06 table 1: VM entry'),
    vmexit: input(1931, 'A06 table 1: page fault VM exit'),
    'vmcb.read': input(178, 'A06 table 1: VMCB read'),
    'vmcb.write': input(171, 'A06 table 1: VMCB write'),
    'vmm.dispatch': calibrated(1006, CALIBRATION('divzero under the software VMM, 3223')),
    'vmm.exit': calibrated(3946, CALIBRATION('pgfault under the hardware VMM, 11242')),
    'vmm.decode': calibrated(764.5, CALIBRATION('ptemod under the hardware VMM, 12733')),
    'vmm.emulate': guess(40, 'the action of one simple instruction on the virtual processor'),
    'vmm.guest.access': calibrated(174, CALIBRATION('ptemod under the software VMM, 391')),
    'vmm.fault': calibrated(547.5, CALIBRATION('pgfault under the software VMM, 3927')),
    'vmm.shadow.write': guess(20, 'a store to a page-table entry and its bookkeeping'),
    'vmm.shadow.fill': calibrated(1710, CALIBRATION('ptemod NP->P under the software VMM, 2121')),
    'vmm.shadow.table': guess(2000, 'clearing 4 KB and finding it a place'),
    'vmm.device': calibrated(5327, CALIBRATION('in under the hardware VMM, 15826')),
    'vmm.segment': guess(60, 'one descriptor read, truncated and written'),
    'translate.instruction': input(2300, 'A06 section 6.3: cost of the translator per x86 instruction'),
    'translate.chain': guess(150, 'one store to code, with what the trace cache loses'),
    'translate.lookup': guess(60, 'one hash and one or two probes'),
  },
};
