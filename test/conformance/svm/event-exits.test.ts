/* Exits of exceptions, interrupts and task switches. */
import { FLAG_AC, FLAG_IF, FLAG_NT, FLAG_TF } from '../../../emulator/arch/flags.js';
import {
  EXIT_DR_READ,
  EXIT_EXCEPTION,
  INTERCEPTS,
  TASK_SWITCH_HAS_ERROR_CODE,
  TASK_SWITCH_IRET,
  TASK_SWITCH_JUMP,
  TASK_SWITCH_RF,
  VMCB_SEGMENTS,
  VMCB_STATE,
} from '../../../emulator/arch/vmcb.js';
import type { Bench } from './bench.js';
import { CODE, IDT, KERNEL_DATA, NEXT_TSS, TSS } from './bench.js';
import { DONE, testExits } from './exit-rows.js';
import type { Row } from './exit-rows.js';

const X = INTERCEPTS;

function taskGate({ machine }: Bench, vector: number, selector: number): void {
  machine.memory.write32(IDT + vector * 8, selector << 16);
  machine.memory.write32(IDT + vector * 8 + 4, 0x8500);
}

function notPresentGate(bench: Bench, vector: number): void {
  bench.gate(vector, CODE);
  const at = IDT + vector * 8 + 4;
  bench.machine.memory.write32(at, bench.machine.memory.read32(at) & ~0x8000);
}

const DR6_RESET = 0xffff_0ff0;
const DR6_BD = 1 << 13;
const DR6_BS = 1 << 14;

