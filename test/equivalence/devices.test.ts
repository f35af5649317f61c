import t from 'tap';
import { GuestRun, runImage, usableTechniques } from '../../emulator/index.js';
import type { GuestInputs } from '../../emulator/index.js';
import { assembleGuest } from '../../kernel/guests.js';

/** The local APIC: registers, an interrupt to itself, one held by the task priority, the version in a frame of its own. */
const APIC = (enter: string): string => `
        bits 32
        org 0x100000
        ${enter}
        lgdt [gdtr]
        lidt [idtr]
        mov edi, 0xfee00000
        mov dword [edi + 0xf0], 0x1ff
        mov eax, [edi + 0x30]
        mov [0x200000], eax
        mov dword [edi + 0x80], 0x40
        sti
        mov dword [edi + 0x300], 0x40031
        jmp next
next:   mov eax, [count]
        mov [0x200004], eax
        mov dword [edi + 0x80], 0
        jmp after
after:  or dword [edi + 0x3e0], 0xb
        mov eax, [count]
        mov [0x200008], eax
        mov eax, [edi + 0x3e0]
        mov [0x20000c], eax
        mov eax, 1
        cpuid
        and edx, 0x200
        mov esi, edx
        mov ecx, 0x1b
        rdmsr
        cli
        times 3 push dword 0 ; where the interrupt came is a matter of time, and its frame shows it
        add esp, 12
        mov al, 7
        out 0xf4, al
        hlt
handler: inc dword [count]
        mov dword [edi + 0xb0], 0
        iret
count:  dd 0
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt
idt:    times 49 dq 0
        dw handler - $$, 8
        dw 0x8e00, 0x10
idtr:   dw 50 * 8 - 1
        dd idt
`;

/** 4 MB pages, one to one, in the directory at 3 MB. */
const PAGING = `
        mov edi, 0x300000
        mov eax, 0x83
fill:   stosd
        add eax, 0x400000
        jnc fill
        mov eax, 0x300000
        mov cr3, eax
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
`;

for (const [name, enter] of [
  ['without paging', ''],
  ['with paging', PAGING],
]) {
  t.test(`the local APIC, ${name}`, async (t) => {
    const { bytes, diagnostics } = assembleGuest(APIC(enter), 'apic.asm');
    t.same(diagnostics, []);
    for (const technique of usableTechniques()) {
      const run = runImage(bytes, { technique, memoryBytes: 4 << 20, limits: { instructions: 1_000_000 } });
      const native = runImage(bytes, { technique: 'native', memoryBytes: 4 << 20 });
      t.equal(run.exitCode, 7, `${technique}: ${run.detail}`);
      t.same(run.state, native.state, technique);
      t.equal(run.memoryDigest, native.memoryDigest, technique);
      t.equal(run.state.gprs.esi, 0x200);
    }
  });
}

/** A kernel that waits in HLT for interrupts of one line until `handler` has set `done`. */
const INTERRUPTED = (mask: number, setUp: string, handler: string): string => `
        bits 32
        org 0x100000
        lgdt [gdtr]
        lidt [idtr]
        ${[
          [0x20, 0x11],
          [0xa0, 0x11],
          [0x21, 0x20],
          [0xa1, 0x28],
          [0x21, 4],
          [0xa1, 2],
          [0x21, 1],
          [0xa1, 1],
          [0x21, ~mask & 0xff],
          [0xa1, (~mask >> 8) & 0xff],
        ]
          .map(([port, value]) => `mov al, ${value}\n out ${port}, al`)
          .join('\n')}
        mov edi, 0x200000
        ${setUp}
again:  cli
        cmp dword [done], 0
        jne over
        sti
        hlt
        jmp again
over:   times 5 push dword 0 ; where an interrupt came is a matter of time, and its frame shows it
        add esp, 20
        mov al, 7
        out 0xf4, al
        hlt
handler: push eax
        push edx
        ${handler}
        mov al, 0x20
        out 0xa0, al
        out 0x20, al
        pop edx
        pop eax
        iret
done:   dd 0
count:  dd 0
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt
idt:    times 32 dq 0
        times 16 dw handler - $$, 8, 0x8e00, 0x10
idtr:   dw 48 * 8 - 1
        dd idt
`;

const COUNT_TO = (times: number) => `
        inc dword [count]
        cmp dword [count], ${times}
        jb enough
        mov dword [done], 1
enough:`;

const DISK = Uint8Array.from({ length: 4 * 512 }, (_, index) => (index * 7 + (index >> 9)) & 0xff);

