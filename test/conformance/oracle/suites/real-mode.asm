; real-mode.asm: real mode: addresses, limits, the interrupt vector table, switches to and from protected mode.
; Intel SDM vol. 3 (rev. 325384-084), chapter 21 "8086 Emulation", section 21.1 "Real-Address Mode", and section
; 10.9 "Mode Switching".

%define SUITE_RESET real_reset
%include "harness.inc"
%include "real.inc"

CASE "segment base is the selector times 16"
        mov dword [SCRATCH + 0x34], 0x89abcdef
        REAL
        mov ax, (SCRATCH >> 4) + 1
        mov ds, ax
        mov ecx, [0x24]
        int3

CASE "each segment register, by override"
        mov dword [SCRATCH], 0x44332211
        mov dword [SCRATCH + 16], 0x88776655
        REAL
        mov ax, SCRATCH >> 4
        mov es, ax
        inc ax
        mov fs, ax
        dec ax
        mov gs, ax
        mov cl, [es:0]
        mov ch, [fs:1]
        mov dl, [gs:2]
        mov dh, [ss:SCRATCH + 3]
        int3

CASE "addresses above 1 MB are reached with A20 on"
        mov dword [0x100000], 0x31415926
        REAL
        mov ax, 0xffff
        mov ds, ax
        mov ecx, [0x10]
        int3

CASE "offset 0xffff: a byte"
        mov byte [PAGES + 0xffff], 0x5a
        REAL
        mov ax, PAGES >> 4
        mov ds, ax
        mov bx, 0xffff
        mov cl, [bx]
        int3

CASE "offset 0xffff: a word is #GP, without error code"
        REAL
        mov bx, 0xffff
        mov cx, [bx]
        int3

CASE "offset 0xfffd: a dword is #GP"
        REAL
        mov bx, 0xfffd
        mov ecx, [bx]
        int3

CASE "offset 0xffff on the stack segment is #SS"
        REAL
        mov bp, 0xffff
        mov cx, [bp]
        int3

CASE "a 16-bit effective address wraps at 64 KB"
        mov byte [SCRATCH + 0x22], 0x77
        REAL
        mov ax, SCRATCH >> 4
        mov ds, ax
        mov bx, 0xfff0
        mov si, 0x32
        mov cl, [bx + si]
        int3

CASE "a 32-bit effective address above 64 KB is #GP"
        REAL
        mov ebx, 0x10000
        mov cl, [ebx]
        int3

CASE "a 32-bit effective address below 64 KB"
        mov byte [SCRATCH + 4], 0x66
        REAL
        mov ebx, SCRATCH
        mov cl, [ebx + eax * 4]
        int3

CASE "write through CS"
        REAL
        mov word [cs:.cell - $$], 0x1234
        mov cx, [cs:.cell - $$]
        mov word [cs:.cell - $$], 0
        int3
.cell:  dw 0

CASE "push with SP 0 goes to 0xfffe"
        REAL
        mov ax, PAGES >> 4
        mov ss, ax
        xor sp, sp
        push dx
        pop cx
        push edx
        int3

CASE "push does not touch the upper half of ESP"
        REAL
        mov esp, 0x12348000
        push ax
        int3

CASE "pop with SP 0xfffe wraps to 0"
        mov word [PAGES + 0xfffe], 0x4321
        REAL
        mov ax, PAGES >> 4
        mov ss, ax
        mov sp, 0xfffe
        pop cx
        int3

CASE "call, ret, ret n"
        REAL
        push ax
        call .near
        int3
.near:  mov bx, sp
        mov cx, [bx]
        sub cx, NEAR16(.near)
        ret 2

CASE "far call and retf"
        REAL
        call CODE16:NEAR16(.far)
        int3
.far:   mov bp, sp
        mov cx, [bp + 2]
        retf

CASE "far call with 32-bit operands"
        REAL
        call dword CODE16:NEAR16(.far)
        int3
.far:   mov bp, sp
        mov ecx, [bp + 4]
        o32 retf

CASE "far jump through memory to another segment of the same code"
        REAL
        mov word [SCRATCH], NEAR16(.to) + 0x10
        mov word [SCRATCH + 2], (IMAGE >> 4) - 1
        jmp far [SCRATCH]