const rows: Row[] = [
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
  // Section 15.12.2 "#DB (Debug)": DR6 and DR7 are saved as the handler would see them.
  {
    name: '#DB after a step with TF',
    intercept: [EXIT_EXCEPTION + 1],
    prepare: (b) => void b.flags(FLAG_TF),
    code: 'nop\nhere: nop',
    exit: EXIT_EXCEPTION + 1,
    dr6: DR6_RESET | DR6_BS,
  },
  {
    name: '#DB before an instruction with a breakpoint',
    intercept: [EXIT_EXCEPTION + 1],
    code: 'mov eax, here\nmov dr0, eax\nmov eax, 0x402\nmov dr7, eax\nhere: nop',
    exit: EXIT_EXCEPTION + 1,
    dr6: DR6_RESET | 1,
  },
  {
    name: '#DB after a store to an address with a breakpoint',
    intercept: [EXIT_EXCEPTION + 1],
    code: 'mov eax, 0x30000\nmov dr1, eax\nmov eax, 0xd00408\nmov dr7, eax\nmov [0x30000], eax\nhere: nop',
    exit: EXIT_EXCEPTION + 1,
    dr6: DR6_RESET | 2,
  },
  {
    name: '#DB: an access to a debug register with DR7.GD',
    intercept: [EXIT_EXCEPTION + 1],
    code: 'mov eax, 0x2400\nmov dr7, eax\nhere: mov ebx, dr0',
    exit: EXIT_EXCEPTION + 1,
    dr6: DR6_RESET | DR6_BD,
    dr7: 0x400,
  },
  {
    name: '#DB with DR7.GD comes before the intercept of the debug register',
    intercept: [EXIT_EXCEPTION + 1, EXIT_DR_READ],
    code: 'mov eax, 0x2400\nmov dr7, eax\nhere: mov ebx, dr0',
    exit: EXIT_EXCEPTION + 1,
    dr6: DR6_RESET | DR6_BD,
    dr7: 0x400,
  },
  {
    name: '#BR',
    intercept: [EXIT_EXCEPTION + 5],
    code: 'push 2\npush 1\nmov eax, 3\nhere: bound eax, [esp]',
    exit: EXIT_EXCEPTION + 5,
  },
  {
    name: '#BR: not inside the bounds',
    intercept: [EXIT_EXCEPTION + 5],
    code: `push 2\npush 1\nmov eax, 2\nbound eax, [esp]${DONE}`,
  },
  {
    name: '#NM with CR0.TS',
    intercept: [EXIT_EXCEPTION + 7],
    prepare: (b) => b.vmcb.write(VMCB_STATE.cr0, 0x19),
    code: 'here: fld1',
    exit: EXIT_EXCEPTION + 7,
  },
  {
    name: '#NM with CR0.EM',
    intercept: [EXIT_EXCEPTION + 7],
    prepare: (b) => b.vmcb.write(VMCB_STATE.cr0, 0x15),
    code: 'here: fninit',
    exit: EXIT_EXCEPTION + 7,
  },
  {
    name: '#DF: a fault during the delivery of a fault',
    intercept: [EXIT_EXCEPTION + 8],
    prepare: (b) => b.vmcb.setTable(VMCB_SEGMENTS.idtr, { base: IDT, limit: 8 * 9 - 1 }),
    code: 'mov eax, 0x1234\nhere: mov ds, ax',
    exit: EXIT_EXCEPTION + 8,
    info1: 0,
    interrupted: 0x8000_0b0d,
  },
  {
    name: '#DF: the second fault is intercepted before it becomes one',
    intercept: [EXIT_EXCEPTION + 8, EXIT_EXCEPTION + 11],
    prepare: (b) => void notPresentGate(b, 13),
    code: 'mov eax, 0x1234\nhere: mov ds, ax',
    exit: EXIT_EXCEPTION + 11,
    info1: 13 * 8 + 3,
    interrupted: 0x8000_0b0d,
  },
  {
    name: '#TS: a task switch to a TSS that is too short',
    intercept: [EXIT_EXCEPTION + 10],
    prepare: (b) => b.describe({ ...NEXT_TSS, limit: 0x66 }),
    code: 'here: jmp 0x30:0',
    exit: EXIT_EXCEPTION + 10,
    info1: 0x30,
  },
  {
    name: '#NP: a segment that is not present',
    intercept: [EXIT_EXCEPTION + 11],
    prepare: (b) => b.describe({ ...KERNEL_DATA, selector: 0x30, attributes: 0xc13 }),
    code: 'mov eax, 0x30\nhere: mov ds, ax',
    exit: EXIT_EXCEPTION + 11,
    info1: 0x30,
  },
  {
    name: '#NP: a gate that is not present',
    intercept: [EXIT_EXCEPTION + 11],
    prepare: (b) => void notPresentGate(b, 0x20),
    code: 'here: int 0x20',
    exit: EXIT_EXCEPTION + 11,
    info1: 0x20 * 8 + 2,
    interrupted: 0x8000_0420,
  },
  {
    name: '#SS: a stack segment that is not present',
    intercept: [EXIT_EXCEPTION + 12],
    prepare: (b) => b.describe({ ...KERNEL_DATA, selector: 0x30, attributes: 0xc13 }),
    code: 'mov eax, 0x30\nhere: mov ss, ax',
    exit: EXIT_EXCEPTION + 12,
    info1: 0x30,
  },
  {
    name: '#SS: a push beyond the limit',
    intercept: [EXIT_EXCEPTION + 12],
    prepare: (b) => b.vmcb.setSegment(VMCB_SEGMENTS.ss, { ...KERNEL_DATA, attributes: 0x493, limit: 0xfff }),
    code: 'here: push eax',
    exit: EXIT_EXCEPTION + 12,
    info1: 0,
  },
  {
    name: '#AC: its error code is 0',
    intercept: [EXIT_EXCEPTION + 17],
    prepare: (b) => {
      b.user().flags(FLAG_AC);
      b.vmcb.write(VMCB_STATE.cr0, 0x4_0011);
    },
    code: 'here: mov eax, [0x30001]',
    exit: EXIT_EXCEPTION + 17,
    info1: 0,
  },
  {
    name: '#AC: not at CPL 0',
    intercept: [EXIT_EXCEPTION + 17],
    prepare: (b) => {
      b.flags(FLAG_AC);
      b.vmcb.write(VMCB_STATE.cr0, 0x4_0011);
    },
    code: `mov eax, [0x30001]${DONE}`,
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

testExits(rows);
