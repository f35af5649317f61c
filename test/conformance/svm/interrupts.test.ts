import t from 'tap';
import { FLAG_IF } from '../../../emulator/arch/flags.js';
import { EBX, ECX, EDX } from '../../../emulator/arch/registers.js';
import {
  EXIT_CR_WRITE,
  EXIT_EXCEPTION,
  INTERCEPTS,
  VMCB_CONTROL,
  VMCB_TASK_PRIORITY,
  VMCB_STATE,
  exitCodeName,
} from '../../../emulator/arch/vmcb.js';
import { Bench } from './bench.js';

// What comes from outside the processor (APM vol. 2, sections 15.13 "Interrupt Intercepts", 15.17 "Global Interrupt
// Flag, STGI and CLGI Instructions", 15.20 "Event Injection").

const { NMI, SMI, INIT, INTR, VINTR, VMMCALL, IRET } = INTERCEPTS;
type Pin = 'nmi' | 'smi' | 'init';

const pins: {
  name: string;
  pins: Pin[];
  intr?: boolean;
  intercept: number[];
  code: string;
  flags?: number;
  exit: number;
}[] = [
  { name: 'NMI intercepted', pins: ['nmi'], intercept: [NMI], code: 'here: jmp $', exit: NMI },
  {
    name: 'NMI whatever the guest IF',
    pins: ['nmi'],
    intercept: [NMI],
    code: 'here: jmp $',
    flags: FLAG_IF,
    exit: NMI,
  },
  { name: 'SMI intercepted', pins: ['smi'], intercept: [SMI], code: 'here: jmp $', exit: SMI },
  { name: 'INIT intercepted', pins: ['init'], intercept: [INIT], code: 'here: jmp $', exit: INIT },
  {
    name: 'SMI not intercepted: nothing happens',
    pins: ['smi'],
    intercept: [],
    code: 'here: vmmcall',
    exit: VMMCALL,
  },
  {
    name: 'NMI not intercepted goes through the guest IDT',
    pins: ['nmi'],
    intercept: [],
    code: 'jmp $\nhandler:\nhere: vmmcall',
    exit: VMMCALL,
  },
  {
    name: 'SMI before INIT before NMI before INTR',
    pins: ['nmi', 'smi', 'init'],
    intr: true,
    intercept: [NMI, SMI, INIT, INTR],
    code: 'here: jmp $',
    flags: FLAG_IF,
    exit: SMI,
  },
  {
    name: 'INIT before NMI before INTR',
    pins: ['nmi', 'init'],
    intr: true,
    intercept: [NMI, INIT, INTR],
    code: 'here: jmp $',
    flags: FLAG_IF,
    exit: INIT,
  },
  {
    name: 'NMI before INTR',
    pins: ['nmi'],
    intr: true,
    intercept: [NMI, INTR],
    code: 'here: jmp $',
    flags: FLAG_IF,
    exit: NMI,
  },
  {
    name: 'NMI waits out an interrupt shadow',
    pins: ['nmi'],
    intercept: [NMI],
    code: 'mov ebx, 1\nhere: jmp $',
    exit: NMI,
  },
];

for (const { name, pins: raised, intr = false, intercept, code, flags = 0, exit } of pins) {
  t.test(name, async (t) => {
    const bench = new Bench()
      .intercept(...intercept)
      .load(code)
      .flags(flags);
    if ('handler' in bench.symbols) bench.gate(2, 'handler');
    const { machine, vmcb } = bench;
    for (const pin of raised) machine.raisePin(pin);
    if (intr) machine.cpu.interruptLine = true;
    if (/shadow/.test(name)) vmcb.write(VMCB_CONTROL.interruptShadow, 1);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), exitCodeName(exit));
    t.equal(bench.exit.eip, bench.symbols.here);
    t.equal(bench.exit.interrupted, 0);
  });
}

