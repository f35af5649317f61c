import t from 'tap';
import { EAX, EBX, ECX, EDX } from '../../../emulator/arch/registers.js';
import { FLAG_IF, FLAG_NT } from '../../../emulator/arch/flags.js';
import {
  EXIT_CR_READ,
  EXIT_CR_WRITE,
  EXIT_DR_READ,
  EXIT_DR_WRITE,
  EXIT_EXCEPTION,
  INTERCEPTS,
  TASK_SWITCH_HAS_ERROR_CODE,
  TASK_SWITCH_IRET,
  TASK_SWITCH_JUMP,
  TASK_SWITCH_RF,
  VMCB_CONTROL,
  VMCB_STATE,
  exitCodeName,
} from '../../../emulator/arch/vmcb.js';
import type { CpuProfile } from '../../../emulator/cost/profile.js';
import { pentium4_672 } from '../../../emulator/cost/profiles/pentium4-672.js';
import { Bench, IDT, IOPM_HPA, MSRPM_HPA, NEXT_TSS, TSS } from './bench.js';

const X = INTERCEPTS;

interface Row {
  name: string;
  intercept: number[];
  /** The exit is expected at label `here`; one at `vmmcall` means that nothing was intercepted before. */
  code: string;
  prepare?: (bench: Bench) => void;
  /** After the code is loaded. */
  arrange?: (bench: Bench) => void;
  exit?: number;
  info1?: number;
  info2?: number | ((bench: Bench) => number);
  info2High?: number;
  /** EXITINTINFO, low half. */
  interrupted?: number;
}

function taskGate({ machine }: Bench, vector: number, selector: number): void {
  machine.memory.write32(IDT + vector * 8, selector << 16);
  machine.memory.write32(IDT + vector * 8 + 4, 0x8500);
}
/** Every optional instruction, no optional part of SVM. */
const FULL: CpuProfile = { ...pentium4_672, features: [...pentium4_672.features, 'rdtscp'] };

