import t from 'tap';
import { runImage, usableTechniques } from '../../emulator/index.js';
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
