/* Exits of instructions: each that has an intercept, and what comes first. */
import t from 'tap';
import { EAX, EBX, ECX, EDX } from '../../../emulator/arch/registers.js';
import {
  EXIT_CR_READ,
  EXIT_CR_WRITE,
  EXIT_DR_READ,
  EXIT_DR_WRITE,
  EXIT_EXCEPTION,
  INTERCEPTS,
  VMCB_STATE,
  exitCodeName,
} from '../../../emulator/arch/vmcb.js';
import { Bench, IOPM_HPA } from './bench.js';
import { DONE, testExits } from './exit-rows.js';
import type { Row } from './exit-rows.js';

const X = INTERCEPTS;

/** Instructions with an intercept of their own: each exits at CPL 0 with it, and runs without it. */
const instructions: { code: string; exitCode: number; runs?: boolean }[] = [
  { code: 'cpuid', exitCode: X.CPUID },
  { code: 'rdtsc', exitCode: X.RDTSC },
  { code: 'rdpmc', exitCode: X.RDPMC, runs: false },
  { code: 'pushf', exitCode: X.PUSHF },
  { code: 'popf', exitCode: X.POPF },
  { code: 'iret', exitCode: X.IRET, runs: false },
  { code: 'int 0x30', exitCode: X.SWINT, runs: false },
  { code: 'hlt', exitCode: X.HLT, runs: false },
  { code: 'invlpg [0x1000]', exitCode: X.INVLPG },
  { code: 'pause', exitCode: X.PAUSE },
  { code: 'invd', exitCode: X.INVD },
  { code: 'wbinvd', exitCode: X.WBINVD },
  { code: 'sgdt [0x3000]', exitCode: X.GDTR_READ },
  { code: 'sidt [0x3000]', exitCode: X.IDTR_READ },
  { code: 'sldt ax', exitCode: X.LDTR_READ },
  { code: 'str ax', exitCode: X.TR_READ },
  { code: 'lgdt [0x3000]', exitCode: X.GDTR_WRITE },
  { code: 'lidt [0x3000]', exitCode: X.IDTR_WRITE },
  { code: 'lldt ax', exitCode: X.LDTR_WRITE },
  { code: 'ltr ax', exitCode: X.TR_WRITE, runs: false },
  { code: 'mov eax, cr0', exitCode: EXIT_CR_READ + 0 },
  { code: 'mov eax, cr2', exitCode: EXIT_CR_READ + 2 },
  { code: 'mov eax, cr3', exitCode: EXIT_CR_READ + 3 },
  { code: 'mov eax, cr4', exitCode: EXIT_CR_READ + 4 },
  { code: 'smsw ax', exitCode: EXIT_CR_READ + 0 },
  { code: 'mov eax, 0x11\n_at: mov cr0, eax', exitCode: EXIT_CR_WRITE + 0 },
  { code: 'mov cr2, eax', exitCode: EXIT_CR_WRITE + 2 },
  { code: 'mov cr3, eax', exitCode: EXIT_CR_WRITE + 3 },
  { code: 'mov cr4, edx', exitCode: EXIT_CR_WRITE + 4 },
  { code: 'mov eax, cr8', exitCode: EXIT_CR_READ + 8 },
  { code: 'mov cr8, edx', exitCode: EXIT_CR_WRITE + 8 },
  { code: 'clts', exitCode: EXIT_CR_WRITE + 0 },
  { code: 'lmsw cx', exitCode: EXIT_CR_WRITE + 0 },
  { code: 'mov eax, dr0', exitCode: EXIT_DR_READ + 0 },
  { code: 'mov eax, dr7', exitCode: EXIT_DR_READ + 7 },
  { code: 'mov dr3, eax', exitCode: EXIT_DR_WRITE + 3 },
  { code: 'vmload', exitCode: X.VMLOAD, runs: false },
  { code: 'vmsave', exitCode: X.VMSAVE, runs: false },
  { code: 'stgi', exitCode: X.STGI },
  { code: 'clgi', exitCode: X.CLGI },
  { code: 'invlpga', exitCode: X.INVLPGA },
  { code: 'rdtscp', exitCode: X.RDTSCP },
  { code: 'rsm', exitCode: X.RSM, runs: false },
  { code: 'monitor', exitCode: X.MONITOR },
  { code: 'mwait', exitCode: X.MWAIT },
  { code: 'popfw', exitCode: X.POPF },
  { code: 'iretw', exitCode: X.IRET, runs: false },
  { code: 'int 0x80', exitCode: X.SWINT, runs: false },
  { code: 'mov eax, dr1', exitCode: EXIT_DR_READ + 1 },
  { code: 'mov eax, dr2', exitCode: EXIT_DR_READ + 2 },
  { code: 'mov eax, dr3', exitCode: EXIT_DR_READ + 3 },
  { code: 'mov eax, dr6', exitCode: EXIT_DR_READ + 6 },
  { code: 'mov dr0, eax', exitCode: EXIT_DR_WRITE + 0 },
  { code: 'mov dr1, eax', exitCode: EXIT_DR_WRITE + 1 },
  { code: 'mov dr2, eax', exitCode: EXIT_DR_WRITE + 2 },
  { code: 'mov dr6, eax', exitCode: EXIT_DR_WRITE + 6 },
  { code: 'mov dr7, eax', exitCode: EXIT_DR_WRITE + 7 },
  { code: 'skinit', exitCode: X.SKINIT, runs: false },
];