const DONE = '\nhere: vmmcall';

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

  // Ports (section 15.10 "IOIO Intercepts").
  {
    name: 'in al, imm8: port, size, direction, next rIP',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + 0x10, 1),
    code: 'here: in al, 0x80\nnext: vmmcall',
    exit: X.IOIO,
    info1: 0x0080_0011,
    info2: (b) => b.symbols.next,
  },
  {
    name: 'out dx, eax: 32 bits, out',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + (0x3f8 >> 3), 1),
    code: 'mov edx, 0x3f8\nhere: out dx, eax\nnext: vmmcall',
    exit: X.IOIO,
    info1: 0x03f8_0040,
    info2: (b) => b.symbols.next,
  },
  {
    name: 'a clear bit in the I/O permissions map lets the port through',
    intercept: [X.IOIO],
    code: 'in al, 0x80' + DONE,
  },
  {
    name: 'without the IOIO intercept the map does not count',
    intercept: [],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + 0x10, 1),
    code: 'in al, 0x80' + DONE,
  },
  {
    name: 'a wide access exits when any of its ports is marked',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + (0x83 >> 3), 1 << (0x83 & 7)),
    code: 'here: in eax, 0x80',
    exit: X.IOIO,
    info1: 0x0080_0041,
    info2: (b) => b.symbols.here + 2,
  },
  {
    name: 'the map goes on past port 0xffff',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + 0x2000, 1),
    code: 'mov edx, 0xffff\nhere: in ax, dx',
    exit: X.IOIO,
    info1: 0xffff_0021,
    info2: (b) => b.symbols.here + 2,
  },
  {
    name: 'rep outsb: string, repeated, address size, segment',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + (0xe9 >> 3), 1 << (0xe9 & 7)),
    code: 'mov edx, 0xe9\nmov ecx, 3\nmov esi, 0x3000\nhere: rep outsb\nnext: vmmcall',
    exit: X.IOIO,
    info1: 0x00e9_0d1c,
    info2: (b) => b.symbols.next,
  },
  {
    name: 'IOPL comes before the intercept: in at CPL 3 is #GP',
    intercept: [X.IOIO, EXIT_EXCEPTION + 13],
    prepare: (b) => b.user().machine.memory.write8(IOPM_HPA + 0x10, 1),
    code: 'here: in al, 0x80',
    exit: EXIT_EXCEPTION + 13,
  },

  // MSRs (section 15.11 "MSR Intercepts").
  {
    name: 'rdmsr of a marked MSR',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + (0x174 * 2) / 8, 0b01),
    code: 'mov ecx, 0x174\nhere: rdmsr',
    exit: X.MSR,
    info1: 0,
  },
  {
    name: 'wrmsr of a marked MSR',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + (0x174 * 2) / 8, 0b10),
    code: 'mov ecx, 0x174\nhere: wrmsr',
    exit: X.MSR,
    info1: 1,
  },
  {
    name: 'the read bit leaves writes alone',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + (0x174 * 2) / 8, 0b01),
    code: 'mov ecx, 0x174\nwrmsr' + DONE,
  },
  {
    name: 'C000_0000 range of the map',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + 0x800 + 0x20, 0b100),
    code: 'mov ecx, 0xc0000081\nhere: rdmsr',
    exit: X.MSR,
  },
  {
    name: 'C001_0000 range of the map',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + 0x1000 + (0x114 * 2) / 8, 0b1),
    code: 'mov ecx, 0xc0010114\nhere: rdmsr',
    exit: X.MSR,
  },
  {
    name: 'an MSR outside the map always exits',
    intercept: [X.MSR],
    code: 'mov ecx, 0x40000000\nhere: rdmsr',
    exit: X.MSR,
  },
  {
    name: 'without the MSR intercept an unknown MSR is #GP',
    intercept: [EXIT_EXCEPTION + 13],
    code: 'mov ecx, 0x40000000\nhere: rdmsr',
    exit: EXIT_EXCEPTION + 13,
  },

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

  // Exceptions (section 15.12 "Exception Intercepts").
  {
    name: '#DE',
    intercept: [EXIT_EXCEPTION + 0],
    code: 'xor ecx, ecx\nhere: div ecx',
    exit: EXIT_EXCEPTION + 0,
  },
  { name: '#UD', intercept: [EXIT_EXCEPTION + 6], code: 'here: ud2', exit: EXIT_EXCEPTION + 6 },
  {
    name: '#BP: rIP of int3 itself',
    intercept: [EXIT_EXCEPTION + 3],
    code: 'here: int3',
    exit: EXIT_EXCEPTION + 3,
  },
  {
    name: '#OF from into',
    intercept: [EXIT_EXCEPTION + 4],
    code: 'mov al, 0x7f\ninc al\nhere: into',
    exit: EXIT_EXCEPTION + 4,
  },
  {
    name: '#GP has its error code in EXITINFO1',
    intercept: [EXIT_EXCEPTION + 13],
    code: 'mov eax, 0x1234\nhere: mov ds, ax',
    exit: EXIT_EXCEPTION + 13,
    info1: 0x1234,
  },
  {
    name: '#PF has code and address, a read at CPL 0',
    intercept: [EXIT_EXCEPTION + 14],
    prepare: (b) => void b.paging(0x3_0000),
    code: 'here: mov eax, [0x30004]',
    exit: EXIT_EXCEPTION + 14,
    info1: 0,
    info2: 0x3_0004,
  },
  {
    name: '#PF: a write at CPL 3',
    intercept: [EXIT_EXCEPTION + 14],
    prepare: (b) => void b.paging(0x3_0000).user(),
    code: 'here: mov [0x30004], eax',
    exit: EXIT_EXCEPTION + 14,
    info1: 6,
    info2: 0x3_0004,
  },
  {
    name: '#PF on the fetch of the next page',
    intercept: [EXIT_EXCEPTION + 14],
    prepare: (b) => void b.paging(0x1_1000),
    code: 'jmp here\nhere equ 0x11000',
    exit: EXIT_EXCEPTION + 14,
    info2: 0x1_1000,
  },
  {
    name: 'FERR: an x87 exception with CR0.NE clear, at the next x87 instruction',
    intercept: [X.FERR_FREEZE],
    code: 'fninit\npush 0\nfldcw [esp]\nfldz\nfldz\nfdivp st1, st0\nhere: fwait\nvmmcall',
    exit: X.FERR_FREEZE,
  },
  {
    name: 'FERR: not with CR0.NE set, where it is #MF',
    intercept: [X.FERR_FREEZE, EXIT_EXCEPTION + 16],
    prepare: (b) => b.vmcb.write(VMCB_STATE.cr0, 0x31),
    code: 'fninit\npush 0\nfldcw [esp]\nfldz\nfldz\nfdivp st1, st0\nhere: fwait\nvmmcall',
    exit: EXIT_EXCEPTION + 16,
  },
  { name: 'icebp', intercept: [X.ICEBP], code: 'here: int1', exit: X.ICEBP },

  // Interrupts.
  {
    name: 'shutdown',
    intercept: [],
    prepare: (b) => b.vmcb.setTable(0x480, { base: 0, limit: 0 }),
    code: 'here: ud2',
    exit: X.SHUTDOWN,
  },

  // Task switches (section 15.14.1 "Task-Switch Intercept").
  {
    name: 'task switch: int through a task gate',
    intercept: [X.TASK_SWITCH],
    code: 'here: int 0x20',
    prepare: (b) => taskGate(b, 0x20, NEXT_TSS.selector),
    exit: X.TASK_SWITCH,
    info1: 0x30,
    info2: 0,
    info2High: 0,
    interrupted: 0x8000_0420,
  },
  {
    name: 'task switch: an exception with an error code through a task gate',
    intercept: [X.TASK_SWITCH],
    code: 'mov eax, 0x1234\nhere: mov ds, ax',
    prepare: (b) => taskGate(b, 13, NEXT_TSS.selector),
    exit: X.TASK_SWITCH,
    info1: 0x30,
    info2: 0x1234,
    info2High: TASK_SWITCH_HAS_ERROR_CODE | TASK_SWITCH_RF,
    interrupted: 0x8000_0b0d,
  },
  {
    name: 'task switch: jmp',
    intercept: [X.TASK_SWITCH],
    code: 'here: jmp 0x30:0',
    exit: X.TASK_SWITCH,
    info1: 0x30,
    info2High: TASK_SWITCH_JUMP,
  },
  {
    name: 'task switch: call',
    intercept: [X.TASK_SWITCH],
    code: 'here: call 0x30:0',
    exit: X.TASK_SWITCH,
    info1: 0x30,
    info2High: 0,
  },
  {
    name: 'task switch: iret to the task linked to',
    intercept: [X.TASK_SWITCH],
    code: 'here: iret',
    prepare: (b) => {
      b.flags(FLAG_NT).machine.memory.write16(TSS, NEXT_TSS.selector);
      b.describe({ ...NEXT_TSS, attributes: NEXT_TSS.attributes | 2 });
    },
    exit: X.TASK_SWITCH,
    info1: 0x30,
    info2High: TASK_SWITCH_IRET,
  },
  {
    name: 'task switch: to a busy TSS is #GP before the intercept',
    intercept: [X.TASK_SWITCH, EXIT_EXCEPTION + 13],
    code: 'here: jmp 0x28:0',
    exit: EXIT_EXCEPTION + 13,
    info1: 0x28,
  },
  {
    name: 'task switch: not intercepted, the guest switches by itself',
    intercept: [],
    code: 'jmp 0x30:0\nhere: vmmcall',
    arrange: (b) => {
      const { memory } = b.machine;
      memory.write32(NEXT_TSS.base + 0x20, b.symbols.here);
      memory.write16(NEXT_TSS.base + 0x4c, 0x08);
      memory.write16(NEXT_TSS.base + 0x50, 0x10);
    },
  },
  {
    name: 'a physical interrupt, IF set',
    intercept: [X.INTR],
    prepare: (b) => void b.flags(FLAG_IF),
    arrange: (b) => (b.machine.cpu.interruptLine = true),
    code: 'here: jmp $',
    exit: X.INTR,
  },
  {
    name: 'a physical interrupt waits for IF',
    intercept: [X.INTR],
    arrange: (b) => (b.machine.cpu.interruptLine = true),
    code: 'nop\nsti\nnop\nhere: hlt',
    exit: X.INTR,
  },
];

