import { timer } from '../timer.js';
/** Small guests for the monitors, each about one thing. Plain NASM syntax; a gap in what a monitor does shows as a difference in memory or registers. */

export interface GuestCase {
  name: string;
  /** Code that runs at CPL 0 with segments, IDT and TSS loaded, paging off, and paging structures empty. */
  code: string;
  /** Handlers by vector. They return by themselves. */
  handlers?: Record<number, string>;
  /** Gates that ring 3 may use. */
  userGates?: readonly number[];
}

const ORIGIN = 0x100000;
const GATES = 0x100;

/** Addresses that all guests agree on; all of them are zero at the start. */
const SYMBOLS = `
STACK equ 0x90000
USER_STACK equ 0x80000
TSS_STACK equ 0x70000
DIRECTORY equ 0x200000
TABLE equ 0x201000
TABLE2 equ 0x202000
DIRECTORY2 equ 0x203000
FRAMES equ 0x300000
WINDOW equ 0x3ff000
ENTRY equ TABLE + 0x3ff * 4
RESULT equ 0x60000
P equ 1
W equ 2
U equ 4
A equ 0x20
D equ 0x40
PS equ 0x80
`;

/** The first 4 MB identity-mapped for everyone by TABLE. */
const MAP = `
        mov edi, TABLE
        mov eax, P | W | U
map:    mov [edi], eax
        add edi, 4
        add eax, 0x1000
        cmp edi, TABLE + 0x1000
        jb map
        mov dword [DIRECTORY], TABLE | P | W | U
        mov eax, DIRECTORY
        mov cr3, eax
`;

/** MAP, and paging on with CR0.WP. */
export const PAGING_ON = `${MAP}
        mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
`;

/** To ring 3 at label user. */
const ENTER_USER = `
        push dword 0x23
        push dword USER_STACK
        push dword 0x3202
        push dword 0x1b
        push dword user
        mov ax, 0x23
        mov ds, ax
        mov es, ax
        iret
`;

const EXIT = `
        mov al, 0
        out 0xf4, al
        hlt
`;

export function source({ code, handlers = {}, userGates = [] }: GuestCase): string {
  const gates = Array.from({ length: GATES }, (_, vector) => {
    if (!(vector in handlers)) return '        dq 0';
    const label = `(handler${vector} - $$ + ${ORIGIN})`;
    const type = userGates.includes(vector) ? 0xee00 : 0x8e00;
    return `        dw ${label} & 0xffff, 8, ${type}, ${label} >> 16`;
  });
  const bodies = Object.entries(handlers).map(([vector, body]) => `handler${vector}:\n${body}`);
  return `
        bits 32
        org ${ORIGIN}
${SYMBOLS}
start:  mov esp, STACK
        lgdt [gdtr]
        jmp 8:reload
reload: mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov ax, 0x28
        ltr ax
        lidt [idtr]
${code}
${EXIT}
${bodies.join('\n')}
        align 8
gdt:    dq 0
        dq 0x00cf9a000000ffff
        dq 0x00cf92000000ffff
        dq 0x00cffa000000ffff
        dq 0x00cff2000000ffff
        dw 0x67, (tss - $$ + ${ORIGIN}) & 0xffff
        db ((tss - $$ + ${ORIGIN}) >> 16) & 0xff, 0x89, 0, (tss - $$ + ${ORIGIN}) >> 24
gdtr:   dw gdtr - gdt - 1
        dd gdt
        align 8
tss:    dd 0, TSS_STACK, 0x10
        times 22 dd 0
        dw 0, 0x68
idtr:   dw ${GATES * 8 - 1}
        dd idt
        align 8
idt:
${gates.join('\n')}
`;
}

/** Counts the fault in RESULT, keeps its error code, and skips the six bytes of the instruction that faulted. */
const COUNT_FAULT = `
        pop edx
        mov [RESULT + 4], edx
        inc dword [RESULT]
        add dword [esp], 6
        iret
`;

/** Writes the window's frame back to its entry and returns to the instruction. */
const MAP_ON_DEMAND = `
        push eax
        push edx
        mov edx, cr2
        mov eax, [next]
        add dword [next], 0x1000
        or eax, P | W | U
        shr edx, 12
        mov [TABLE + edx * 4], eax
        inc dword [RESULT]
        pop edx
        pop eax
        add esp, 4
        iret
next:   dd FRAMES
`;

