; debug.asm: single step, debug registers, #DB, DR6, RF, general detect.
; Intel SDM vol. 3 (rev. 325384-084), chapter 18 "Debug, Branch Profile, TSC...", section 18.3 "Debug Exceptions".

%include "harness.inc"

; DR7: enable bits and a field for each breakpoint, R/W 0 execute, 1 write, 3 read or write; LEN 0 1, 1 2, 3 4 bytes
%define L(n)            (1 << (2 * (n)))
%define G(n)            (2 << (2 * (n)))
%define KIND(n, rw, len) (((rw) | ((len) << 2)) << (16 + 4 * (n)))
%define EXECUTE 0
%define WRITE   1
%define IO      2
%define ACCESS  3
%define BYTE1   0
%define BYTE2   1
%define BYTE4   3

; WATCH number, address, kind, length: breakpoint `number`, enabled locally, alone
%macro WATCH 4
        mov eax, %2
        mov dr %+ %1, eax
        mov eax, 0x400 | L(%1) | KIND(%1, %3, %4)
        mov dr7, eax
%endmacro

%define CR4_DE  8

CASE "TF: each instruction traps after it has run"
        FLAGS 2 | FLAG_TF
        nop
        inc eax
        mov ebx, eax
        int3

CASE "TF: set by popfd takes effect after the next instruction"
        push dword 2 | FLAG_TF
        popfd
        nop
        nop
        int3

CASE "TF: set by iretd takes effect after the next instruction"
        push dword 2 | FLAG_TF
        push dword CS0
        push dword .to
        iretd
.to:    nop
        nop
        int3

CASE "TF: cleared by popfd, the popfd itself still traps"
        FLAGS 2 | FLAG_TF
        push dword 2
        popfd
        nop
        int3

CASE "TF: pushfd stores TF"
        FLAGS 2 | FLAG_TF
        pushfd
        pop edx
        int3

CASE "TF: mov ss holds the trap until after the next instruction"
        mov dx, ss
        FLAGS 2 | FLAG_TF
        mov ss, dx
        nop
        nop
        int3

CASE "TF: pop ss holds the trap until after the next instruction"
        push ss
        FLAGS 2 | FLAG_TF
        pop ss
        nop
        nop
        int3

CASE "TF: mov ds does not hold it"
        mov dx, ds
        FLAGS 2 | FLAG_TF
        mov ds, dx
        nop
        int3

CASE "TF: sti does not hold it"
        FLAGS 2 | FLAG_TF
        sti
        nop
        cli
        int3

CASE "TF: rep movsb traps after each iteration"
        mov esi, SCRATCH
        mov edi, SCRATCH + 0x10
        mov ecx, 3
        FLAGS 2 | FLAG_TF
        rep movsb
        nop
        int3

CASE "TF: rep with count 0 traps once"
        xor ecx, ecx
        FLAGS 2 | FLAG_TF
        rep stosb
        nop
        int3

CASE "TF: repe cmpsb stops at the first difference"
        mov dword [SCRATCH], 0x00020101
        mov dword [SCRATCH + 16], 0x00030101
        mov esi, SCRATCH
        mov edi, SCRATCH + 16
        mov ecx, 4
        FLAGS 2 | FLAG_TF
        repe cmpsb
        nop
        int3

CASE "TF: int n is not stepped into, the handler runs without TF"
        RESUME (1 << 1) | (1 << 0x30)
        FLAGS 2 | FLAG_TF
        int 0x30
        nop
        int3

CASE "TF: int3 clears TF, no trap after it"
        FLAGS 2 | FLAG_TF
        int3

CASE "TF: a faulting instruction gives its fault, not #DB"
        FLAGS 2 | FLAG_TF
        ud2

CASE "TF: a fault that is resumed is stepped when it runs again"
        RESUME (1 << 1) | (1 << 13)
        DESC FREE_SEL, 0x0000ffff, 0x00cf9300
        mov word [GDT + FREE_SEL + 4], 0x1300
        mov dx, FREE_SEL
        FLAGS 2 | FLAG_TF
        cli
        int3

CASE "TF: taken jump"
        FLAGS 2 | FLAG_TF
        jmp short .to
        nop
