import t from 'tap';
import { EAX, EBX, ECX } from '../../emulator/arch/registers.js';
import { balances, bareMachine, everything, tables } from '../cpu/bare.js';

const APIC = 0xfee0_0000;

/** Programs that end in HLT, and registers at the end. */
const programs: { name: string; source: string; want: Partial<Record<'eax' | 'ebx' | 'ecx', number>> }[] = [
  {
    name: 'local APIC version, by a plain load',
    source: `mov eax, [0x${(APIC + 0x30).toString(16)}]\nhlt`,
    want: { eax: 0x5_0014 },
  },
  {
    name: 'a read-modify-write of a register',
    source: `mov edi, 0x${(APIC + 0xf0).toString(16)}\nor dword [edi], 0x100\nmov eax, [edi]\nhlt`,
    want: { eax: 0x1ff },
  },
  {
    name: 'nothing there',
    source: 'mov eax, [0xd0000000]\nmov [0xd0000000], eax\nhlt',
    want: { eax: 0xffff_ffff },
  },
  {
    name: 'CPUID offers the APIC until IA32_APIC_BASE disables it',
    source: `
        mov eax, 1
        cpuid
        mov edi, edx
        mov ecx, 0x1b
        rdmsr
        mov ebx, eax
        and eax, ~0x800
        wrmsr
        mov esi, ebx
        mov eax, 1
        cpuid
        mov ebx, esi
        mov eax, edi
        and eax, 0x200
        mov ecx, edx
        and ecx, 0x200
        hlt`,
    want: { eax: 0x200, ebx: 0xfee0_0900, ecx: 0 },
  },
  {
    name: 'A20 closed: the second megabyte is the first',
    source: `
        mov dword [0x5000], 1
        mov dword [0x105000], 2
        mov al, 0
        out 0x92, al
        mov ebx, [0x105000]
        mov al, 2
        out 0x92, al
        mov ecx, [0x105000]
        hlt
        jmp near $`,
    want: { ebx: 1, ecx: 2 },
  },
];

for (const { name, source, want } of programs) {
  t.test(name, async (t) => {
    // The A20 program must lie where the closed gate does not move it.
    const machine = name.startsWith('A20') ? lowMachine(source) : bareMachine(source);
    t.equal(machine.run({ instructions: 1000 }).kind, 'halted');
    t.match(machine.state().gprs, want);
    t.ok(balances(machine));
  });
}

/** The program copied to 8 KB and entered there; it must not depend on where it lies. */
function lowMachine(source: string) {
  const machine = bareMachine(source);
  machine.memory.writeBytes(0x2000, machine.memory.u8.slice(0x10_0000, 0x10_0400));
  machine.resetFlat(0x2000);
  return machine;
}

const TIMER = `
        lidt [idtr]
        mov edi, 0x${APIC.toString(16)}
        mov dword [edi + 0xf0], 0x1ff
        mov dword [edi + 0x320], 0x20020
        mov dword [edi + 0x3e0], 0xb
        mov dword [edi + 0x380], 500
        mov ecx, 0
        mov ebx, 0
        lgdt [gdtr]
        sti
again:  add ebx, [edi + 0x390]
        inc edx
        xor ebx, [edi + 0x390]
        cmp ecx, 5
        jb again
        cli
        hlt
${tables((vector) => (vector === 0x20 ? 'inc ecx\nmov dword [edi + 0xb0], 0\niret' : 'hlt'))}`;

t.test('the APIC timer interrupts, and no split of the run changes what is read', async (t) => {
  const whole = bareMachine(TIMER);
  t.equal(whole.run({ instructions: 1_000_000 }).kind, 'halted');
  t.equal(whole.cpu.gpr(ECX), 5);
  t.ok(whole.clock.observed);
  t.ok(balances(whole));
  for (const piece of [1, 2, 3, 7, 64]) {
    const machine = bareMachine(TIMER);
    while (machine.run({ instructions: piece }).kind === 'budget');
    t.same(everything(machine), everything(whole), `in pieces of ${piece}`);
  }
  const traced = bareMachine(TIMER);
  traced.trace.enabled = true;
  traced.run();
  t.same(everything(traced), everything(whole), 'traced');
});