const rows: Row[] = [
  ...instructions.map(({ code, exitCode }) => ({
    name: `${code.split('_at: ').at(-1)} exits as ${exitCodeName(exitCode)}`,
    intercept: [exitCode],
    code: code.includes('_at:') ? code.replace('_at:', 'here:') : `here: ${code}`,
    exit: exitCode,
  })),
  ...instructions
    .filter(({ runs }) => runs !== false)
    .map(({ code }) => ({
      name: `${code.split('_at: ').at(-1)} runs when not intercepted`,
      intercept: [],
      code: code + DONE,
    })),

  // Intercepts that come before what the instruction does to memory (section 15.9 "Instruction Intercepts").
  ...(
    [
      ['lgdt [0x30000]', X.GDTR_WRITE],
      ['lidt [0x30000]', X.IDTR_WRITE],
      ['lldt [0x30000]', X.LDTR_WRITE],
      ['ltr [0x30000]', X.TR_WRITE],
      ['lmsw [0x30000]', EXIT_CR_WRITE + 0],
      ['sgdt [0x30000]', X.GDTR_READ],
      ['sidt [0x30000]', X.IDTR_READ],
      ['sldt [0x30000]', X.LDTR_READ],
      ['str [0x30000]', X.TR_READ],
      ['smsw [0x30000]', EXIT_CR_READ + 0],
    ] as const
  ).map(([code, exitCode]) => ({
    name: `${code}: the intercept comes before the page fault`,
    intercept: [exitCode, EXIT_EXCEPTION + 14],
    prepare: (b: Bench) => void b.paging(0x3_0000),
    code: `here: ${code}`,
    exit: exitCode,
  })),
  ...(
    [
      ['pushf', X.PUSHF],
      ['popf', X.POPF],
      ['iret', X.IRET],
      ['int 0x30', X.SWINT],
    ] as const
  ).map(([code, exitCode]) => ({
    name: `${code}: the intercept comes before the fault of its stack`,
    intercept: [exitCode, EXIT_EXCEPTION + 14],
    prepare: (b: Bench) => void b.paging(0x3_0000),
    code: `mov esp, 0x30800\nhere: ${code}`,
    exit: exitCode,
  })),
  {
    name: 'insb: the intercept comes before the page fault',
    intercept: [X.IOIO, EXIT_EXCEPTION + 14],
    prepare: (b) => b.paging(0x3_0000).machine.memory.write8(IOPM_HPA + 0x10, 1),
    code: 'mov edx, 0x80\nmov edi, 0x30000\nhere: insb',
    exit: X.IOIO,
  },
  {
    name: 'rdtsc: CR4.TSD at CPL 3 is #GP before the intercept',
    intercept: [X.RDTSC, EXIT_EXCEPTION + 13],
    prepare: (b) => b.user().vmcb.write(VMCB_STATE.cr4, 4),
    code: 'here: rdtsc',
    exit: EXIT_EXCEPTION + 13,
  },
  {
    name: 'rdpmc: CPL 3 without CR4.PCE is #GP before the intercept',
    intercept: [X.RDPMC, EXIT_EXCEPTION + 13],
    prepare: (b) => void b.user(),
    code: 'here: rdpmc',
    exit: EXIT_EXCEPTION + 13,
  },
  {
    name: 'rsm at CPL 3 exits: the intercept comes before #UD',
    intercept: [X.RSM, EXIT_EXCEPTION + 6],
    prepare: (b) => void b.user(),
    code: 'here: rsm',
    exit: X.RSM,
  },
  {
    name: 'rsm is #UD otherwise',
    intercept: [EXIT_EXCEPTION + 6],
    code: 'here: rsm',
    exit: EXIT_EXCEPTION + 6,
  },
  {
    name: 'xsetbv is #UD before its intercept: no processor here has XSAVE',
    intercept: [X.XSETBV, EXIT_EXCEPTION + 6],
    code: 'here: xsetbv',
    exit: EXIT_EXCEPTION + 6,
  },
  {
    name: 'monitor at CPL 3 is #UD before its intercept',
    intercept: [X.MONITOR, EXIT_EXCEPTION + 6],
    prepare: (b) => void b.user(),
    code: 'here: monitor',
    exit: EXIT_EXCEPTION + 6,
  },
  {
    name: 'mwait with the monitor armed',
    intercept: [X.MWAIT_ARMED],
    code: 'mov eax, 0x30000\nmonitor\nhere: mwait',
    exit: X.MWAIT_ARMED,
  },
  { name: 'mwait alone is not armed', intercept: [X.MWAIT_ARMED], code: 'mwait' + DONE },

  // Control registers.
  {
    name: 'selective CR0 write: exits when a bit other than TS and MP changes',
    intercept: [X.CR0_SEL_WRITE],
    code: 'mov eax, cr0\nor eax, 0x10000\nhere: mov cr0, eax',
    exit: X.CR0_SEL_WRITE,
  },
  {
    name: 'selective CR0 write: TS and MP do not exit',
    intercept: [X.CR0_SEL_WRITE],
    code: 'mov eax, cr0\nxor eax, 10\nxor eax, 0\nand eax, ~0x8\nor eax, 2\nmov cr0, eax' + DONE,
  },
  {
    name: 'a reserved CR4 bit is #GP before the intercept',
    intercept: [EXIT_CR_WRITE + 4, EXIT_EXCEPTION + 13],
    code: 'mov eax, 0x80000000\nhere: mov cr4, eax',
    exit: EXIT_EXCEPTION + 13,
  },

  // Priority between intercepts and privilege (section 15.7 "Intercept Operation").
  ...[
    'hlt',
    'invd',
    'wbinvd',
    'lgdt [0x3000]',
    'lldt ax',
    'mov eax, cr0',
    'mov eax, dr0',
    'invlpg [0]',
    'rdmsr',
    'clts',
  ].map((code) => ({
    name: `${code} at CPL 3 is #GP before its intercept`,
    intercept: [
      X.HLT,
      X.INVD,
      X.WBINVD,
      X.GDTR_WRITE,
      X.LDTR_WRITE,
      EXIT_CR_READ,
      EXIT_CR_WRITE,
      EXIT_DR_READ,
      X.INVLPG,
      X.MSR,
    ].concat(EXIT_EXCEPTION + 13),
    prepare: (b: Bench) => void b.user(),
    code: `here: ${code}`,
    exit: EXIT_EXCEPTION + 13,
  })),
  ...(
    [
      ['cpuid', X.CPUID],
      ['pushf', X.PUSHF],
      ['popf', X.POPF],
      ['iret', X.IRET],
      ['int 0x30', X.SWINT],
      ['rdtsc', X.RDTSC],
      ['pause', X.PAUSE],
      ['sgdt [0x3000]', X.GDTR_READ],
      ['vmmcall', X.VMMCALL],
    ] as const
  ).map(([code, exitCode]) => ({
    name: `${code} exits at CPL 3 too`,
    intercept: [exitCode],
    prepare: (b: Bench) => void b.user(),
    code: `here: ${code}`,
    exit: exitCode,
  })),
  {
    name: 'int n: the intercept comes before the gate is looked at',
    intercept: [X.SWINT, EXIT_EXCEPTION + 13],
    code: 'here: int 0xff',
    exit: X.SWINT,
  },
  {
    name: 'SVM instructions at CPL 3 are #GP',
    intercept: [EXIT_EXCEPTION + 13],
    prepare: (b) => void b.user(),
    code: 'here: vmrun',
    exit: EXIT_EXCEPTION + 13,
  },
  { name: 'vmrun in guest mode exits', intercept: [], code: 'here: vmrun', exit: X.VMRUN },
];

testExits(rows);

t.test('an exit leaves the general registers but rAX and rSP with the guest', async (t) => {
  const bench = new Bench().load('mov eax, 1\nmov ebx, 2\nmov ecx, 3\nmov edx, 4\nvmmcall');
  const { cpu } = bench.machine;
  cpu.setGpr(EAX, 0xaaaa);
  bench.run();
  t.strictSame(
    [EAX, EBX, ECX, EDX].map((register) => cpu.gpr(register)),
    [0xaaaa, 2, 3, 4],
  );
});