.to:    nop
        int3

CASE "TF: conditional jump not taken"
        FLAGS 2 | FLAG_TF
        jz .to
        nop
.to:    int3

CASE "TF: call and ret"
        FLAGS 2 | FLAG_TF
        call .to
        int3
.to:    ret

CASE "TF: loop"
        mov ecx, 2
        FLAGS 2 | FLAG_TF
.again: loop .again
        int3

CASE "TF: far jump"
        FLAGS 2 | FLAG_TF
        jmp CS0:.to
.to:    nop
        int3

CASE "TF: at CPL 3"
        USER 2 | FLAG_TF, .to
.to:    nop
        inc ecx
        int3

CASE "TF: int at CPL 3 through the TSS"
        RESUME (1 << 1) | (1 << 0x30)
        USER 2 | FLAG_TF, .to
.to:    int 0x30
        nop
        int3

CASE "TF: mov from cr"
        FLAGS 2 | FLAG_TF
        mov edx, cr2
        mov eax, 1
        int3

CASE "TF: call gate inward steps the first instruction at CPL 0"
        mov word [GDT + FREE_SEL], .gate - $$
        mov word [GDT + FREE_SEL + 2], CS0
        mov word [GDT + FREE_SEL + 4], 0xec00
        mov word [GDT + FREE_SEL + 6], IMAGE >> 16
        USER 2 | FLAG_TF, .to
.to:    call (FREE_SEL | 3):0
        nop
.gate:  nop
        int3

CASE "TF: interrupt gate clears TF and pushes it set"
        RESUME 1 << 1
        FLAGS 2 | FLAG_TF
        int 0x31

CASE "TF: into not taken traps"
        FLAGS 2 | FLAG_TF
        into
        nop
        int3

CASE "DR6 is sticky: bits stay until software clears them"
        mov dword [keep_dr6], 1
        FLAGS 2 | FLAG_TF
        nop
        FLAGS 2
        WATCH 0, SCRATCH, WRITE, BYTE1
        mov byte [SCRATCH], 1
        int3

CASE "DR6 and DR7: bits that do not exist"
        xor eax, eax
        mov dr6, eax
        mov ecx, dr6
        mov eax, 0xffffffff
        mov dr6, eax
        mov edx, dr6
        xor eax, eax
        mov dr7, eax
        mov ebx, dr7
        mov eax, 0xffffd0ff & ~0x2000
        mov dr7, eax
        mov esi, dr7
        xor eax, eax
        mov dr7, eax
        mov edi, 0xffff0ff0
        mov dr6, edi
        int3

CASE "DR4 and DR5 are DR6 and DR7 without CR4.DE"
        mov eax, 0x0000400f
        mov dr4, eax
        mov ecx, dr6
        mov edx, dr5
        int3

CASE "DR4 is #UD with CR4.DE"
        mov eax, CR4_DE
        mov cr4, eax
        mov eax, dr4
        int3

CASE "write of DR5 is #UD with CR4.DE"
        mov eax, CR4_DE
        mov cr4, eax
        mov dr5, eax
        int3

CASE "DR0 to DR3 hold what is written"
        mov eax, 0x12345678
        mov dr0, eax
        inc eax
        mov dr1, eax
        inc eax
        mov dr2, eax
        inc eax
        mov dr3, eax
        mov eax, dr3
        mov ecx, dr2
        mov edx, dr1
        mov ebx, dr0
        int3

CASE "mov from dr at CPL 3 is #GP(0)"
        USER 2, .to
.to:    mov eax, dr0
        int3

CASE "mov to dr at CPL 3 is #GP(0)"
        USER 2, .to
.to:    mov dr7, eax
        int3

CASE "general detect: mov dr with GD is #DB before it runs, BD set, GD cleared"
        mov eax, 0x2400
        mov dr7, eax
        mov edx, 0x1234
        mov dr0, edx
        int3

CASE "general detect: a read of DR7 too"
        mov eax, 0x2400
        mov dr7, eax
        mov edx, dr7
        int3

CASE "write watch: byte written traps after the instruction"
        WATCH 0, SCRATCH, WRITE, BYTE1
        mov byte [SCRATCH], 5
        nop
        int3