export const guests: readonly GuestCase[] = [
  { name: 'paging off', code: 'mov dword [FRAMES], 1\n add dword [FRAMES], 2' },
  {
    name: 'paging on',
    code: `${PAGING_ON}\n mov dword [FRAMES], 1\n add dword [FRAMES], 2\n mov eax, [WINDOW]`,
  },
  {
    name: 'paging on and off again',
    code: `${PAGING_ON}
        mov dword [ENTRY], FRAMES | P | W
        mov dword [WINDOW], 1
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov dword [WINDOW], 2
        or eax, 0x80000000
        mov cr0, eax
        add dword [WINDOW], 4`,
  },
  {
    name: '4 MB pages',
    code: `
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov dword [DIRECTORY], P | W | PS
        mov dword [DIRECTORY + 4], P | W | PS
        mov dword [DIRECTORY + 8], P | PS
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
        mov eax, [0x400000 + FRAMES]
        mov dword [0x400000 + FRAMES], 7
        mov eax, [0x800000 + FRAMES]
        mov dword [0x400000 + DIRECTORY + 12], P | W | PS
        mov eax, [0xc00000 + FRAMES]
        mov [RESULT], eax`,
  },
  {
    name: 'entry written: unchanged, removed, made present, moved',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [WINDOW], 1
        mov eax, [ENTRY]
        mov [ENTRY], eax
        mov dword [ENTRY], 0
        invlpg [WINDOW]
        mov ecx, [WINDOW]
        mov dword [ENTRY], FRAMES | P | W
        mov ecx, [WINDOW]
        mov dword [ENTRY], (FRAMES + 0x1000) | P | W | A | D
        invlpg [WINDOW]
        mov dword [WINDOW], 3
        mov dword [ENTRY], (FRAMES + 0x2000) | P | W | A
        invlpg [WINDOW]
        mov byte [WINDOW], 4
        mov word [ENTRY], P | W
        invlpg [WINDOW]
        mov byte [WINDOW + 1], 5
        mov byte [ENTRY + 1], 0x10
        invlpg [WINDOW]
        mov byte [WINDOW + 2], 6`,
  },
  {
    name: 'directory entry removed and another put in its place',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [DIRECTORY + 4], TABLE | P | W
        mov dword [0x400000 + FRAMES], 1
        mov dword [DIRECTORY + 4], 0
        mov eax, cr3
        mov cr3, eax
        mov ecx, [0x400000 + FRAMES]
        mov dword [TABLE2 + 0xc00], (FRAMES + 0x5000) | P | W
        mov dword [DIRECTORY + 4], TABLE2 | P | W
        mov dword [0x400000 + FRAMES], 2`,
  },
  {
    name: 'true page faults, each with its error code',
    handlers: { 14: MAP_ON_DEMAND },
    code: `${PAGING_ON}
        mov edi, TABLE + 0x300 * 4
        mov ecx, 16
        xor eax, eax
        rep stosd
        mov ecx, 16
        mov edi, FRAMES
touch:  mov [edi], ecx
        add edi, 0x1000
        dec ecx
        jnz touch`,
  },
  {
    name: 'ring 3 with system calls, faults and forbidden pages',
    userGates: [0x80],
    handlers: {
      14: COUNT_FAULT,
      13: COUNT_FAULT,
      0x80: `
        cmp eax, 1
        je done
        inc dword [RESULT + 8]
        iret
done:   mov ax, 0x10
        mov ds, ax
        ${EXIT}`,
    },
    code: `${PAGING_ON}
        mov dword [TABLE + 0x310 * 4], 0x310000 | P | W
        mov dword [TABLE + 0x311 * 4], 0x311000 | P | U
        mov dword [TABLE + 0x312 * 4], 0
        ${ENTER_USER}
user:   mov ecx, 20
calls:  mov eax, 0
        int 0x80
        dec ecx
        jnz calls
        mov ebx, [0x310000]
        mov [0x311000], ebx
        mov ebx, [0x312000]
        mov ebx, [0x311000]
        mov eax, 1
        int 0x80`,
  },
  {
    name: 'address spaces',
    code: `${PAGING_ON}
        mov dword [DIRECTORY2], TABLE | P | W | U
        mov dword [DIRECTORY + 4], TABLE2 | P | W
        mov dword [TABLE2], FRAMES | P | W
        mov dword [DIRECTORY2 + 4], TABLE2 | P | W
        mov ecx, 10
switch: mov eax, DIRECTORY2
        mov cr3, eax
        inc dword [0x400000]
        mov eax, DIRECTORY
        mov cr3, eax
        inc dword [0x400000]
        mov eax, cr3
        mov [RESULT], eax
        dec ecx
        jnz switch
        mov dword [DIRECTORY + 4], 0
        mov eax, DIRECTORY2
        mov cr3, eax
        inc dword [0x400000]`,
  },
  {
    name: 'writes to read-only pages with CR0.WP clear',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov eax, cr0
        and eax, 0xfffeffff
        mov cr0, eax
        mov dword [ENTRY], FRAMES | P | U
        invlpg [WINDOW]
        mov byte [WINDOW], 1
        mov dword [ENTRY], (FRAMES + 0x1000) | P
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov byte [WINDOW], 2
        or dword [DIRECTORY], 0
        mov eax, cr0
        or eax, 0x10000
        mov cr0, eax
        mov [WINDOW], ecx
        mov eax, cr0
        mov [RESULT + 8], eax`,
  },
  {
    name: 'a page table seen at another address',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [ENTRY], TABLE | P | W
        mov dword [WINDOW + 0x310 * 4], FRAMES | P | W
        mov dword [0x310000], 5
        mov dword [WINDOW + 0x310 * 4], 0
        invlpg [0x310000]
        mov ecx, [0x310000]
        mov dword [ENTRY], FRAMES | P | W
        invlpg [WINDOW]
        mov dword [WINDOW], 9`,
  },
  {
    name: 'a page directory that maps itself',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [DIRECTORY + 0xffc], DIRECTORY | P | W
        mov eax, [0xfffff000]
        mov dword [0xffc00000 + 0x3ff * 4], FRAMES | P | W
        mov dword [WINDOW], 3
        mov dword [0xfffff004], TABLE2 | P | W
        mov dword [0xffc01000], FRAMES | P | W
        inc dword [0x400000]
        mov dword [0xfffff004], 0
        mov eax, cr3
        mov cr3, eax
        mov ecx, [0x400000]`,
  },
  {
    name: 'accessed and dirty bits cleared by the guest come back',
    code: `${PAGING_ON}
        mov dword [WINDOW], 1
        and dword [ENTRY], ~(A | D)
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov ebx, [ENTRY]
        and dword [ENTRY], ~D
        invlpg [WINDOW]
        inc dword [WINDOW]
        mov edx, [ENTRY]
        and dword [DIRECTORY], ~A
        mov eax, cr3
        mov cr3, eax
        mov eax, [WINDOW]
        mov ecx, [DIRECTORY]`,
  },
  {
    name: 'string stores over page tables',
    code: `${PAGING_ON}
        mov eax, [WINDOW]
        mov edi, ENTRY - 63 * 4
        mov ecx, 64
        mov eax, FRAMES | P | W
        rep stosd
        mov eax, cr3
        mov cr3, eax
        mov dword [WINDOW], 1
        mov esi, ENTRY - 63 * 4
        mov edi, TABLE + 0x310 * 4
        mov ecx, 32
        rep movsd
        invlpg [0x320000]
        mov dword [0x320004], 2`,
  },
  {
    name: 'a stack on a page table',
    handlers: { 3: 'add dword [RESULT], 1\n iret', 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov eax, [WINDOW]
        mov esp, TABLE + 0x380 * 4
        push dword FRAMES | P | W
        pop eax
        call leaf
        int3
        mov eax, [0x0]
        mov ebp, esp
        mov esp, STACK
        jmp after
leaf:   ret
after:  nop`,
  },
  {
    name: 'interrupt frames on pages never touched before',
    userGates: [0x80],
    handlers: {
      14: MAP_ON_DEMAND,
      0x80: `mov ax, 0x10\n mov ds, ax\n ${EXIT}`,
    },
    code: `${PAGING_ON}
        mov dword [tss + 4], 0x340000
        mov dword [TABLE + 0x350 * 4], 0
        ${ENTER_USER}
user:   mov eax, [0x350000]
        int 0x80`,
  },
  {
    name: 'a page fault while another event is delivered',
    userGates: [0x80],
    handlers: {
      14: `
        mov ax, 0x10
        mov ds, ax
        mov eax, cr2
        mov [RESULT], eax
        pop dword [RESULT + 4]
        pop dword [RESULT + 8]
        ${EXIT}`,
      8: `mov dword [RESULT], 8\n pop dword [RESULT + 4]\n ${EXIT}`,
      0x80: 'iret',
    },
    code: `${PAGING_ON}
        mov word [idtr2], 0x7ff
        mov dword [idtr2 + 2], 0x35ff00
        lidt [idtr2]
        mov esi, idt
        mov edi, 0x35ff00
        mov ecx, 64
        rep movsd
        mov dword [TABLE + 0x360 * 4], 0
        invlpg [0x360000]
        ${ENTER_USER}
user:   int 0x80
idtr2:  dw 0, 0, 0`,
  },
  {
    name: 'double fault: the stack is gone',
    userGates: [0x80],
    handlers: { 14: 'iret', 8: 'iret', 0x80: 'iret' },
    code: `${PAGING_ON}
        mov dword [tss + 4], 0x350000
        mov dword [TABLE + 0x34f * 4], 0
        ${ENTER_USER}
user:   mov eax, [0x34f000]`,
  },
  { name: 'triple fault: no descriptor table', code: `${PAGING_ON}\n lidt [zero]\n ud2\nzero: dw 0, 0, 0` },
  {
    name: 'timer interrupts that wake a halted kernel',
    handlers: {
      0x20: `
        push eax
        inc dword [RESULT]
        mov al, 0x20
        out 0x20, al
        pop eax
        iret`,
    },
    code: `${PAGING_ON}
        ${timer(0x4a9)}
sleep:  sti
        hlt
        cli
        cmp dword [RESULT], 10
        jb sleep
        mov al, 0xff
        out 0x21, al`,
  },
  {
    name: 'a timer interrupt while interrupts are off waits for the window',
    handlers: { 0x20: 'inc dword [RESULT]\n iret' },
    code: `
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 3
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x30
        out 0x43, al
        mov al, 1
        out 0x40, al
        mov al, 0
        out 0x40, al
        mov ecx, 20000
spin:   dec ecx
        jnz spin
        mov ebx, [RESULT]
        sti
        nop
        nop
        mov edx, [RESULT]
        cli`,
  },
  {
    name: 'what a processor tells about itself',
    code: `
        xor eax, eax
        cpuid
        mov [RESULT], ebx
        mov eax, 1
        cpuid
        and edx, ~0x40                  ; PAE, which shadow page tables do not follow
        mov [RESULT + 4], edx
        mov ecx, 0x174
        mov eax, 0x8
        xor edx, edx
        wrmsr
        xor eax, eax
        rdmsr
        mov [RESULT + 8], eax
        smsw eax
        mov [RESULT + 12], eax
        sgdt [RESULT + 16]
        sidt [RESULT + 24]
        str [RESULT + 32]
        pushf
        pop dword [RESULT + 36]
        mov eax, cr0
        mov [RESULT + 40], eax
        mov eax, cr4
        mov [RESULT + 44], eax
        wbinvd
        clts`,
  },
  {
    name: 'sysenter and sysexit',
    code: `${PAGING_ON}
        mov ecx, 0x174
        mov eax, 8
        xor edx, edx
        wrmsr
        inc ecx
        mov eax, 0x6f000
        wrmsr
        inc ecx
        mov eax, kernel
        wrmsr
        ${ENTER_USER}
user:   mov ecx, esp
        mov edx, back
        xor eax, eax
        sysenter
back:   mov eax, 1
        sysenter
kernel: inc dword [RESULT]
        cmp eax, 1
        je finished
        sysexit
finished:`,
  },
  {
    name: 'string output to the serial line',
    code: `
        mov esi, text
        mov ecx, 6
        mov edx, 0x3f8
        cld
        rep outsb
        jmp printed
text:   db "hello", 10
printed: nop`,
  },
  {
    name: 'pages beyond the memory there is',
    code: `${PAGING_ON}
        mov dword [ENTRY], 0xf0000000 | P | W
        mov dword [WINDOW], 1
        mov eax, [WINDOW]
        mov [RESULT], eax`,
  },
  {
    name: 'page tables and code behind a closed A20 gate',
    // Megabyte 1 is megabyte 0 then, and 3 is 2: the code is copied to where it will be, and tables are reached through both.
    code: `${PAGING_ON}
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov dword [DIRECTORY2], (TABLE | 0x100000) | P | W | U
        mov dword [DIRECTORY2 + 4], PS | P | W | U
        mov dword [0x10000], 1111
        mov dword [0x110000], 2222
        mov esi, ${ORIGIN}
        xor edi, edi
        mov ecx, 0x1000
        cld
        rep movsd
        in al, 0x92
        and al, 0xfd
        out 0x92, al
        mov eax, [0x110000]
        mov [RESULT], eax
        mov dword [0x110000], 3333
        mov eax, [0x10000]
        mov [RESULT + 4], eax
        mov eax, DIRECTORY2 | 0x100000
        mov cr3, eax
        mov eax, [0x510000]
        mov [RESULT + 8], eax
        mov dword [0x410000], 4444
        mov eax, [0x510000]
        mov [RESULT + 12], eax
        mov dword [ENTRY | 0x100000], 0x110000 | P | W
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov [RESULT + 16], eax
        mov dword [ENTRY], 0x60000 | P | W
        invlpg [WINDOW]
        mov dword [WINDOW + 20], 5555
        mov eax, DIRECTORY
        mov cr3, eax
        mov dword [ENTRY], 0x110000 | P | W
        in al, 0x92
        or al, 2
        out 0x92, al
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov [RESULT + 24], eax
        mov eax, [0x10000]
        mov [RESULT + 28], eax`,
  },
];