t.test('an NMI to itself is delivered once, with interrupts off, and blocks others until IRET', async (t) => {
  const machine = bareMachine(`
        lidt [idtr]
        lgdt [gdtr]
        mov edi, 0x${APIC.toString(16)}
        mov ecx, 0
        mov dword [edi + 0xf0], 0x1ff
        mov dword [edi + 0x300], 0x40400
        jmp next
next:   mov eax, ecx
        hlt
${tables((vector) => (vector === 2 ? 'inc ecx\niret' : 'hlt'))}`);
  t.equal(machine.run({ instructions: 1000 }).kind, 'halted');
  t.equal(machine.cpu.gpr(ECX), 1);
  t.equal(machine.cpu.gpr(EAX), 1);
});

const ends: { name: string; source: string; because: RegExp }[] = [
  {
    name: 'power off',
    source: 'mov dx, 0x604\nmov ax, 0x2000\nout dx, ax\njmp $',
    because: /switched off by port 0x604/,
  },
  {
    name: 'reset',
    source: 'mov al, 0xfe\nout 0x64, al\njmp $',
    because: /reset, with no firmware.*keyboard controller/,
  },
];
for (const { name, source, because } of ends) {
  t.test(`the run ends by ${name}`, async (t) => {
    t.match(bareMachine(source).run({ instructions: 1000 }), { kind: 'halted', because });
  });
}

t.test('a guest that reads a disk by PIO', async (t) => {
  const source = `
        mov dx, 0x1f2
        mov al, 1
        out dx, al
        inc edx
        mov al, 3
        out dx, al
        inc edx
        mov al, 0
        out dx, al
        inc edx
        out dx, al
        inc edx
        mov al, 0xe0
        out dx, al
        inc edx
        mov al, 0x20
        out dx, al
        in al, dx
        mov bl, al
        mov dx, 0x1f0
        mov ecx, 256
        mov edi, 0x200000
        cld
        rep insw
        hlt`;
  const machine = bareMachine(source);
  machine.platform.ide.attachDisk(
    Uint8Array.from({ length: 8 * 512 }, (_, at) => (at >> 9) * 16 + (at & 15)),
  );
  t.equal(machine.run({ instructions: 1000 }).kind, 'halted');
  t.equal(machine.cpu.gpr(EBX) & 0xff, 0x58);
  t.equal(machine.memory.read32(0x20_0000), 0x3332_3130);
  t.equal(machine.memory.read8(0x20_01ff), 0x3f);
});

t.test('accesses beyond memory are traced, and counted where nothing answers', async (t) => {
  const machine = bareMachine(`mov eax, [0x${(APIC + 0x30).toString(16)}]\nmov [0xd0000000], al\nhlt`);
  machine.trace.enabled = true;
  machine.run();
  t.match(machine.trace.query({ kind: 'mmio' }), [
    { direction: 'read', gpa: APIC + 0x30, widthBytes: 4, value: 0x5_0014, claimed: true },
    { direction: 'write', gpa: 0xd000_0000, widthBytes: 1, value: 0x14, claimed: false },
  ]);
  t.strictSame([...machine.platform.mmio.unclaimed], [[0xd_0000, 1]]);
});

t.test('port accesses are traced, and counted where no device answers', async (t) => {
  const machine = bareMachine('mov dx, 0x1234\nin eax, dx\nout 0x21, al\nhlt');
  machine.trace.enabled = true;
  machine.run();
  t.equal(machine.cpu.gpr(EAX) >>> 0, 0xffff_ffff);
  t.match(machine.trace.query({ kind: 'port' }), [
    { direction: 'in', port: 0x1234, widthBytes: 4, value: 0xffff_ffff, claimed: false },
    { direction: 'out', port: 0x21, widthBytes: 1, value: 0xff, claimed: true },
  ]);
  t.strictSame(
    [...machine.ports.unclaimed],
    [
      [0x1234, 1],
      [0x1235, 1],
      [0x1236, 1],
      [0x1237, 1],
    ],
  );
});