CASE "write watch: a read does not trap"
        WATCH 0, SCRATCH, WRITE, BYTE1
        mov cl, [SCRATCH]
        nop
        int3

CASE "access watch: a read traps"
        WATCH 1, SCRATCH, ACCESS, BYTE1
        mov cl, [SCRATCH]
        nop
        int3

CASE "access watch: a write traps"
        WATCH 2, SCRATCH, ACCESS, BYTE1
        mov [SCRATCH], cl
        nop
        int3

CASE "access watch: an instruction fetch does not trap"
        WATCH 2, .to, ACCESS, BYTE1
        nop
.to:    nop
        int3

CASE "watch of 4: a byte inside it"
        WATCH 3, SCRATCH, WRITE, BYTE4
        mov [SCRATCH + 3], cl
        nop
        int3

CASE "watch of 4: a byte past it"
        WATCH 3, SCRATCH, WRITE, BYTE4
        mov [SCRATCH + 4], cl
        nop
        int3

CASE "watch of 4: a dword that begins before it"
        WATCH 3, SCRATCH + 4, WRITE, BYTE4
        mov [SCRATCH + 1], ecx
        nop
        int3

CASE "watch of 4: a dword that ends before it"
        WATCH 3, SCRATCH + 4, WRITE, BYTE4
        mov [SCRATCH], ecx
        nop
        int3

CASE "watch of 2: next byte is outside"
        WATCH 0, SCRATCH, WRITE, BYTE2
        mov [SCRATCH + 2], cl
        nop
        int3

CASE "watch: global enable"
        mov eax, SCRATCH
        mov dr1, eax
        mov eax, 0x400 | G(1) | KIND(1, WRITE, BYTE4)
        mov dr7, eax
        mov [SCRATCH], ecx
        int3

CASE "watch: disabled breakpoint does not trap"
        mov eax, SCRATCH
        mov dr1, eax
        mov eax, 0x400 | KIND(1, WRITE, BYTE4)
        mov dr7, eax
        mov [SCRATCH], ecx
        int3

CASE "watch: two breakpoints on one access"
        mov eax, SCRATCH
        mov dr1, eax
        mov dr3, eax
        mov eax, 0x400 | L(1) | G(3) | KIND(1, WRITE, BYTE4) | KIND(3, ACCESS, BYTE4)
        mov dr7, eax
        mov [SCRATCH], ecx
        int3

CASE "watch: push and pop"
        WATCH 0, STACK3 - 4, ACCESS, BYTE4
        USER 2, .to
.to:    push eax
        nop
        pop eax
        nop
        int3

CASE "watch: read and write in one instruction trap once"
        WATCH 0, SCRATCH, ACCESS, BYTE4
        inc dword [SCRATCH]
        nop
        int3

CASE "watch: rep movsb traps at the iteration that touches it"
        mov esi, SCRATCH
        mov edi, SCRATCH + 0x10
        WATCH 0, SCRATCH + 0x11, WRITE, BYTE1
        mov ecx, 4
        rep movsb
        nop
        int3

CASE "watch and TF: one #DB with both bits"
        WATCH 0, SCRATCH, WRITE, BYTE4
        FLAGS 2 | FLAG_TF
        mov [SCRATCH], ecx
        int3

CASE "watch: mov ss holds its own data breakpoint back until after the next instruction"
        mov word [SCRATCH], DS0
        WATCH 0, SCRATCH, ACCESS, BYTE2
        mov ss, [SCRATCH]
        nop
        nop
        int3

CASE "watch: at CPL 3"
        WATCH 0, SCRATCH, WRITE, BYTE4
        USER 2, .to
.to:    mov [SCRATCH], ecx
        nop
        int3

CASE "execute breakpoint: #DB before the instruction"
        mov dword [resume_or], FLAG_RF
        WATCH 0, .to, EXECUTE, BYTE1
        nop
.to:    inc ecx
        nop
        int3

CASE "execute breakpoint: RF suppresses it for one instruction"
        WATCH 0, .to, EXECUTE, BYTE1
        push dword 2 | FLAG_RF
        push dword CS0
        push dword .to
        iretd
