import t from 'tap';
import {
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  EFER_LME,
  EFER_SVME,
} from '../../../emulator/arch/control.js';
import { FLAG_IF, FLAG_VM } from '../../../emulator/arch/flags.js';
import {
  MSR_KERNEL_GS_BASE,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
} from '../../../emulator/arch/msrs.js';
import {
  CS,
  DS,
  EAX,
  EBX,
  ES,
  ESP,
  FS,
  GS,
  LDTR,
  SEGMENT_NAMES,
  SS,
  TR,
} from '../../../emulator/arch/registers.js';
import { VECTOR_GP } from '../../../emulator/arch/vectors.js';
import {
  EXIT_CR_READ,
  EXIT_CR_WRITE,
  EXIT_DR_WRITE,
  EXIT_EXCEPTION,
  INTERCEPTS,
  VMCB_CONTROL,
  VMCB_SEGMENTS,
  VMCB_STATE,
} from '../../../emulator/arch/vmcb.js';
import { pentium4_672 } from '../../../emulator/cost/profiles/pentium4-672.js';
import { Bench, CODE, KERNEL_DATA, STACK, USER_DATA, VMCB_HPA } from './bench.js';

const refused: { name: string; prepare: (bench: Bench) => void }[] = [
  { name: 'EFER.SVME clear', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, 0) },
  { name: 'a reserved EFER bit', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, EFER_SVME | 2) },
  { name: 'EFER above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, EFER_SVME, 1) },
  { name: 'EFER.LME without long mode', prepare: (b) => b.vmcb.write(VMCB_STATE.efer, EFER_SVME | EFER_LME) },
  { name: 'CR0.NW without CD', prepare: (b) => b.vmcb.write(VMCB_STATE.cr0, CR0_PE | CR0_ET | CR0_NW) },
  { name: 'CR0 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.cr0, CR0_PE | CR0_ET, 1) },
  { name: 'CR3 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.cr3, 0, 1) },
  { name: 'a reserved CR4 bit', prepare: (b) => b.vmcb.write(VMCB_STATE.cr4, 1 << 12) },
  { name: 'CR4 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.cr4, 0, 1) },
  { name: 'DR6 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.dr6, 0, 1) },
  { name: 'DR7 above bit 31', prepare: (b) => b.vmcb.write(VMCB_STATE.dr7, 0, 1) },
  {
    name: 'VMRUN not intercepted',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.intercept4, b.vmcb.read(VMCB_CONTROL.intercept4) & ~1),
  },
  { name: 'ASID 0', prepare: (b) => b.vmcb.write(VMCB_CONTROL.asid, 0) },
  { name: 'I/O permissions map above 4 GB', prepare: (b) => b.vmcb.write(VMCB_CONTROL.iopmBasePa, 0, 1) },
  {
    name: 'I/O permissions map that ends above 4 GB',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.iopmBasePa, 0xffff_e000),
  },
  {
    name: 'MSR permissions map that ends above 4 GB',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.msrpmBasePa, 0xffff_f000),
  },
  {
    name: 'EVENTINJ of reserved type 1',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0120),
  },
  {
    name: 'EVENTINJ of reserved type 5',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0520),
  },
  {
    name: 'EVENTINJ: exception with vector 2',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0302),
  },
  {
    name: 'EVENTINJ: exception with vector 32',
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0320),
  },
  {
    name: 'a page-directory-pointer entry with a reserved bit',
    prepare: (b) => {
      b.machine.memory.write32(0xb000, 0x1 | (1 << 8));
      b.vmcb.write(VMCB_STATE.cr3, 0xb000);
      b.vmcb.write(VMCB_STATE.cr4, CR4_PAE);
      b.vmcb.write(VMCB_STATE.cr0, (CR0_PE | CR0_ET | CR0_PG) >>> 0);
    },
  },
];

for (const { name, prepare } of refused) {
  t.test(`VMEXIT_INVALID: ${name}`, async (t) => {
    const bench = new Bench().load('mov ebx, 1\nvmmcall');
    prepare(bench);
    const before = bench.machine.state();
    t.strictSame(bench.run(), { kind: 'vmexit' });
    t.equal(bench.exit.code, -1);
    t.equal(bench.vmcb.readHigh(VMCB_CONTROL.exitCode), 0xffff_ffff);
    t.equal(bench.exit.eip, CODE);
    t.strictSame(bench.machine.state(), before, 'the host is as it was');
    t.equal(bench.machine.cpu.instructions, 0);
  });
}

