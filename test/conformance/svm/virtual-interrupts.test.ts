import t from 'tap';
import { FLAG_IF } from '../../../emulator/arch/flags.js';
import { INTERCEPTS, VMCB_CONTROL } from '../../../emulator/arch/vmcb.js';
import { Bench } from './bench.js';

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