.to:    inc ecx
        int3

CASE "execute breakpoint: RF is clear after one instruction"
        mov dword [resume_or], FLAG_RF
        WATCH 0, .to, EXECUTE, BYTE1
        push dword 2 | FLAG_RF
        push dword CS0
        push dword .before
        iretd
.before:
        nop
.to:    inc ecx
        int3

CASE "execute breakpoint: popfd does not set RF"
        mov dword [resume_or], FLAG_RF
        WATCH 0, .to, EXECUTE, BYTE1
        push dword 2 | FLAG_RF
        popfd
.to:    inc ecx
        int3

CASE "execute breakpoint: on the second byte of an instruction does not trap"
        WATCH 0, .to + 1, EXECUTE, BYTE1
        nop
.to:    mov ecx, 0x90909090
        int3

CASE "execute breakpoint: on a prefix, the instruction's first byte"
        mov dword [resume_or], FLAG_RF
        WATCH 0, .to, EXECUTE, BYTE1
        nop
.to:    lock inc dword [SCRATCH]
        int3

CASE "execute breakpoint: after mov ss is not seen"
        mov dx, ss
        mov dword [resume_or], FLAG_RF
        WATCH 0, .to, EXECUTE, BYTE1
        mov ss, dx
.to:    nop
        nop
        int3

CASE "execute breakpoint with the trap of the instruction before"
        mov dword [resume_or], FLAG_RF
        WATCH 0, .to, EXECUTE, BYTE1
        FLAGS 2 | FLAG_TF
        nop
.to:    inc ecx
        int3

CASE "execute breakpoint comes before the instruction's own fault"
        mov dword [resume_or], FLAG_RF
        WATCH 0, .to, EXECUTE, BYTE1
.to:    ud2

CASE "execute breakpoint at a jump target"
        mov dword [resume_or], FLAG_RF
        WATCH 2, .to, EXECUTE, BYTE1
        jmp .to
        nop
.to:    inc ecx
        int3

CASE "execute breakpoint in a loop: once each time round"
        mov dword [resume_or], FLAG_RF
        WATCH 2, .to, EXECUTE, BYTE1
        mov ecx, 3
.to:    nop
        loop .to
        int3

CASE "execute breakpoint: rep movsb once, not for each iteration"
        mov dword [resume_or], FLAG_RF
        WATCH 2, .to, EXECUTE, BYTE1
        mov esi, SCRATCH
        mov edi, SCRATCH + 16
        mov ecx, 3
.to:    rep movsb
        int3

CASE "RF is set in the flags that a fault pushes"
        RESUME 0
        ud2

CASE "RF is clear in the flags that int n pushes"
        RESUME 0
        int 0x31

CASE "RF is clear in the flags that #DB after a step pushes"
        RESUME 0
        FLAGS 2 | FLAG_TF
        nop

CASE "RF is set in the flags of #GP"
        RESUME 0
        mov ax, 0xfff8
        mov ds, ax

CASE "pushfd stores RF and VM as 0"
        push dword 2 | FLAG_RF
        push dword CS0
        push dword .to
        iretd
.to:    pushfd
        pop edx
        int3

CASE "ICEBP is #DB, a trap with DPL ignored"
        RESUME 0
        USER 2, .to
.to:    db 0xf1
        nop

CASE "ICEBP in a step"
        FLAGS 2 | FLAG_TF
        db 0xf1
        nop
        int3

CASE "I/O breakpoint with CR4.DE: out"
        mov eax, CR4_DE
        mov cr4, eax
        WATCH 0, 0x80, IO, BYTE1
        out 0x80, al
        nop
        int3

CASE "I/O breakpoint with CR4.DE: in of another port"
        mov eax, CR4_DE
        mov cr4, eax
        WATCH 0, 0x80, IO, BYTE1
        in al, 0x84
        mov al, 0
        int3

CASE "I/O breakpoint with CR4.DE: range of 4"
        mov eax, CR4_DE
        mov cr4, eax
        WATCH 0, 0x80, IO, BYTE4
        out 0x83, al
        nop
        int3

        FINISH