t.test('legal oddities are accepted', async (t) => {
  for (const cr0 of [CR0_PE | CR0_ET | CR0_CD, CR0_PE | CR0_ET | CR0_CD | CR0_NW, CR0_PE]) {
    const bench = new Bench().load('vmmcall');
    bench.vmcb.write(VMCB_STATE.cr0, cr0);
    bench.run();
    t.equal(bench.exit.code, INTERCEPTS.VMMCALL, `cr0 ${cr0.toString(16)}`);
  }
});

t.test('the mode decides the privilege level where it says one', async (t) => {
  const rows: [what: string, cr0: number, flags: number, cpl: number][] = [
    ['real mode', CR0_ET, 0, 0],
    ['virtual-8086 mode', CR0_PE | CR0_ET, FLAG_VM, 3],
    ['protected mode', CR0_PE | CR0_ET, 0, 1],
  ];
  for (const [what, cr0, flags, cpl] of rows) {
    const bench = new Bench().load('mov [cs:0x5000], eax\nvmmcall').intercept(EXIT_EXCEPTION + VECTOR_GP);
    bench.vmcb.write(VMCB_STATE.cr0, cr0);
    bench.vmcb.write(VMCB_STATE.cpl, 1);
    bench.flags(flags);
    bench.run();
    // A code segment can be written in real mode only.
    t.equal(bench.exit.code, cr0 & CR0_PE ? EXIT_EXCEPTION + VECTOR_GP : INTERCEPTS.VMMCALL, what);
    t.equal(bench.vmcb.read(VMCB_STATE.cpl), cpl, what);
  }
});

// --- event injection (section 15.20 "Event Injection")

const HANDLERS = `
start:  vmmcall
handler:
        mov eax, [esp]
        mov ebx, [esp + 4]
        mov ecx, [esp + 12]
here:   vmmcall
`;

interface Injection {
  name: string;
  event: number;
  errorCode?: number;
  vector: number;
  prepare?: (bench: Bench) => void;
  dpl?: number;
  /** What lies on top of the handler's stack. */
  top?: number;
}

const injections: Injection[] = [
  { name: 'an external interrupt, IF clear', event: 0x8000_0040, vector: 0x40, top: CODE },
  { name: 'an NMI; its vector field does not count', event: 0x8000_0255, vector: 2, top: CODE },
  { name: 'an exception without code', event: 0x8000_0300, vector: 0, top: CODE },
  { name: 'an exception with code', event: 0x8000_0b0d, errorCode: 0x1234, vector: 13, top: 0x1234 },
  { name: 'a software interrupt', event: 0x8000_0440, vector: 0x40, top: CODE },
  {
    name: 'an exception that is intercepted all the same',
    event: 0x8000_0b0d,
    errorCode: 8,
    vector: 13,
    prepare: (b) => void b.intercept(0x4d),
    top: 8,
  },
  {
    name: 'a software interrupt from CPL 3 through a gate of DPL 3',
    event: 0x8000_0440,
    vector: 0x40,
    dpl: 3,
    prepare: (b) => void b.user(),
    top: CODE,
  },
  {
    name: 'a software interrupt from CPL 3 through a gate of DPL 0 becomes #GP',
    event: 0x8000_0440,
    vector: 13,
    prepare: (b) => void b.gate(0x40, 'start').user(),
    top: 0x40 * 8 + 2,
  },
  {
    name: '#BP from CPL 3 through a gate of DPL 0 becomes #GP',
    event: 0x8000_0303,
    vector: 13,
    prepare: (b) => void b.gate(3, 'start').user(),
    top: 3 * 8 + 2,
  },
  {
    name: 'an external interrupt from CPL 3 does not look at the DPL',
    event: 0x8000_0040,
    vector: 0x40,
    prepare: (b) => void b.user(),
    top: CODE,
  },
];

for (const { name, event, errorCode = 0, vector, prepare, dpl = 0, top } of injections) {
  t.test(`EVENTINJ: ${name}`, async (t) => {
    const bench = new Bench().load(HANDLERS).gate(vector, 'handler', dpl);
    prepare?.(bench);
    bench.vmcb.write(VMCB_CONTROL.eventInjection, event, errorCode);
    bench.run();
    t.equal(bench.exit.code, INTERCEPTS.VMMCALL);
    t.equal(bench.exit.eip, bench.symbols.here);
    t.equal(bench.vmcb.read(VMCB_STATE.rax), top);
    t.equal(bench.vmcb.read(VMCB_CONTROL.eventInjection), 0, 'EVENTINJ is used up');
    t.equal(bench.vmcb.read(VMCB_STATE.cpl), 0);
  });
}

