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

export const ORIGIN = 0x100000;
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
export const ENTER_USER = `
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

export const EXIT = `
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
export const COUNT_FAULT = `
        pop edx
        mov [RESULT + 4], edx
        inc dword [RESULT]
        add dword [esp], 6
        iret
`;

/** Writes the window's frame back to its entry and returns to the instruction. */
export const MAP_ON_DEMAND = `
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
