; alignment.asm: #AC, with CR0.AM and EFLAGS.AC at CPL 3.
; Intel SDM vol. 3 (rev. 325384-084), section 6.15, "Interrupt 17-Alignment Check Exception (#AC)".

%include "harness.inc"

%define CR0_AM      0x00040000
%define AT(n)       SCRATCH + (n)

; name, instruction at CPL 3 with AM and AC
%macro AC_CASE 2
CASE %1
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        mov edx, SCRATCH
        USER 2 | FLAG_AC, %%to
%%to:   %2
        int3
%endmacro

AC_CASE "word at 1: read", {mov cx, [AT(1)]}
AC_CASE "word at 2: read", {mov cx, [AT(2)]}
AC_CASE "word at 3: write", {mov [AT(3)], cx}
AC_CASE "dword at 1: read", {mov ecx, [AT(1)]}
AC_CASE "dword at 2: read", {mov ecx, [AT(2)]}
AC_CASE "dword at 3: write", {mov [AT(3)], ecx}
AC_CASE "dword at 4", {mov [AT(4)], ecx}
AC_CASE "byte at 1", {mov [AT(1)], cl}
AC_CASE "read and write", {inc dword [AT(2)]}
AC_CASE "locked", {lock inc word [AT(1)]}
AC_CASE "xchg", {xchg [AT(1)], ecx}
AC_CASE "cmpxchg8b at 4", {cmpxchg8b [AT(4)]}
AC_CASE "cmpxchg8b at 8", {cmpxchg8b [AT(8)]}
AC_CASE "bt with an offset", {bt dword [AT(1)], 5}
AC_CASE "movzx of a word", {movzx ecx, word [AT(1)]}
AC_CASE "lea", {lea ecx, [AT(1)]}
AC_CASE "lods", {lodsd}
AC_CASE "segment register from memory at 1", {mov es, [AT(1)]}
AC_CASE "segment register to memory at 1", {mov [AT(1)], es}
AC_CASE "sgdt at 1", {sgdt [AT(1)]}
AC_CASE "sgdt at 2", {sgdt [AT(2)]}
AC_CASE "sgdt at 4", {sgdt [AT(4)]}
AC_CASE "sldt at 1", {sldt [AT(1)]}
AC_CASE "smsw at 1", {smsw [AT(1)]}
AC_CASE "bound at 2, dwords", {bound ecx, [AT(2)]}
AC_CASE "les at 2", {les ecx, [AT(2)]}
AC_CASE "jump through memory at 2", {jmp [AT(2)]}
AC_CASE "call through memory at 2", {call [AT(2)]}
AC_CASE "far jump through memory at 2", {jmp far [AT(2)]}
AC_CASE "prefetch at 1", {db 0x0f, 0x18, 0x4a, 0x01}

CASE "stack: push with ESP at 2"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    sub esp, 2
        push eax
        int3

CASE "stack: word push with ESP at 2"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    sub esp, 2
        push ax
        int3

CASE "stack: push after a word push"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    push ax
        push eax
        int3

CASE "stack: popad with ESP at 2"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    sub esp, 34
        popad
        int3

CASE "stack: call with ESP at 1"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    dec esp
        call .to
        int3

CASE "stack: iretd with ESP at 2"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    sub esp, 14
        iretd

CASE "stack: retf with ESP at 2"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    sub esp, 14
        retf

CASE "stack: far call with ESP at 2"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    sub esp, 14
        call CS3:.on
.on:    int3

CASE "stack: int n is delivered to the inner stack, unchecked"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        mov dword [TSS + 4], STACK_INT - 2
        USER 2 | FLAG_AC, .to
.to:    sub esp, 14
        int 0x30

CASE "stack: call gate at CPL 3, inner stack unaligned"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        mov word [GDT + FREE_SEL], .gate - $$
        mov word [GDT + FREE_SEL + 2], CS0
        mov word [GDT + FREE_SEL + 4], 0xec01
        mov word [GDT + FREE_SEL + 6], IMAGE >> 16
        mov dword [TSS + 4], STACK_INT - 2
        USER 2 | FLAG_AC, .to
.to:    call (FREE_SEL | 3):0
.gate:  int3

CASE "stack: enter"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    mov ebp, SCRATCH + 0x102
        enter 0, 2
        int3

CASE "movsd: source aligned, destination not"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    mov esi, AT(0)
        mov edi, AT(0x102)
        mov ecx, 3
        rep movsd
        int3

CASE "rep stosw in 2-byte steps from an odd address"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    mov edi, AT(1)
        mov ecx, 3
        rep stosw
        int3

CASE "alignment is that of the linear address"
        DESC FREE_SEL, 0x0001ffff, 0x00cff300
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC, .to
.to:    mov dx, FREE_SEL | 3
        mov es, dx
        mov ecx, [es:AT(3)]
        mov ecx, [es:AT(4)]
        int3

CASE "no #AC without CR0.AM"
        USER 2 | FLAG_AC, .to
.to:    mov ecx, [AT(1)]
        int3

CASE "no #AC without EFLAGS.AC"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2, .to
.to:    mov ecx, [AT(1)]
        int3

CASE "no #AC at CPL 0"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        FLAGS 2 | FLAG_AC
        mov ecx, [AT(1)]
        int3

CASE "no #AC at CPL 1"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        push dword DS1
        push dword STACK1
        push dword 2 | FLAG_AC
        push dword CS1
        push dword .to
        iretd
.to:    mov ecx, [ss:AT(1)]
        int3

CASE "AC set with popfd counts from the next instruction"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2, .to
.to:    push dword 2 | FLAG_AC
        popfd
        mov ecx, [AT(2)]
        int3

CASE "descriptor reads of the processor are not checked"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        mov esi, GDT
        mov edi, SCRATCH + 1
        mov ecx, 0x80
        rep movsd
        mov word [SCRATCH + 0x800], 0x1ff
        mov dword [SCRATCH + 0x802], SCRATCH + 1
        lgdt [SCRATCH + 0x800]
        USER 2 | FLAG_AC, .to
.to:    mov dx, DS3
        mov es, dx
        int3

CASE "TF: the step before is delivered, the misaligned one faults"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        USER 2 | FLAG_AC | FLAG_TF, .to
.to:    mov cx, [AT(2)]
        mov cx, [AT(3)]
        int3

CASE "V86 is CPL 3"
        mov edx, CR0_BASE | CR0_AM
        mov cr0, edx
        push dword 0
        push dword 0
        push dword 0
        push dword 0x300
        push dword 0
        push dword 0x7000
        push dword FLAG_VM | FLAG_AC | 2
        push dword IMAGE >> 4
        push dword .to - $$
        iretd
        bits 16
.to:    mov cx, [2]
        mov cx, [3]
        int3

        FINISH