t.test('EVENTINJ without its valid bit does nothing', async (t) => {
  const bench = new Bench().load(HANDLERS);
  bench.vmcb.write(VMCB_CONTROL.eventInjection, 0x0000_0d0d, 5);
  bench.run();
  t.equal(bench.exit.eip, bench.symbols.start);
});

t.test('an injected #PF leaves CR2 as the VMCB has it', async (t) => {
  const bench = new Bench().load(HANDLERS).gate(14, 'handler');
  bench.vmcb.write(VMCB_STATE.cr2, 0xcafe_0000);
  bench.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0b0e, 2);
  bench.run();
  t.equal(bench.exit.eip, bench.symbols.here);
  t.equal(bench.vmcb.read(VMCB_STATE.cr2), 0xcafe_0000);
});

t.test('an injection that cannot be delivered is a shutdown', async (t) => {
  const bench = new Bench().load(HANDLERS);
  bench.vmcb.setTable(VMCB_SEGMENTS.idtr, { base: 0, limit: 0 });
  bench.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0040);
  bench.run();
  t.equal(bench.exit.code, INTERCEPTS.SHUTDOWN);
});

// --- an exit during the delivery of an event (section 15.7.2 "Intercepts During IDT Interrupt Delivery")

const PF = 0x4e;
/** The stack's page, which is not there when the event is pushed. */
const HOLE = STACK - 0x1000;

const interrupted: {
  name: string;
  code: string;
  vector: number;
  event: number;
  errorCode?: number;
  prepare?: (b: Bench) => void;
}[] = [
  { name: '#DE', code: 'xor ecx, ecx\nhere: div ecx', vector: 0, event: 0x8000_0300 },
  {
    name: '#GP with its code',
    code: 'mov eax, 0x1230\nhere: mov ds, ax',
    vector: 13,
    event: 0x8000_0b0d,
    errorCode: 0x1230,
  },
  { name: 'int n', code: 'here: int 0x40', vector: 0x40, event: 0x8000_0440 },
  { name: 'int3', code: 'here: int3', vector: 3, event: 0x8000_0303 },
  {
    name: 'an injected interrupt',
    code: 'here: nop',
    vector: 0x40,
    event: 0x8000_0040,
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0040),
  },
  {
    name: 'an injected exception that would make a double fault',
    code: 'here: nop',
    vector: 14,
    event: 0x8000_0b0e,
    errorCode: 6,
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0b0e, 6),
  },
];

for (const { name, code, vector, event, errorCode = 0, prepare } of interrupted) {
  t.test(`EXITINTINFO: a page fault while ${name} is delivered`, async (t) => {
    const bench = new Bench().intercept(PF).load(code).gate(vector, 'here').paging(HOLE);
    prepare?.(bench);
    bench.run();
    t.equal(bench.exit.code, PF);
    t.equal(bench.exit.info2 & ~0xfff, HOLE);
    t.equal(bench.exit.interrupted, event);
    t.equal(bench.exit.errorCode, errorCode);
    t.equal(bench.exit.eip, bench.symbols.here);
    t.equal(bench.vmcb.read(VMCB_STATE.rsp), STACK, 'nothing was pushed');
  });
}

// --- virtual interrupts (section 15.21 "Interrupt and Local APIC Support")

const V_IRQ = 1 << 8;
const IGN_TPR = 1 << 20;
const MASKING = 1 << 24;
const priority = (value: number): number => value << 16;
const VIRTUAL_VECTOR = 0x50;