.to:    mov cx, cs
        int3

CASE "near jump to EIP above 64 KB is #GP"
        mov byte [IMAGE + 0x10000], 0xcc        ; for an emulator that goes there
        REAL
        mov ebx, 0x10000
        jmp ebx

CASE "near call with a 16-bit operand drops the upper half"
        REAL
        mov ebx, 0x50000 + NEAR16(.to)
        jmp bx
        int3
.to:    inc cx
        int3

CASE "int n: flags, CS, IP on the stack, IF and TF cleared"
        RESUME 0
        REAL
        push word 0x0ed7
        popf
        int 0x20

CASE "int n and iret give the flags back"
        RESUME 1 << 0x20
        REAL
        push word 0x0ed7
        popf
        int 0x20
        int3

CASE "into"
        REAL
        mov al, 0x7f
        inc al
        into
        int3

CASE "into with OF clear"
        REAL
        inc al
        into
        int3

CASE "bound is #BR at the instruction"
        mov dword [SCRATCH], 0x00030001
        REAL
        mov ax, 4
        bound ax, [SCRATCH]
        int3

CASE "divide error is a fault"
        REAL
        xor cx, cx
        div cx
        int3

CASE "an undefined opcode is #UD"
        REAL
        ud2

CASE "lock on a register is #UD"
        REAL
        db 0xf0
        inc ax

CASE "mov to cs is #UD"
        REAL
        db 0x8e, 0xc8

CASE "arpl is #UD"
        REAL
        arpl cx, ax

CASE "lar is #UD"
        REAL
        lar cx, ax

CASE "lsl is #UD"
        REAL
        lsl cx, ax

CASE "verr is #UD"
        REAL
        verr ax

CASE "sldt is #UD"
        REAL
        sldt cx

CASE "str is #UD"
        REAL
        str cx

CASE "lldt is #UD"
        REAL
        lldt cx

CASE "ltr is #UD"
        REAL
        ltr cx

CASE "smsw, and mov from cr0"
        REAL
        smsw cx
        mov edx, cr0
        int3

CASE "clts and lmsw without PE"
        REAL
        mov cx, 0x000e
        lmsw cx
        mov esi, cr0
        clts
        mov edi, cr0
        mov dx, 0
        lmsw dx
        int3

CASE "sgdt and sidt"
        REAL
        sgdt [SCRATCH]
        sidt [SCRATCH + 8]
        mov cx, [SCRATCH]
        mov edx, [SCRATCH + 2]
        mov bp, [SCRATCH + 8]
        mov esi, [SCRATCH + 10]
        int3

CASE "lgdt with 16-bit operands loads 24 bits of the base"
        mov word [SCRATCH], 0x1ff
        mov dword [SCRATCH + 2], 0x12000000 + GDT
        REAL
        lgdt [SCRATCH]
        sgdt [SCRATCH + 8]
        mov ecx, [SCRATCH + 10]
        int3

CASE "lidt moves the vector table"
        mov ecx, VECTORS
        mov esi, IVT
        mov edi, SCRATCH
        rep movsd
        mov word [SCRATCH + 0x400], 0x3ff
        mov dword [SCRATCH + 0x402], SCRATCH
        mov dword [SCRATCH + 4 * 0x21], 0
        mov eax, [SCRATCH + 4 * 0x22]
        mov [SCRATCH + 4 * 0x21], eax
        REAL
        lidt [SCRATCH + 0x400]
        int 0x21
        int3

CASE "a vector past the limit of the table is #GP"
        mov word [SCRATCH], 0x7f
        mov dword [SCRATCH + 2], IVT
        REAL
        lidt [SCRATCH]
        int 0x20
        int3

CASE "a vector past the limit of the table, and #GP past it too: #DF"
        mov word [SCRATCH], 0x27
        mov dword [SCRATCH + 2], IVT
        REAL
        lidt [SCRATCH]
        int 0x20
        int3

CASE "int with SP 4 wraps between its pushes"
        REAL
        mov sp, 4
        int 0x20