t.test('an intercepted NMI stays pending: the next VMRUN exits at once again', async (t) => {
  const bench = new Bench().intercept(NMI).load('here: mov ebx, 1\njmp $');
  bench.machine.raisePin('nmi');
  for (let round = 0; round < 2; round++) {
    bench.run();
    t.equal(exitCodeName(bench.exit.code), 'NMI');
    t.equal(bench.machine.cpu.gpr(EBX), 0, 'before the first instruction');
  }
});

t.test('INIT that is not intercepted resets the machine', async (t) => {
  const bench = new Bench().load('jmp $');
  bench.machine.raisePin('init');
  t.match(bench.run(), { kind: 'halted', because: /INIT/ });
});

t.test('after an NMI others wait for IRET', async (t) => {
  const bench = new Bench()
    .intercept(IRET)
    .load('mov ecx, 3\njmp $\nhandler: inc ebx\nnop\njmp on\non:\nhere: iret')
    .gate(2, 'handler');
  bench.machine.raisePin('nmi');
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'IRET');
  bench.machine.raisePin('nmi');
  bench.intercept(NMI);
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'IRET', 'still blocked');
  t.equal(bench.machine.cpu.gpr(EBX), 1);
});

t.test('an injected NMI blocks NMIs until IRET', async (t) => {
  const bench = new Bench()
    .intercept(NMI)
    .load('start: jmp $\nhandler: inc ebx\njmp next\nnext: mov edx, 5\niret\n')
    .gate(2, 'handler');
  bench.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0202);
  bench.machine.raisePin('nmi');
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'NMI');
  t.equal(bench.machine.cpu.gpr(EDX), 5, 'the handler had run');
  t.equal(bench.exit.eip, bench.symbols.start, 'after its IRET');
});

// --- GIF

t.test('CLGI in a guest that may execute it holds everything off, STGI lets it in', async (t) => {
  for (const [pin, exit] of [
    ['nmi', NMI],
    ['smi', SMI],
    ['init', INIT],
  ] as const) {
    const bench = new Bench().intercept(exit).load(`
        mov ecx, 2
        clgi
        jmp next
next:   mov ebx, 1
        stgi
here:   mov ebx, 2
        vmmcall`);
    bench.vmcb.write(VMCB_CONTROL.interruptShadow, 1);
    // Pending from the start, but GIF is set by VMRUN: the shadow covers the first instruction, so raise it inside.
    bench.machine.vmrun(bench.vmcb.hpa, { instructions: 2 });
    bench.machine.raisePin(pin);
    bench.machine.continueGuest({ instructions: 100 });
    t.equal(exitCodeName(bench.exit.code), exitCodeName(exit));
    t.equal(bench.exit.eip, bench.symbols.here, `${pin}: after STGI`);
    t.equal(bench.machine.cpu.gpr(EBX), 1);
  }
});

t.test('GIF clear holds off virtual interrupts too', async (t) => {
  const bench = new Bench().intercept(VINTR).load('clgi\nsti\nnop\nstgi\nhere: vmmcall');
  bench.vmcb.write(VMCB_CONTROL.virtualInterrupt, (1 << 8) | (1 << 20));
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'VINTR');
  t.equal(bench.exit.eip, bench.symbols.here);
});

t.test('VMRUN sets GIF, #VMEXIT clears it', async (t) => {
  const bench = new Bench().intercept(NMI).load('vmmcall');
  bench.run();
  bench.machine.raisePin('nmi');
  bench.machine.cpu.eip = bench.load('nop\nnop\nhlt').symbols.here ?? 0x1_0000;
  t.match(bench.machine.run({ instructions: 2 }), { kind: 'budget' }, 'the host is not interrupted');
  bench.vmcb.write(VMCB_STATE.rip, 0x1_0000);
  bench.run();
  t.equal(exitCodeName(bench.exit.code), 'NMI', 'the guest is');
});

// --- task priority