const virtual: {
  name: string;
  field: number;
  code: string;
  flags?: number;
  intercept?: number[];
  shadow?: boolean;
  exit: number;
  left: boolean;
}[] = [
  {
    name: 'is taken before the first instruction',
    field: V_IRQ | IGN_TPR,
    code: 'nop\nvmmcall\nhandler:\nhere: vmmcall',
    flags: FLAG_IF,
    exit: INTERCEPTS.VMMCALL,
    left: false,
  },
  {
    name: 'waits while IF is clear',
    field: V_IRQ | IGN_TPR,
    code: 'nop\nhere: vmmcall\nhandler: hlt',
    exit: INTERCEPTS.VMMCALL,
    left: true,
  },
  {
    name: 'waits for STI and the instruction after it',
    field: V_IRQ | IGN_TPR,
    code: 'sti\nmov ebx, 7\nvmmcall\nhandler: cmp ebx, 7\njne $\nhere: vmmcall',
    exit: INTERCEPTS.VMMCALL,
    left: false,
  },
  {
    name: 'waits out the interrupt shadow of the VMCB',
    field: V_IRQ | IGN_TPR,
    code: 'mov ebx, 7\nvmmcall\nhandler: cmp ebx, 7\njne $\nhere: vmmcall',
    flags: FLAG_IF,
    shadow: true,
    exit: INTERCEPTS.VMMCALL,
    left: false,
  },
  {
    name: 'exits first when VINTR is intercepted',
    field: V_IRQ | IGN_TPR,
    code: 'here: nop\nhandler: vmmcall',
    flags: FLAG_IF,
    intercept: [INTERCEPTS.VINTR],
    exit: INTERCEPTS.VINTR,
    left: true,
  },
  {
    name: 'exits for VINTR only when it could be taken',
    field: V_IRQ | IGN_TPR,
    code: 'nop\nsti\nnop\nhere: nop\nhandler: vmmcall',
    intercept: [INTERCEPTS.VINTR],
    exit: INTERCEPTS.VINTR,
    left: true,
  },
  {
    name: 'waits for a priority above V_TPR',
    field: V_IRQ | priority(3) | 3,
    code: 'nop\nhere: vmmcall\nhandler: hlt',
    flags: FLAG_IF,
    exit: INTERCEPTS.VMMCALL,
    left: true,
  },
  {
    name: 'is taken with a priority above V_TPR',
    field: V_IRQ | priority(4) | 3,
    code: 'nop\nvmmcall\nhandler:\nhere: vmmcall',
    flags: FLAG_IF,
    exit: INTERCEPTS.VMMCALL,
    left: false,
  },
];

for (const { name, field, code, flags = 0, intercept = [], shadow = false, exit, left } of virtual) {
  t.test(`a virtual interrupt ${name}`, async (t) => {
    const bench = new Bench()
      .intercept(...intercept)
      .load(code)
      .gate(VIRTUAL_VECTOR, 'handler')
      .flags(flags);
    bench.vmcb.write(VMCB_CONTROL.virtualInterrupt, field);
    bench.vmcb.write(VMCB_CONTROL.virtualInterruptVector, VIRTUAL_VECTOR);
    bench.vmcb.write(VMCB_CONTROL.interruptShadow, shadow ? 1 : 0);
    bench.run();
    t.equal(bench.exit.code, exit);
    t.equal(bench.exit.eip, bench.symbols.here);
    t.equal((bench.vmcb.read(VMCB_CONTROL.virtualInterrupt) & V_IRQ) !== 0, left, 'V_IRQ in the VMCB');
  });
}

const masked: { name: string; field: number; hostIf: boolean; guestFlags: number; exit: number }[] = [
  {
    name: 'V_INTR_MASKING: the host IF lets it through, whatever the guest IF',
    field: MASKING,
    hostIf: true,
    guestFlags: 0,
    exit: INTERCEPTS.INTR,
  },
  {
    name: 'V_INTR_MASKING: the host IF holds it off, whatever the guest IF',
    field: MASKING,
    hostIf: false,
    guestFlags: FLAG_IF,
    exit: INTERCEPTS.VMMCALL,
  },
  {
    name: 'without masking: the guest IF lets it through',
    field: 0,
    hostIf: false,
    guestFlags: FLAG_IF,
    exit: INTERCEPTS.INTR,
  },
  {
    name: 'without masking: the guest IF holds it off',
    field: 0,
    hostIf: true,
    guestFlags: 0,
    exit: INTERCEPTS.VMMCALL,
  },
];

for (const { name, field, hostIf, guestFlags, exit } of masked) {
  t.test(`a physical interrupt, ${name}`, async (t) => {
    const bench = new Bench().intercept(INTERCEPTS.INTR).load('jmp next\nnext: vmmcall').flags(guestFlags);
    const { cpu } = bench.machine;
    cpu.eflags = hostIf ? cpu.eflags | FLAG_IF : cpu.eflags & ~FLAG_IF;
    cpu.interruptLine = true;
    bench.vmcb.write(VMCB_CONTROL.virtualInterrupt, field);
    bench.run();
    t.equal(bench.exit.code, exit);
  });
}