CASE "far call with SP 2 wraps between its pushes"
        REAL
        mov sp, 2
        call CODE16:NEAR16(.far)
        int3
.far:   mov cx, sp
        mov dx, [0]
        mov sp, STACK0
        int3

CASE "iretd with a 32-bit EIP above the limit is #GP"
        mov byte [IMAGE + 0x10000], 0xcc        ; for an emulator that goes there
        REAL
        push dword 2
        push dword CODE16
        push dword 0x10000
        iretd

CASE "sysenter is #GP"
        REAL
        sysenter

CASE "invlpg and wbinvd"
        REAL
        invlpg [0]
        wbinvd
        int3

CASE "popf changes IOPL and NT"
        REAL
        push word 0x7ed7
        popf
        pushf
        pop cx
        cli
        int3

CASE "popfd does not change VM, RF, VIF, VIP"
        REAL
        push dword 0x001b7002
        popfd
        pushfd
        pop ecx
        int3

CASE "popfd changes AC and ID"
        REAL
        push dword 0x00240002
        popfd
        pushfd
        pop ecx
        push dword 2
        popfd
        int3

CASE "iret with NT set does not switch tasks"
        REAL
        push word 0x4002
        popf
        push word 2
        push cs
        push word NEAR16(.to)
        iret
        ud2
.to:    int3

CASE "iretd"
        REAL
        push dword 0x00240ed7 & ~0x100
        push dword CODE16
        push dword NEAR16(.to)
        iretd
        ud2
.to:    pushfd
        pop ecx
        push dword 2
        popfd
        int3

CASE "cli and sti with IOPL 0"
        REAL
        sti
        nop
        pushf
        cli
        pushf
        pop cx
        pop dx
        int3

CASE "TF: traps through vector 1"
        REAL
        push word 0x0102
        popf
        nop
        inc cx
        int3

CASE "TF: mov ss holds the trap"
        REAL
        xor dx, dx
        push word 0x0102
        popf
        mov ss, dx
        nop
        nop
        int3

CASE "TF: int n"
        RESUME (1 << 1) | 1
        REAL
        push word 0x0102
        popf
        int 0
        nop
        int3

CASE "lds, les, lfs, lgs, lss"
        mov dword [SCRATCH], 0x12345678
        mov dword [SCRATCH + 4], 0x00008000
        REAL
        les cx, [SCRATCH]
        lfs dx, [SCRATCH]
        lgs bx, [SCRATCH]
        lss sp, [SCRATCH + 4]
        lds bp, [SCRATCH]
        int3

CASE "pop of a segment register"
        REAL
        push word 0x1357
        pop ds
        push dword 0x2468
        pop dword [ss:SCRATCH]
        o32 push es
        pop fs
        pop gs
        int3

CASE "rep movsw wraps SI and DI"
        mov dword [PAGES], 0x11112222
        mov word [PAGES + 0xfffe], 0x3333
        REAL
        mov ax, PAGES >> 4
        mov ds, ax
        mov si, 0xfffe
        mov di, SCRATCH
        mov cx, 2
        rep movsw
        mov edx, [ss:SCRATCH]
        int3

CASE "rep movsw at an odd offset faults at 0xffff with the count so far"
        REAL
        mov ax, PAGES >> 4
        mov ds, ax
        mov si, 0xfffd
        mov di, SCRATCH
        mov cx, 4
        rep movsw
        int3

CASE "loop counts CX, jecxz tests ECX"
        REAL
        mov ecx, 0x10001
.again: loop .again
        jecxz .zero
        jcxz .low
.zero:  ud2
.low:   int3

CASE "xlat and lodsb with 32-bit addresses"
        mov byte [SCRATCH + 1], 0x99
        REAL
        mov ebx, SCRATCH
        a32 xlatb
        mov esi, SCRATCH + 1
        mov dl, al
        a32 lodsb
        int3

CASE "PE set: segments keep what they hold until they are loaded"
        mov dword [SCRATCH], 0x600df00d
        REAL
        mov ax, SCRATCH >> 4
        mov ds, ax
        SET_PE
        mov ecx, [0]
        CLEAR_PE
        mov edx, [0]
        int3