for (const {
  name,
  intercept,
  code,
  prepare,
  arrange,
  exit,
  info1,
  info2,
  info2High,
  interrupted = 0,
} of rows) {
  t.test(name, async (t) => {
    const bench = new Bench(FULL).intercept(...intercept);
    prepare?.(bench);
    bench.load(code);
    arrange?.(bench);
    t.strictSame(bench.run(), { kind: 'vmexit' });
    const seen = bench.exit;
    t.equal(exitCodeName(seen.code), exitCodeName(exit ?? X.VMMCALL));
    t.equal(seen.eip, bench.symbols.here, 'rIP');
    t.equal(seen.interrupted, interrupted, 'EXITINTINFO');
    if (info1 !== undefined) t.equal(seen.info1, info1 >>> 0, 'EXITINFO1');
    if (info2 !== undefined)
      t.equal(seen.info2, typeof info2 === 'number' ? info2 : info2(bench), 'EXITINFO2');
    if (info2High !== undefined)
      t.equal(bench.vmcb.readHigh(VMCB_CONTROL.exitInfo2), info2High, 'EXITINFO2, high half');
    const sum = Object.values(bench.machine.ledger.accounts()).reduce((total, cycles) => total + cycles, 0);
    t.equal(Math.round(sum * 1000), bench.machine.ledger.ticks, 'the accounts sum to the clock');
    const { transition } = bench.machine.ledger.snapshot();
    t.strictSame(transition, { vmrun: 1, vmexit: 1 });
  });
}

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