t.test('a physical interrupt that is not intercepted goes through the guest IDT', async (t) => {
  const bench = new Bench().load('jmp $\nhandler:\nhere: vmmcall').gate(0x24, 'handler').flags(FLAG_IF);
  const { ports, platform } = bench.machine;
  for (const [port, value] of [
    [0x20, 0x11],
    [0x21, 0x20],
    [0x21, 0x04],
    [0x21, 0x01],
  ])
    ports.write(port, 1, value);
  platform.pic.setLine(4, true);
  bench.run();
  t.equal(bench.exit.eip, bench.symbols.here);
});

t.test('an exit in an interrupt shadow says so', async (t) => {
  for (const [code, shadow] of [
    ['sti\nhere: hlt', 1],
    ['sti\nnop\nhere: hlt', 0],
    ['mov eax, ss\nmov ss, ax\nhere: hlt', 1],
  ] as const) {
    const bench = new Bench().intercept(INTERCEPTS.HLT).load(code);
    bench.run();
    t.equal(bench.exit.eip, bench.symbols.here, code);
    t.equal(bench.vmcb.read(VMCB_CONTROL.interruptShadow), shadow, code);
  }
});

// --- state

t.test('#VMEXIT restores the host and stores the guest', async (t) => {
  const bench = new Bench().load(`
    mov eax, 0x23
    mov ds, ax
    mov es, ax
    mov esp, 0x12340
    lgdt [table]
    lidt [table]
    mov eax, 0x4000
    mov cr3, eax
    mov cr2, eax
    mov eax, 0x10
    mov cr4, eax
    mov eax, cr0
    or eax, 0x10000
    mov cr0, eax
    std
    mov eax, 0x5678
here: vmmcall
table: dw 0x77
    dd 0x88880000`);
  const { cpu } = bench.machine;
  cpu.setGpr(EAX, 0x1111);
  cpu.setGpr(ESP, 0x2222);
  cpu.cr2 = 0x3333;
  cpu.gdtr = { base: 0x4444, limit: 0x55 };
  cpu.idtr = { base: 0x6666, limit: 0x77 };
  cpu.eip = 0x8888;
  const before = bench.machine.state();
  bench.run();
  const after = bench.machine.state();
  t.equal(after.cr2, 0x4000, 'CR2 is not the host state that #VMEXIT restores');
  t.strictSame({ ...after, cr2: before.cr2 }, before);
  const { vmcb } = bench;
  const word = (name: keyof typeof VMCB_STATE): number => vmcb.read(VMCB_STATE[name]);
  t.strictSame(
    {
      rax: word('rax'),
      rsp: word('rsp'),
      cr0: word('cr0'),
      cr2: word('cr2'),
      cr3: word('cr3'),
      cr4: word('cr4'),
      rip: word('rip'),
    },
    {
      rax: 0x5678,
      rsp: 0x1_2340,
      cr0: 0x1_0011,
      cr2: 0x4000,
      cr3: 0x4000,
      cr4: 0x10,
      rip: bench.symbols.here,
    },
  );
  t.equal(word('rflags') & 0x400, 0x400, 'DF');
  t.strictSame(vmcb.segment(VMCB_SEGMENTS.ds), USER_DATA);
  t.strictSame(vmcb.segment(VMCB_SEGMENTS.ss), KERNEL_DATA);
  t.strictSame(vmcb.table(VMCB_SEGMENTS.gdtr), { base: 0x8888_0000, limit: 0x77 });
  t.strictSame(vmcb.table(VMCB_SEGMENTS.idtr), { base: 0x8888_0000, limit: 0x77 });
});

t.test('the guest sees what the VMCB holds', async (t) => {
  const bench = new Bench().load('mov ebx, eax\nmov ecx, cr2\nmov edx, dr6\nvmmcall');
  bench.vmcb.write(VMCB_STATE.rax, 0x1234_5678);
  bench.vmcb.write(VMCB_STATE.cr2, 0x0bad_cafe);
  bench.vmcb.write(VMCB_STATE.dr6, 0xffff_4ff0);
  bench.run();
  const { gprs } = bench.machine.state();
  t.match(gprs, { ebx: 0x1234_5678, ecx: 0x0bad_cafe, edx: 0xffff_4ff0 });
});

