; v86.asm: virtual-8086 mode without its extensions.
; Intel SDM vol. 3 (rev. 325384-084), chapter 21 "8086 Emulation", sections 21.2 and 21.3.

%include "harness.inc"
%include "v86.inc"

%define BITMAP      TSS + 0x68
%define CR0_PG      0x80000000

V86_CASE "entered with iretd, left with int3", 0, {nop}
V86_CASE "int3 with IOPL 3", FLAG_IOPL3, {nop}
V86_CASE "selectors are bases", 0, {mov ax, ds}
V86_CASE "IOPL 0: cli", 0, {cli}
V86_CASE "IOPL 0: sti", 0, {sti}
V86_CASE "IOPL 0: pushf", 0, {pushf}
V86_CASE "IOPL 0: popf", 0, {popf}
V86_CASE "IOPL 0: pushfd", 0, {pushfd}
V86_CASE "IOPL 0: popfd", 0, {popfd}
V86_CASE "IOPL 0: int n", 0, {int 0x30}
V86_CASE "IOPL 0: iret", 0, {iret}
V86_CASE "IOPL 0: iretd", 0, {iretd}
V86_CASE "IOPL 2: cli", 0x2000, {cli}
V86_CASE "IOPL 0: into not taken", 0, {into}
V86_CASE "IOPL 3: cli", FLAG_IOPL3 | FLAG_IF, {cli}
V86_CASE "IOPL 3: sti", FLAG_IOPL3, {sti}
V86_CASE "IOPL 3: int n through a gate of DPL 3", FLAG_IOPL3, {int 0x30}
V86_CASE "IOPL 3: int n through a gate of DPL 0", FLAG_IOPL3, {int 0x20}
V86_CASE "hlt", FLAG_IOPL3, {hlt}
V86_CASE "clts", FLAG_IOPL3, {clts}
V86_CASE "lgdt", FLAG_IOPL3, {lgdt [0]}
V86_CASE "lmsw", FLAG_IOPL3, {lmsw ax}
V86_CASE "smsw is allowed", 0, {smsw dx}
V86_CASE "sgdt is allowed", 0, {sgdt [0]}
V86_CASE "mov from cr0", FLAG_IOPL3, {mov edx, cr0}
V86_CASE "mov from dr7", FLAG_IOPL3, {mov edx, dr7}
V86_CASE "rdmsr", FLAG_IOPL3, {rdmsr}
V86_CASE "invd", FLAG_IOPL3, {invd}
V86_CASE "sldt is #UD", 0, {sldt dx}
V86_CASE "str is #UD", 0, {str dx}
V86_CASE "ltr is #UD", 0, {ltr dx}
V86_CASE "lar is #UD", 0, {lar dx, ax}
V86_CASE "verw is #UD", 0, {verw dx}
V86_CASE "arpl is #UD", 0, {arpl dx, ax}
V86_CASE "ud2", 0, {ud2}
V86_CASE "mov to cs is #UD", 0, {db 0x8e, 0xc8}
V86_CASE "sysexit", FLAG_IOPL3, {sysexit}

CASE "memory: segment times 16 plus offset"
        mov dword [0x3010 + 0x22], 0x11223344
        V86 0, .to
        bits 16
.to:    mov edx, [0x22]
        mov cx, 0x302
        mov ds, cx
        mov ebx, [0x12]
        int3

CASE "segment registers take any value"
        V86 0, .to
        bits 16
.to:    mov ax, 0xffff
        mov ds, ax
        mov es, ax
        mov fs, ax
        xor ax, ax
        mov gs, ax
        int3

CASE "lds, les, lss, pop ds"
        mov dword [SCRATCH], 0x12345678
        mov dword [SCRATCH + 4], 0x00007000
        V86 0, .to
        bits 16
.to:    xor ax, ax
        mov ds, ax
        les cx, [SCRATCH]
        lfs dx, [SCRATCH]
        lss sp, [SCRATCH + 4]
        push word 0x4321
        pop ds
        int3