CASE "PE set and cleared without a far jump: CS goes on"
        REAL
        SET_PE
        mov cx, cs
        CLEAR_PE
        mov dx, cs
        int3

CASE "PE set: a segment loaded there keeps base and limit after PE is cleared"
        mov dword [PAGES], 0x0badcafe
        REAL
        mov bx, NEAR16(real_gdt_pointer)
        o32 lgdt [cs:bx]
        SET_PE
        mov bx, DS0
        mov ds, bx
        CLEAR_PE
        mov ebx, PAGES
        mov ecx, [ebx]
        mov dx, ds
        int3

CASE "unreal: loading the register again changes the base and not the limit"
        mov dword [PAGES + 0x20], 0x0badcafe
        REAL
        SET_PE
        mov bx, DS0
        mov ds, bx
        CLEAR_PE
        mov bx, 2
        mov ds, bx
        mov ebx, PAGES
        mov ecx, [ebx]
        int3

CASE "unreal: limit of a small segment stays too"
        DESC FREE_SEL, 0x0000000f, 0x00009300
        REAL
        SET_PE
        mov bx, FREE_SEL
        mov fs, bx
        CLEAR_PE
        xor bx, bx
        mov fs, bx
        mov cl, [fs:0xf]
        mov cl, [fs:0x10]
        int3

CASE "unreal: a big stack segment uses ESP"
        REAL
        SET_PE
        mov bx, DS0
        mov ss, bx
        CLEAR_PE
        mov esp, PAGES + 0x100
        push word 0x1234
        mov ecx, esp
        mov esp, STACK0
        int3

CASE "PE cleared in a 32-bit code segment: 32-bit code goes on, after a far jump too"
        CLEAR_PE
        mov ecx, 0x12345678
        jmp CODE16:.to - $$
.to:    mov edx, 0x9abcdef0
        mov esi, cs
        SET_PE
        jmp CS0:.flat
.flat:  int3

CASE "PE cleared: selectors and bases stay until they are loaded"
        mov dword [PAGES], 0x0badcafe
        CLEAR_PE
        mov ecx, [PAGES]
        mov edx, ds
        mov esi, cs
        SET_PE
        jmp CS0:.flat
.flat:  int3

CASE "PE set with lmsw, far jump to 32-bit code, and int3 through the IDT"
        REAL
        mov bx, NEAR16(real_gdt_pointer)
        o32 lgdt [cs:bx]
        mov bx, NEAR16(idt_pointer)
        o32 lidt [cs:bx]
        smsw cx
        or cx, 1
        lmsw cx
        jmp dword CS0:.to
        bits 32
.to:    mov cx, DS0
        mov ds, cx
        mov ss, cx
        int3

CASE "lmsw does not clear PE"
        xor ecx, ecx
        lmsw cx
        smsw ecx
        int3

CASE "mov cr4 in real mode"
        REAL
        mov edx, 0x10
        mov cr4, edx
        mov ecx, cr4
        xor edx, edx
        mov cr4, edx
        int3

CASE "cpuid, bswap, cmpxchg, xadd with 32-bit operands"
        REAL
        mov eax, 0x11223344
        bswap eax
        mov [SCRATCH], eax
        mov edx, 7
        lock cmpxchg [SCRATCH], edx
        lock xadd [SCRATCH], ecx
        mov ebx, [SCRATCH]
        int3

CASE "enter and leave"
        REAL
        mov bp, 0x7fff
        enter 8, 0
        mov cx, sp
        mov dx, bp
        leave
        int3

CASE "pusha and popa"
        REAL
        pusha
        mov bx, sp
        mov dx, [bx + 6]
        popa
        pushad
        mov cx, sp
        popad
        int3

CASE "data breakpoint: linear address of segment and offset"
        mov eax, SCRATCH + 0x20
        mov dr0, eax
        mov eax, 0x000d0401
        mov dr7, eax
        REAL
        mov bx, (SCRATCH >> 4) + 1
        mov ds, bx
        mov [0x10], cl
        nop
        int3

        REAL_SUPPORT
        FINISH