t.test('FS, GS, TR and LDTR stay those of the processor', async (t) => {
  const bench = new Bench().load('mov ebx, fs\nmov ecx, gs\nstr edx\nvmmcall');
  const { cpu } = bench.machine;
  for (const [segment, selector] of [
    [FS, 0x60],
    [GS, 0x68],
    [TR, 0x70],
  ] as const) {
    cpu.setSegment(segment, { ...cpu.segment(segment), selector });
  }
  bench.run();
  t.match(bench.machine.state().gprs, { ebx: 0x60, ecx: 0x68, edx: 0x70 });
});

t.test('TSC_OFFSET is added in guest mode only', async (t) => {
  const bench = new Bench().load('rdtsc\nmov ebx, eax\nmov ecx, edx\nvmmcall');
  bench.vmcb.write(VMCB_CONTROL.tscOffset, 0x8000_0000, 5);
  bench.run();
  const { gprs } = bench.machine.state();
  t.equal(gprs.ecx, 5);
  t.ok(gprs.ebx >= 0x8000_0000 && gprs.ebx < 0x8001_0000, `0x${gprs.ebx.toString(16)}`);
});

t.test('DR7 breakpoints are off after #VMEXIT', async (t) => {
  const bench = new Bench().load('vmmcall');
  bench.vmcb.write(VMCB_STATE.dr7, 0x4ff);
  bench.run();
  t.equal(bench.machine.cpu.debug(7), 0x400);
  t.equal(bench.vmcb.read(VMCB_STATE.dr7), 0x4ff);
});

// --- the TLB (section 15.16 "TLB Control")

const DATA = 0x3_0000;
const OTHER = 0x3_1000;

const tlb: { name: string; control?: number; asid?: number; between?: string; stale: boolean }[] = [
  { name: 'a stale entry survives VMRUN and #VMEXIT', stale: true },
  { name: 'TLB_CONTROL 1 flushes all', control: 1, stale: false },
  { name: 'TLB_CONTROL 3 flushes this guest', control: 3, stale: false },
  { name: 'TLB_CONTROL 7 flushes this guest but global entries', control: 7, stale: false },
  { name: 'another ASID does not see it', asid: 2, stale: false },
];

for (const { name, control = 0, asid = 1, stale } of tlb) {
  t.test(`TLB: ${name}`, async (t) => {
    const bench = new Bench().load(`mov ebx, [${DATA}]\nvmmcall`).paging();
    const { memory, cpu } = bench.machine;
    memory.write32(DATA, 0x0101_0101);
    memory.write32(OTHER, 0x0202_0202);
    bench.run();
    t.equal(cpu.gpr(EBX), 0x0101_0101);
    memory.write32(0xc000 + (DATA >>> 12) * 4, OTHER | 7);
    bench.vmcb.write(VMCB_STATE.rip, CODE);
    bench.vmcb.write(VMCB_CONTROL.tlbControl, control);
    bench.vmcb.write(VMCB_CONTROL.asid, asid);
    bench.run();
    t.equal(cpu.gpr(EBX), stale ? 0x0101_0101 : 0x0202_0202);
  });
}

// --- VMRUN as an instruction of a program

const HOST = 0x3_8000;

function program(source: string, prepare: (bench: Bench) => void = () => {}): Bench {
  const bench = new Bench().load(source);
  const { machine } = bench;
  prepare(bench);
  machine.cpu.setSegment(CS, { ...machine.cpu.segment(CS), selector: 0x08 });
  for (const segment of [DS, ES, SS] as const) machine.cpu.setSegment(segment, KERNEL_DATA);
  machine.cpu.gdtr = { base: 0x8000, limit: 0x2f };
  machine.cpu.idtr = { base: 0x9000, limit: 0x7ff };
  machine.cpu.setGpr(ESP, HOST);
  machine.cpu.eip = bench.symbols.host;
  bench.vmcb.write(VMCB_STATE.rip, bench.symbols.guest ?? CODE);
  machine.cpu.eflags &= ~FLAG_IF;
  return bench;
}