CASE "offset past 64 KB is #GP(0)"
        V86 0, .to
        bits 16
.to:    mov ebx, 0x10000
        mov cl, [ebx]
        int3

CASE "word at 0xffff is #GP(0)"
        V86 0, .to
        bits 16
.to:    mov bx, 0xffff
        mov cx, [bx]
        int3

CASE "stack word at 0xffff is #SS(0)"
        V86 0, .to
        bits 16
.to:    mov bp, 0xffff
        mov cx, [bp]
        int3

CASE "push and pop with SP"
        V86 0, .to
        bits 16
.to:    push ax
        push dword 0x12345678
        pop cx
        int3

CASE "far jump and far call"
        V86 0, .to
        bits 16
.to:    jmp CODE16 - 1:.next - $$ + 16
.next:  call CODE16:.far - $$
        int3
.far:   pop cx
        pop dx
        sub cx, .far - $$
        int3

CASE "far return"
        V86 0, .to
        bits 16
.to:    push word CODE16 - 2
        push word .next - $$ + 32
        retf
.next:  int3

CASE "IOPL 3: pushf and popf leave IOPL, VM is not stored"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    push word 0x4ed5
        popf
        pushf
        pop cx
        push word 0x3002
        popf
        int3

CASE "IOPL 3: pushfd and popfd"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    push dword 0x001a0002
        popfd
        pushfd
        pop ecx
        push dword 0x00240202
        popfd
        pushfd
        pop edx
        push dword 2
        popfd
        int3

CASE "IOPL 3: iret"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    push word 0x0ed7 & ~0x100
        push word CODE16 - 1
        push word .next - $$ + 16
        iret
        ud2
.next:  int3

CASE "IOPL 3: iretd, VM and IOPL stay"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    push dword 0x00200202
        push dword CODE16 - 1
        push dword .next - $$ + 16
        iretd
        ud2
.next:  int3

CASE "IOPL 3: iret with NT does not switch tasks"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    push word 0x7002
        popf
        push word 2
        push word CODE16
        push word .next - $$
        iret
        ud2
.next:  int3

CASE "int through a gate to code of DPL 3 is #GP(selector)"
        GATE 0x31, CS3 & 0xfc, stub_49, 0xee00
        V86 FLAG_IOPL3, .to
        bits 16
.to:    int 0x31

CASE "int through a gate to conforming code is #GP(selector)"
        DESC FREE_SEL, 0x0000ffff, 0x00cf9f00
        GATE 0x31, FREE_SEL, stub_49, 0xee00
        V86 FLAG_IOPL3, .to
        bits 16
.to:    int 0x31

CASE "exception from V86 to conforming code is #GP(selector + EXT)"
        DESC FREE_SEL, 0x0000ffff, 0x00cf9f00
        GATE 6, FREE_SEL, stub_6, 0x8e00
        V86 FLAG_IOPL3, .to
        bits 16
.to:    ud2

CASE "trap gate leaves IF"
        GATE 0x31, CS0, .handler, 0xef00
        V86 FLAG_IOPL3 | FLAG_IF, .to
        bits 16
.to:    int 0x31
        bits 32
.handler:
        pushfd
        pop eax
        cli
        mov ebx, ds
        mov ecx, es
        mov edx, fs
        mov esi, gs
        mov edi, ss
        int3

CASE "handler returns to V86 with iretd"
        RESUME (1 << 1) | (1 << 0x30)
        V86 FLAG_IOPL3, .to
        bits 16
.to:    int 0x30
        mov cx, ds
        int3

CASE "divide error"
        V86 0, .to
        bits 16
.to:    xor cx, cx
        div cx

CASE "bound"
        mov dword [0x3010], 0x00030001
        V86 0, .to
        bits 16
.to:    bound ax, [0]
        mov ax, 4
        bound ax, [0]

CASE "TF: steps in V86"
        V86 FLAG_TF, .to
        bits 16
.to:    nop
        inc cx
        int3