/** Each device that interrupts: its line, what sets it up, what its handler does, and what memory at 2 MB holds then. */
const DEVICES: readonly {
  name: string;
  irq: number;
  setUp: string;
  handler: string;
  inputs?: GuestInputs;
  want: readonly number[];
}[] = [
  {
    name: 'keyboard',
    irq: 1,
    // The controller's interrupt off and on again: the line rises when the interrupt controller looks.
    setUp: [0x40, 0x41]
      .map((byte) => `mov al, 0x60\n out 0x64, al\n mov al, ${byte}\n out 0x60, al`)
      .join('\n'),
    handler: `in al, 0x60\n stosb\n ${COUNT_TO(4)}`,
    inputs: { keys: 'ab' },
    want: [0x1e, 0x9e, 0x30, 0xb0],
  },
  {
    name: 'UART',
    irq: 4,
    setUp: 'mov dx, 0x3fc\n mov al, 8\n out dx, al\n mov dx, 0x3f9\n mov al, 1\n out dx, al',
    handler: `mov dx, 0x3f8\n in al, dx\n stosb\n ${COUNT_TO(5)}`,
    inputs: { serialInput: 'hello' },
    want: [...Buffer.from('hello')],
  },
  {
    name: 'real-time clock',
    irq: 8,
    setUp:
      'mov al, 0x0b\n out 0x70, al\n mov al, 0x42\n out 0x71, al\n mov al, 0x0c\n out 0x70, al\n in al, 0x71',
    handler: `mov al, 0x0c\n out 0x70, al\n in al, 0x71\n stosb\n ${COUNT_TO(3)}`,
    want: [0xc0, 0xc0, 0xc0],
  },
  {
    name: 'interval timer',
    irq: 0,
    setUp: 'mov al, 0x34\n out 0x43, al\n mov al, 0xa9\n out 0x40, al\n mov al, 4\n out 0x40, al',
    handler: `mov al, 0x5a\n stosb\n ${COUNT_TO(3)}`,
    want: [0x5a, 0x5a, 0x5a],
  },
  {
    name: 'disk',
    irq: 14,
    setUp: [
      [0x1f6, 0xe0],
      [0x1f2, 1],
      [0x1f3, 2],
      [0x1f4, 0],
      [0x1f5, 0],
      [0x1f7, 0x20],
    ]
      .map(([port, value]) => `mov dx, ${port}\n mov al, ${value}\n out dx, al`)
      .join('\n'),
    handler: `
        mov dx, 0x1f7
        in al, dx
        mov dx, 0x1f0
        push ecx
        mov ecx, 256
        rep insw
        pop ecx
        mov dword [done], 1`,
    inputs: { disk: DISK },
    want: [...DISK.subarray(2 * 512, 3 * 512)],
  },
];

for (const { name, irq, setUp, handler, inputs = {}, want } of DEVICES) {
  t.test(`interrupts: ${name}`, async (t) => {
    const mask = (1 << irq) | (irq >= 8 ? 1 << 2 : 0);
    const { bytes, diagnostics } = assembleGuest(INTERRUPTED(mask, setUp, handler), 'interrupted.asm');
    t.same(diagnostics, []);
    const options = { ...inputs, memoryBytes: 4 << 20, limits: { instructions: 10_000_000 } };
    const native = new GuestRun(bytes, { ...options, technique: 'native' });
    const expected = native.run();
    t.equal(expected.exitCode, 7, expected.detail);
    t.same([...native.vmm.guest.memory.u8.subarray(0x20_0000, 0x20_0000 + want.length)], want);
    for (const technique of usableTechniques()) {
      const run = runImage(bytes, { ...options, technique });
      t.equal(run.exitCode, 7, `${technique}: ${run.detail}`);
      t.same(run.state, expected.state, technique);
      t.equal(run.memoryDigest, expected.memoryDigest, `${technique}: memory`);
    }
  });
}

t.test('what is not there is missed alike: instructions, ports, addresses', async (t) => {
  const { bytes, diagnostics } = assembleGuest(
    `
        bits 32
        org 0x100000
        lgdt [gdtr]
        lidt [idtr]
        in al, 0x99
        mov eax, [0x0d000000]
        movaps xmm0, xmm1
next:   db 0x0f, 0x38, 0x00, 0xc0
last:   mov al, 3
        out 0xf4, al
        hlt
handler:
        cmp dword [esp], last
        jae far_off
        mov dword [esp], next
        inc dword [count]
        cmp dword [count], 1
        je back
        mov dword [esp], last
back:   iretd
far_off: hlt
count:  dd 0
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdtr:   dw 23
        dd gdt
idt:    times 6 dq 0
        dw handler - $$, 8, 0x8e00, 0x10
idtr:   dw 55
        dd idt
`,
    'absent.asm',
  );
  t.same(diagnostics, []);
  const runs = usableTechniques().map((technique) => runImage(bytes, { technique, memoryBytes: 4 << 20 }));
  for (const run of runs) {
    t.equal(run.exitCode, 3, `${run.technique}: ${run.detail}`);
    t.same(run.absent, {
      processor: { 'movaps Vx,Wx': 1, 'opcode 0f 38': 1 },
      ports: { '0x99': 1 },
      addresses: { [run.technique === 'native' ? '0xd000000' : 'unbacked']: 1 },
    });
  }
});