for (const [priority, taskPriority, ignore, taken] of [
  [5, 4, false, true],
  [5, 5, false, false],
  [5, 15, false, false],
  [5, 15, true, true],
  [0, 0, false, false],
  [15, 14, false, true],
] as const) {
  t.test(
    `V_INTR_PRIO ${priority}, V_TPR ${taskPriority}${ignore ? ', V_IGN_TPR' : ''}: ${taken ? 'taken' : 'held'}`,
    async (t) => {
      const bench = new Bench().intercept(VINTR).load('nop\nvmmcall').flags(FLAG_IF);
      bench.vmcb.write(
        VMCB_CONTROL.virtualInterrupt,
        (1 << 8) | (priority << 16) | taskPriority | (ignore ? 1 << 20 : 0),
      );
      bench.run();
      t.equal(exitCodeName(bench.exit.code), taken ? 'VINTR' : 'VMMCALL');
      t.equal(bench.vmcb.read(VMCB_CONTROL.virtualInterrupt) & 0xff, taskPriority, 'V_TPR comes back');
    },
  );
}

// --- CR8 (section 15.21.2 "Virtualizing APIC.TPR")

const MASKING = 1 << 24;

for (const [name, control, expected] of [
  ['V_INTR_MASKING: CR8 is V_TPR, and the APIC is left alone', MASKING | 3, { read: 3, vTpr: 9, apic: 5 }],
  ['without it CR8 is the APIC, and a write goes to both', 3, { read: 5, vTpr: 9, apic: 9 }],
] as const) {
  t.test(name, async (t) => {
    const bench = new Bench().load('mov ebx, cr8\nmov edx, 9\nmov cr8, edx\nmov ecx, cr8\nvmmcall');
    const { machine, vmcb } = bench;
    machine.cpu.cr8 = 5;
    vmcb.write(VMCB_CONTROL.virtualInterrupt, control);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), 'VMMCALL');
    t.equal(machine.cpu.gpr(EBX), expected.read, 'read before');
    t.equal(machine.cpu.gpr(ECX), 9, 'read after');
    t.equal(vmcb.read(VMCB_TASK_PRIORITY), expected.vTpr, 'V_TPR in the VMCB');
    t.equal(machine.cpu.cr8, expected.apic, 'the host sees its own APIC again');
  });
}

for (const [name, control, code, here] of [
  ['a lower V_TPR lets a virtual interrupt in at once', MASKING, 'mov cr8, edx\nhere: nop\nvmmcall', 'VINTR'],
  ['one as high as its priority does not', MASKING, 'mov dl, 4\nmov cr8, edx\nnop\nhere: vmmcall', 'VMMCALL'],
  ['nor does one before STI', MASKING, 'cli\nmov cr8, edx\nnop\nsti\nnop\nhere: vmmcall', 'VINTR'],
  ['without V_INTR_MASKING too', 0, 'mov cr8, edx\nhere: nop\nvmmcall', 'VINTR'],
] as const) {
  t.test(`MOV CR8: ${name}`, async (t) => {
    const bench = new Bench().intercept(VINTR).load(code).flags(FLAG_IF);
    bench.machine.cpu.setGpr(EDX, 0);
    bench.vmcb.write(VMCB_CONTROL.virtualInterrupt, control | (1 << 8) | (4 << 16) | 6);
    bench.run();
    t.equal(exitCodeName(bench.exit.code), here);
    t.equal(bench.exit.eip, bench.symbols.here);
  });
}

for (const [name, code, vector] of [
  ['bits 31:4 are reserved: #GP before the intercept', 'mov edx, 16\nhere: mov cr8, edx', 13],
  ['CPL 3: #GP before the intercept', 'here: mov cr8, edx', 13],
] as const) {
  t.test(`MOV CR8: ${name}`, async (t) => {
    const bench = new Bench().intercept(EXIT_EXCEPTION + vector, EXIT_CR_WRITE + 8).load(code);
    if (name.startsWith('CPL')) bench.user();
    bench.run();
    t.equal(exitCodeName(bench.exit.code), exitCodeName(EXIT_EXCEPTION + vector));
    t.equal(bench.exit.eip, bench.symbols.here);
  });
}