t.test('a program goes on after its VMRUN', async (t) => {
  const bench = program(`
host:   mov eax, ${VMCB_HPA}
        vmrun
        mov ecx, 2
        vmrun
        hlt
guest:  inc ebx
        vmmcall`);
  t.strictSame(bench.machine.run({ instructions: 100 }), { kind: 'halted' });
  t.match(bench.machine.state().gprs, { eax: VMCB_HPA, ecx: 2, ebx: 1 });
  t.equal(bench.exit.code, INTERCEPTS.VMMCALL);
  t.strictSame(bench.machine.ledger.snapshot().transition, { vmrun: 2, vmexit: 2 });
});

t.test('interrupts wait from #VMEXIT to STGI', async (t) => {
  const bench = program(
    `
host:   mov eax, ${VMCB_HPA}
        vmrun
        sti
        nop
        nop
        mov ecx, 1
        stgi
        nop
        hlt
handler:
        mov edx, ecx
        hlt
guest:  vmmcall`,
    (b) => void b.gate(0x24, 'handler'),
  );
  const { ports, platform } = bench.machine;
  for (const [port, value] of [
    [0x20, 0x11],
    [0x21, 0x20],
    [0x21, 0x04],
    [0x21, 0x01],
  ])
    ports.write(port, 1, value);
  platform.pic.setLine(4, true);
  bench.machine.run({ instructions: 100 });
  t.equal(bench.machine.state().gprs.edx, 1);
});

const faults: { name: string; source: string; vector: number; prepare?: (b: Bench) => void }[] = [
  { name: 'VMRUN with an address inside a page', source: `mov eax, ${VMCB_HPA + 8}\nvmrun`, vector: 13 },
  { name: 'VMRUN with an address outside memory', source: 'mov eax, 0x80000000\nvmrun', vector: 13 },
  {
    name: 'VMRUN without EFER.SVME',
    source: `mov eax, ${VMCB_HPA}\nvmrun`,
    vector: 6,
    prepare: (b) => (b.machine.cpu.efer = 0),
  },
  {
    name: 'VMRUN without a host save area',
    source: `mov eax, ${VMCB_HPA}\nvmrun`,
    vector: 13,
    prepare: (b) => b.machine.cpu.setMsr(0xc001_0117, 0),
  },
  { name: 'VMMCALL outside guest mode', source: 'vmmcall', vector: 6 },
  { name: 'CLGI without EFER.SVME', source: 'clgi', vector: 6, prepare: (b) => (b.machine.cpu.efer = 0) },
  { name: 'VMLOAD with an address inside a page', source: 'mov eax, 4\nvmload', vector: 13 },
];

for (const { name, source, vector, prepare } of faults) {
  t.test(`${name} raises vector ${vector}`, async (t) => {
    const bench = program(`host: ${source}\nhlt\nhandler: mov edx, 0x77\nhlt`, (b) => {
      b.gate(vector, 'handler');
      prepare?.(b);
    });
    bench.machine.run({ instructions: 100 });
    t.equal(bench.machine.state().gprs.edx, 0x77);
  });
}

t.test('VMSAVE and VMLOAD move FS, GS, TR, LDTR and the system-call MSRs', async (t) => {
  const bench = program(`host: mov eax, ${VMCB_HPA}\nvmsave\nmov eax, 0x3a000\nvmload\nhlt`);
  const { cpu, memory } = bench.machine;
  const values = {
    [MSR_KERNEL_GS_BASE]: 1,
    [MSR_STAR]: 2,
    [MSR_SYSENTER_CS]: 3,
    [MSR_SYSENTER_ESP]: 4,
    [MSR_SYSENTER_EIP]: 5,
  };
  for (const [msr, value] of Object.entries(values)) cpu.setMsr(Number(msr), value);
  const extra = [FS, GS, TR, LDTR] as const;
  for (const segment of extra) {
    cpu.setSegment(segment, {
      selector: segment * 8,
      attributes: 0x493,
      limit: segment * 16,
      base: segment << 16,
    });
  }
  const saved = extra.map((segment) => cpu.segment(segment));
  bench.machine.run({ instructions: 100 });
  for (const [index, segment] of extra.entries()) {
    const name = SEGMENT_NAMES[segment] as 'fs' | 'gs' | 'tr' | 'ldtr';
    t.strictSame(bench.vmcb.segment(VMCB_SEGMENTS[name]), saved[index], name);
    t.strictSame(
      cpu.segment(segment),
      { selector: 0, attributes: 0, limit: 0, base: 0 },
      `${name} from zeros`,
    );
  }
  const fields = ['kernelGsBase', 'star', 'sysenterCs', 'sysenterEsp', 'sysenterEip'] as const;
  t.strictSame(
    fields.map((field) => bench.vmcb.read(VMCB_STATE[field])),
    [1, 2, 3, 4, 5],
  );
  t.equal(cpu.msr(MSR_STAR), 0);
  t.equal(memory.read32(0x3a000), 0);
});