CASE "TF: set with popf"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    push word 0x3102
        popf
        nop
        mov ax, ss
        mov ss, ax
        nop
        int3

CASE "in and out: the bitmap counts, IOPL does not"
        mov word [TSS + 0x66], 0x68
        mov byte [BITMAP + 0x10], 0xfe
        V86 FLAG_IOPL3, .to
        bits 16
.to:    out 0x80, al
        out 0x81, al
        int3

CASE "in and out: without a bitmap"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    in al, 0x80
        int3

CASE "in and out: IOPL 0 and an open port"
        mov word [TSS + 0x66], 0x68
        V86 0, .to
        bits 16
.to:    out 0x80, ax
        int3

CASE "iretd at CPL 3 with VM set in the image does not enter V86"
        USER 2, .to
.to:    push dword FLAG_VM | 2
        push dword CS3
        push dword .next
        iretd
        ud2
.next:  int3

CASE "popfd at CPL 0 does not set VM"
        push dword FLAG_VM | 2
        popfd
        pushfd
        pop edx
        int3

CASE "sysenter leaves V86"
        mov ecx, 0x174
        mov eax, CS0
        xor edx, edx
        wrmsr
        inc ecx
        mov eax, STACK1
        wrmsr
        inc ecx
        mov eax, .kernel
        wrmsr
        V86 FLAG_IF, .to
        bits 16
.to:    sysenter
        bits 32
.kernel:
        pushfd
        pop edx
        mov ax, DS0
        mov ds, ax
        int3

CASE "ESP in V86: the upper half is kept"
        push dword 0
        push dword 0
        push dword 0
        push dword 0
        push dword 0
        push dword 0x12347000
        push dword FLAG_VM | 2
        push dword CODE16
        push dword .to - $$
        iretd
        bits 16
.to:    push ax
        int3

CASE "paging: a supervisor page, the U bit"
        mov dword [TABLES], (TABLES + 0x1000) | 7
        mov edi, TABLES + 0x1000
        mov eax, 7
.page:  stosd
        add eax, 0x1000
        cmp edi, TABLES + 0x2000
        jb .page
        mov dword [TABLES + 0x1000 + 4 * (SCRATCH >> 12)], SCRATCH | 3
        mov edx, TABLES
        mov cr3, edx
        mov edx, CR0_BASE | CR0_PG
        mov cr0, edx
        mov eax, 1
        mov edi, 7
        V86 0, .to
        bits 16
.to:    mov [ss:SCRATCH + 4], ax
        int3

CASE "iretd to V86 takes 16 bits of EIP"
        push dword 0
        push dword 0
        push dword 0
        push dword 0
        push dword 0
        push dword V86_STACK
        push dword FLAG_VM | 2
        push dword CODE16
        push dword 0x50000 + .to - $$
        iretd
        bits 16
.to:    inc cx
        int3

CASE "16-bit iret at CPL 0 does not enter V86"
        push word 2
        push word CS16
        push word .to - $$
        o16 iret
        bits 16
.to:    int3

CASE "far call and int with SP 2 wrap"
        V86 FLAG_IOPL3, .to
        bits 16
.to:    mov ax, SCRATCH >> 4
        mov ss, ax
        mov sp, 2
        call CODE16:.far - $$
        int3
.far:   mov cx, sp
        int3

CASE "EIP past 64 KB is #GP(0)"
        mov byte [IMAGE + 0x10000], 0xcc        ; for an emulator that goes there
        V86 0, .to
        bits 16
.to:    mov ebx, 0x10000
        jmp ebx

CASE "string instruction, wrap of SI"
        mov word [0x300f + 0xfff0], 0x1234
        V86 0, .to
        bits 16
.to:    mov si, 0xffff
        lodsb
        lodsb
        int3

CASE "32-bit operands and addresses"
        mov dword [0x3010 + 8], 0xfeedface
        V86 0, .to
        bits 16
.to:    mov ebx, 4
        mov edx, [ebx + ebx]
        movzx ecx, dx
        int3

        FINISH
