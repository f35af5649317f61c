import t from 'tap';
import { assemble } from '../../emulator/asm/index.js';
import { runImage } from '../../emulator/run.js';
import type { RunOptions } from '../../emulator/run.js';
import type { Technique } from '../../emulator/vmm/catalog.js';

/** Paging structures, all zero at the start; the first 4 MB are mapped as they lie, the second 2 MB as a large page. */
const START = `
        bits 32
        org 0x100000
POINTERS equ 0x200000
DIRECTORY equ 0x201000          ; of the first GB
TABLE equ 0x202000              ; of 4 to 6 MB
DIRECTORY3 equ 0x203000         ; of the last GB
POINTERS2 equ 0x204000
TABLE0 equ 0x205000             ; of 0 to 2 MB
FRAMES equ 0x300000
RESULT equ 0x310000
P equ 1
W equ 2
U equ 4
A equ 0x20
D equ 0x40
PS equ 0x80
NX equ 0x80000000
start:  mov esp, 0x90000
        lidt [idtr]
        lgdt [gdtr]
        jmp 8:.on
.on:    mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov ax, 0x28
        ltr ax
        mov edi, TABLE0
        mov eax, P | W | U
.fill:  mov [edi], eax
        add edi, 8
        add eax, 0x1000
        cmp edi, TABLE0 + 0x1000
        jb .fill
        mov dword [POINTERS], DIRECTORY | P
        mov dword [POINTERS + 24], DIRECTORY3 | P
        mov dword [DIRECTORY], TABLE0 | P | W | U
        mov dword [DIRECTORY + 8], 0x200000 | P | W | PS
        mov dword [DIRECTORY + 16], TABLE | P | W | U
        mov ecx, 0xc0000080
        mov eax, 0x800
        xor edx, edx
        wrmsr
        mov eax, 0x20
        mov cr4, eax
        mov eax, POINTERS
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
`;

/** A fault adds its code and address up, and goes on at the place in [RESUME]. */
const END = `
        mov al, 7
        out 0xf4, al
        hlt
RESUME equ 0x310ffc
AFTER_USER equ 0x310ff8
fault:  pop edx
        add [RESULT + 4], edx
        mov edx, cr2
        add [RESULT + 8], edx
        inc dword [RESULT]
        mov edx, [RESUME]
        mov [esp], edx
        iret
%macro may_fault 1+
        mov dword [RESUME], %%after
        %1
%%after:
%endmacro
        align 8
idt:    times 14 dq 0
        dw fault - $$, 8 + 0x0, 0x8e00, 0x10
        times 0x80 - 15 dq 0
        dw system - $$, 8, 0xee00, 0x10
idtr:   dw 0x81 * 8 - 1
        dd idt
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
        dw 0x67, tss - $$, 0x8910, 0
gdtr:   dw 0x2f
        dd gdt
tss:    dd 0, 0x88000, 0x10
        times 22 dd 0
        dw 0, 0x68
system: add esp, 20
        jmp [AFTER_USER]
`;
const RELOAD = 'mov eax, cr3\n mov cr3, eax\n';