// --- limits and optional features

t.test('a guest stopped at a limit goes on where it was', async (t) => {
  const bench = new Bench().load('mov ebx, 1\nmov ecx, 2\nmov edx, 3\nvmmcall');
  t.strictSame(bench.machine.vmrun(VMCB_HPA, { instructions: 2 }), {
    kind: 'budget',
    budget: 'instructions',
  });
  t.match(bench.machine.state().gprs, { ebx: 1, ecx: 2, edx: 0 });
  t.strictSame(bench.machine.continueGuest({ instructions: 100 }), { kind: 'vmexit' });
  t.equal(bench.machine.state().gprs.edx, 3);
  t.throws(() => bench.machine.continueGuest(), /no guest/);
});

const features: {
  name: string;
  svm: { nextRip: boolean; decodeAssists: boolean };
  code: string;
  exit: number;
  nextRip: string | null;
  info1: number;
  info1High?: number;
}[] = [
  {
    name: 'nRIP off',
    svm: { nextRip: false, decodeAssists: false },
    code: 'here: cpuid\nnext: nop',
    exit: INTERCEPTS.CPUID,
    nextRip: null,
    info1: 0,
  },
  {
    name: 'nRIP of an instruction',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: cpuid\nnext: nop',
    exit: INTERCEPTS.CPUID,
    nextRip: 'next',
    info1: 0,
  },
  {
    name: 'nRIP of a fault is 0',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: ud2\nnext: nop',
    exit: 0x46,
    nextRip: null,
    info1: 0,
  },
  {
    name: 'nRIP of int3',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: int3\nnext: nop',
    exit: 0x43,
    nextRip: 'next',
    info1: 0,
  },
  {
    name: 'nRIP of a control register access',
    svm: { nextRip: true, decodeAssists: false },
    code: 'here: mov eax, cr3\nnext: nop',
    exit: EXIT_CR_READ + 3,
    nextRip: 'next',
    info1: 0,
  },
  {
    name: 'decode assist of INVLPG',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: invlpg [0x12345]\nnext: nop',
    exit: INTERCEPTS.INVLPG,
    nextRip: null,
    info1: 0x1_2345,
  },
  {
    name: 'decode assist of INT n',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: int 0x44\nnext: nop',
    exit: INTERCEPTS.SWINT,
    nextRip: null,
    info1: 0x44,
  },
  {
    name: 'decode assist of MOV from CR3',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: mov esi, cr3',
    exit: EXIT_CR_READ + 3,
    nextRip: null,
    info1: 6,
    info1High: 0x8000_0000,
  },
  {
    name: 'decode assist of CLTS: no MOV',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: clts',
    exit: EXIT_CR_WRITE + 0,
    nextRip: null,
    info1: 0,
  },
  {
    name: 'decode assist of MOV to DR2',
    svm: { nextRip: false, decodeAssists: true },
    code: 'here: mov dr2, ebx',
    exit: EXIT_DR_WRITE + 2,
    nextRip: null,
    info1: 3,
  },
  {
    name: 'no decode assist',
    svm: { nextRip: false, decodeAssists: false },
    code: 'here: int 0x44\nnext: nop',
    exit: INTERCEPTS.SWINT,
    nextRip: null,
    info1: 0,
  },
];

for (const { name, svm, code, exit, nextRip, info1, info1High = 0 } of features) {
  t.test(`option: ${name}`, async (t) => {
    const bench = new Bench({ ...pentium4_672, svm: { ...svm, asids: 2, pauseFilter: false } })
      .intercept(exit)
      .load(code);
    bench.run();
    t.equal(bench.exit.code, exit);
    t.equal(bench.vmcb.read(VMCB_CONTROL.nextRip), nextRip === null ? 0 : bench.symbols[nextRip]);
    t.equal(bench.exit.info1, info1);
    t.equal(bench.vmcb.readHigh(VMCB_CONTROL.exitInfo1), info1High);
  });
}