const GUESTS: [name: string, code: string, notUnder?: Technique][] = [
  [
    'what CPUID tells, and a fetch that NX forbids',
    `
        mov eax, 1
        cpuid
        and edx, 0x40
        mov [RESULT + 0x10], edx
        mov eax, 0x80000001
        cpuid
        and edx, 0x100000
        mov [RESULT + 0x14], edx
        mov dword [TABLE], FRAMES | P | W
        mov dword [TABLE + 4], NX
        mov byte [0x400000], 0xc3
        may_fault call 0x400000
        mov dword [TABLE + 4], 0        ; the high half of an entry alone
        invlpg [0x400000]
        call 0x400000
        mov dword [DIRECTORY + 20], NX
        ${RELOAD}
        may_fault call 0x400000
        mov ecx, [0x400000]`,
  ],
  [
    'entries edited in halves, accessed and dirty bits',
    `
        mov ebp, 4
again:  mov dword [TABLE + 8], FRAMES | P | W
        inc dword [0x401000]
        mov dword [TABLE + 8 + 4], 1    ; above the memory there is
        invlpg [0x401000]
        mov ecx, [0x401000]
        mov dword [TABLE + 8 + 4], 0x00100000
        invlpg [0x401000]
        may_fault mov ecx, [0x401000]   ; a reserved bit
        mov dword [TABLE + 8 + 4], 0
        mov dword [TABLE + 8], (FRAMES + 0x1000) | P
        invlpg [0x401000]
        may_fault mov [0x401000], ebp
        mov ecx, [0x401000]
        mov eax, [TABLE + 8]
        mov [RESULT + 0x20], eax
        mov dword [TABLE + 8], 0
        ${RELOAD}
        may_fault mov ecx, [0x401000]
        dec ebp
        jnz again
        mov eax, [DIRECTORY + 16]
        mov [RESULT + 0x24], eax
        mov eax, [DIRECTORY + 8]
        mov [RESULT + 0x28], eax`,
  ],
  [
    'address spaces that share directories, pointers that change with CR3 alone',
    `
        mov dword [POINTERS2], DIRECTORY | P
        mov dword [POINTERS2 + 8], DIRECTORY | P
        mov dword [TABLE], FRAMES | P | W
        mov dword [DIRECTORY3], TABLE | P | W
        mov ebp, 5
again:  inc dword [0xc0000000]
        may_fault inc dword [0x40400000]
        mov eax, POINTERS2
        mov cr3, eax
        inc dword [0x40400000]
        may_fault inc dword [0xc0000000]
        mov dword [POINTERS2 + 24], DIRECTORY3 | P
        may_fault inc dword [0xc0000000]
        ${RELOAD}
        inc dword [0xc0000000]
        mov dword [POINTERS2 + 24], 0
        mov eax, POINTERS
        mov cr3, eax
        dec ebp
        jnz again
        ; the last 4 MB of the address space, a directory that maps itself there
        mov dword [DIRECTORY3 + 511 * 8], DIRECTORY3 | P | W
        mov ecx, [0xfffff000]
        mov dword [0xfffff000 + 8], TABLE | P | W
        inc dword [0xc0200000]
        mov dword [0xfffff000 + 8], 0
        ${RELOAD}
        may_fault inc dword [0xc0200000]`,
    // Nested paging reads the pointers in each walk (APM vol. 2, section 15.25.10 "Legacy PAE Mode").
    'svm-nested',
  ],
  [
    'a user program, its pages mapped on demand and not to be executed',
    `
        mov dword [RESUME], user2
        mov dword [AFTER_USER], after_user
        mov dword [TABLE + 16], FRAMES | P | W | U
        mov dword [TABLE + 20], NX
        push dword 0x23
        push dword 0x80000
        push dword 2
        push dword 0x1b
        push dword user
        mov ax, 0x23
        mov ds, ax
        iret
user:   mov ecx, 20
.loop:  add [0x402000], ecx
        loop .loop
        mov byte [0x402000], 0xc3
        mov eax, 0x402000
        call eax
user2:  int 0x80
after_user:
        mov ax, 0x10
        mov ds, ax`,
  ],
  [
    'paging off and on, with other formats in between',
    `
        mov dword [TABLE], FRAMES | P | W
        inc dword [0x400000]
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        inc dword [FRAMES]
        xor ebx, ebx
        mov cr4, ebx
        ; 32-bit entries: the first 4 MB from a table of their own
        mov edi, 0x208000
        mov ebx, P | W
.fill2: mov [edi], ebx
        add edi, 4
        add ebx, 0x1000
        cmp edi, 0x209000
        jb .fill2
        mov dword [0x207000], 0x208000 | P | W
        mov dword [0x207004], 0x208000 | P | W
        mov ebx, 0x207000
        mov cr3, ebx
        or eax, 0x80000000
        mov cr0, eax
        add dword [0x700000], 3
        and eax, 0x7fffffff
        mov cr0, eax
        mov ebx, 0x20
        mov cr4, ebx
        add dword [FRAMES], 5
        mov ebx, POINTERS
        mov cr3, ebx
        or eax, 0x80000000
        mov cr0, eax
        add dword [0x400000], 7`,
  ],
];

const VARIANTS: RunOptions[] = [
  { technique: 'svm-nested' },
  { technique: 'svm-shadow' },
  { technique: 'svm-shadow', switches: { traces: 'lazy' } },
  { technique: 'svm-shadow', switches: { traces: 'lazy', prevalidation: true, shadowCache: 1 } },
  { technique: 'hybrid' },
  { technique: 'hybrid', switches: { traces: 'lazy', policyInterval: 4 } },
  { technique: 'binary-translation' },
  { technique: 'binary-translation', switches: { traces: 'lazy' } },
  { technique: 'binary-translation', switches: { directExecution: false, shadowCache: 0 } },
  { technique: 'trap-and-emulate', switches: { sensitiveTraps: true } },
  { technique: 'trap-and-emulate', switches: { sensitiveTraps: true, kernelRing: 'ring3', traces: 'lazy' } },
];

for (const [name, code, notUnder] of GUESTS) {
  t.test(`${name}: as on the bare machine`, async (t) => {
    const { bytes, diagnostics } = assemble(macrosFirst(`${START}${code}${END}`));
    t.same(diagnostics, []);
    const run = (options: RunOptions) =>
      runImage(bytes, {
        ...options,
        memoryBytes: 8 << 20,
        limits: { instructions: 1_000_000, cycles: 200_000_000 },
      });
    const native = run({ technique: 'native' });
    t.match(native, { outcome: 'exit', exitCode: 7 }, native.detail);
    for (const options of VARIANTS.filter(({ technique }) => technique !== notUnder)) {
      const other = run(options);
      const what = `${options.technique} ${JSON.stringify(options.switches ?? {})}`;
      t.match(other, { outcome: 'exit', exitCode: 7 }, `${what}: ${other.detail}`);
      t.same(other.state, native.state, `${what}: registers`);
      t.equal(other.memoryDigest, native.memoryDigest, `${what}: memory, entries and error codes among it`);
    }
  });
}

/** A macro has to stand before its uses. */
function macrosFirst(source: string): string {
  const macro = /%macro[^]*?%endmacro\n/;
  return `${macro.exec(source)![0]}${source.replace(macro, '')}`;
}
