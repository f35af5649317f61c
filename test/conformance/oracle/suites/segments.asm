; segments.asm: loads of segment registers, the LDT, descriptor queries, far transfers within a level and outwards,
; limits of stacks that events are delivered on, I/O permissions, and 16-bit code in protected mode.
; Intel SDM vol. 3 (rev. 325384-084), chapters 3 "Protected-Mode Memory Management" and 5 "Protection"; vol. 2 for the
; instructions.

%include "harness.inc"

%define OTHER_SEL   FREE_SEL + 8
%define LDT_FIRST   0x0c                ; selector of the second entry of the LDT
%define BITMAP      TSS + 0x68

; name, descriptor's words, segment register: a load that is refused, or not
%macro LOAD 4
CASE %1
        DESC FREE_SEL, %2, %3
        DUMP GDT + FREE_SEL + 5, 1
        mov dx, FREE_SEL
        mov %4, dx
        int3
%endmacro

; the same at CPL 3 with RPL 3
%macro LOAD3 4
CASE %1
        DESC FREE_SEL, %2, %3
        DUMP GDT + FREE_SEL + 5, 1
        USER 2, %%to
%%to:   mov dx, FREE_SEL | 3
        mov %4, dx
        int3
%endmacro

; name, instruction: ECX gets a bit for each system type of DPL 3 for which the instruction sets ZF
%macro TYPES 2
CASE %1
        xor ecx, ecx
        xor edi, edi
        mov dword [GDT + FREE_SEL], 0x0001ffff
%%next: mov eax, edi
        shl eax, 8
        or eax, 0x0000e000
        mov [GDT + FREE_SEL + 4], eax
        mov eax, FREE_SEL
        %2
        jnz %%no
        bts ecx, edi
%%no:   inc edi
        cmp edi, 16
        jb %%next
        xor eax, eax
        int3
%endmacro

; name, descriptor's words, selector: ECX gets what LAR and LSL give and VERR and VERW say
%macro QUERY 4
CASE %1
        DESC FREE_SEL, %2, %3
        mov edx, %4
        mov ebx, 0
        mov ebp, 0x77
        mov esi, 0x88
        lar ebp, edx
        setz bl
        and ebp, 0xfff0ffff             ; the limit's bits are undefined
        lsl esi, edx
        setz bh
        verr dx
        setz al
        verw dx
        setz ah
        shl ebx, 16
        mov bx, ax
        xor ecx, ecx
        int3
%endmacro

TYPES "lar: system types", {lar edx, eax}
TYPES "lsl: system types", {lsl edx, eax}
TYPES "verr: system types", {verr ax}
TYPES "verw: system types", {verw ax}
QUERY "queries: data, granular", 0x1234ffff, 0x12cf9256, FREE_SEL
QUERY "queries: data, bytes, read-only", 0x1234abcd, 0x12579056, FREE_SEL
QUERY "queries: execute-only code", 0x0000ffff, 0x00cf9900, FREE_SEL
QUERY "queries: code that may be read", 0x0000ffff, 0x00cf9b00, FREE_SEL
QUERY "queries: not present", 0x0000ffff, 0x00cf1300, FREE_SEL
QUERY "queries: RPL above DPL", 0x0000ffff, 0x00cf9300, FREE_SEL | 1
QUERY "queries: RPL above DPL of conforming code", 0x0000ffff, 0x00cf9f00, FREE_SEL | 3
QUERY "queries: expand-down", 0x0000ffff, 0x00cf9700, FREE_SEL
QUERY "queries: the null selector", 0, 0, 3
QUERY "queries: past the table", 0, 0, 0x0ff8
QUERY "queries: LDT selector with no LDT", 0, 0, 0x0c

CASE "queries at CPL 3 of DPL 0"
        USER 2, .to
.to:    mov ecx, 0x11
        mov edx, DS0
        lar ecx, edx
        setz bl
        lsl ecx, edx
        setz bh
        verr dx
        setz al
        int3

CASE "lar and lsl with 16-bit operands"
        DESC FREE_SEL, 0x1234ffff, 0x12cf9256
        mov ecx, 0xffffffff
        mov esi, 0xffffffff
        mov dx, FREE_SEL
        lar cx, dx
        lsl si, dx
        int3

CASE "arpl: raises, and leaves"
        mov cx, 0x1230
        mov dx, 0x0003
        arpl cx, dx
        setz al
        mov si, 0x1233
        mov di, 0x0001
        arpl si, di
        setz ah
        mov [SCRATCH], word 0x40
        mov bx, 2
        arpl [SCRATCH], bx
        mov bp, [SCRATCH]
        int3

LOAD "data register: data, the accessed bit is set", 0x0000ffff, 0x00cf9200, es
LOAD "data register: read-only data", 0x0000ffff, 0x00cf9000, es
LOAD "data register: execute-only code is #GP(it)", 0x0000ffff, 0x00cf9800, es
LOAD "data register: readable code", 0x0000ffff, 0x00cf9a00, es
LOAD "data register: system descriptor is #GP(it)", 0x0000ffff, 0x00008200, es
LOAD "data register: not present is #NP(it)", 0x0000ffff, 0x00cf1200, es
LOAD "stack register: read-only data is #GP(it)", 0x0000ffff, 0x00cf9000, ss
LOAD "stack register: code is #GP(it)", 0x0000ffff, 0x00cf9a00, ss
LOAD "stack register: DPL 3 at CPL 0 is #GP(it)", 0x0000ffff, 0x00cff200, ss
LOAD "stack register: not present is #SS(it)", 0x0000ffff, 0x00cf1200, ss
LOAD3 "CPL 3: data of DPL 3", 0x0000ffff, 0x00cff200, es
LOAD3 "CPL 3: data of DPL 2 is #GP(it)", 0x0000ffff, 0x00cfd200, es
LOAD3 "CPL 3: conforming code of DPL 0", 0x0000ffff, 0x00cf9e00, es
LOAD3 "CPL 3: code of DPL 0 is #GP(it)", 0x0000ffff, 0x00cf9a00, es
LOAD3 "CPL 3: stack of DPL 0 is #GP(it)", 0x0000ffff, 0x00cf9200, ss

CASE "stack register: the null selector is #GP(0)"
        xor edx, edx
        mov ss, dx
        int3

CASE "stack register: RPL 1 at CPL 0 is #GP(it)"
        mov dx, DS0 | 1
        mov ss, dx
        int3

CASE "data register: RPL 3 on data of DPL 0 is #GP(it)"
        mov dx, DS0 | 3
        mov es, dx
        int3

CASE "les that is refused changes neither register"
        mov dword [SCRATCH], 0x12345678
        mov word [SCRATCH + 4], 0x0ff8
        les ecx, [SCRATCH]
        int3

CASE "pop of a segment that is refused leaves ESP"
        push dword 0x0ff8
        pop es
        int3

CASE "LDT: load, use, lldt of null, use"
        mov dword [LDT + 8], (SCRATCH << 16) | 0xff
        mov dword [LDT + 12], 0x00009200
        mov dword [SCRATCH + 0x20], 0x89abcdef
        mov dx, LDT_SEL
        lldt dx
        mov dx, LDT_FIRST
        mov es, dx
        mov ecx, [es:0x20]
        xor edx, edx
        lldt dx
        mov ebx, [es:0x20]
        mov dx, LDT_FIRST
        mov fs, dx
        int3

CASE "LDT: past its limit is #GP(it)"
        mov dx, LDT_SEL
        lldt dx
        mov dx, 0x44
        mov es, dx
        int3

CASE "lldt of something else is #GP(it)"
        mov dx, TSS_B_SEL
        lldt dx
        int3

CASE "lldt of an LDT in the LDT is #GP(it)"
        mov dx, LDT_SEL
        lldt dx
        mov dx, LDT_FIRST
        lldt dx
        int3

CASE "lldt of an LDT that is not present is #NP(it)"
        and byte [GDT + LDT_SEL + 5], 0x7f
        mov dx, LDT_SEL
        lldt dx
        int3

CASE "ltr of null is #GP(0)"
        xor edx, edx
        ltr dx
        int3

CASE "far jump to the null selector is #GP(0)"
        jmp 3:0
        int3

CASE "far jump to data is #GP(it)"
        jmp DS0:0
        int3

CASE "far jump past the table is #GP(it)"
        jmp 0x0ff8:0
        int3

CASE "far jump to code that is not present is #NP(it)"
        DESC FREE_SEL, 0x0000ffff, 0x00cf1a00
        jmp FREE_SEL:.to
.to:    int3

CASE "far jump to code of DPL 3 is #GP(it)"
        jmp CS3:.to
.to:    int3

CASE "far jump with RPL 3 at CPL 0 is #GP(it)"
        jmp (CS0 | 3):.to
.to:    int3

CASE "far jump to conforming code of DPL 3 at CPL 0 is #GP(it)"
        DESC FREE_SEL, 0x0000ffff, 0x00cffe00
        jmp FREE_SEL:.to
.to:    int3

CASE "far jump to conforming code: RPL of CS is CPL"
        DESC FREE_SEL, 0x0000ffff, 0x00cf9e00
        DUMP GDT + FREE_SEL + 5, 1
        jmp (FREE_SEL | 3):.to
.to:    mov ecx, cs
        int3

CASE "far jump to an LDT descriptor is #GP(it)"
        jmp LDT_SEL:0
        int3

CASE "far jump past the limit is #GP(0)"
        DESC FREE_SEL, 0x00000fff, 0x00409a00
        jmp FREE_SEL:0x1000
        int3

CASE "far jump with 16-bit operand drops the upper half"
        mov dword [SCRATCH], .to - $$
        mov word [SCRATCH + 2], CS16
        jmp far word [SCRATCH]
        bits 16
.to:    mov cx, cs
        int3

CASE "retf to conforming code of DPL 3 with RPL 3, outwards"
        DESC FREE_SEL, 0x0000ffff, 0x00cffe00
        push dword DS3
        push dword STACK3
        push dword FREE_SEL | 3
        push dword .to
        retf
.to:    mov ecx, cs
        int3

CASE "retf outwards: stack selector null is #GP(0)"
        push dword 0
        push dword STACK3
        push dword CS3
        push dword .to
        retf
.to:    int3

CASE "retf outwards: stack not present is #SS(it)"
        DESC FREE_SEL, 0x0000ffff, 0x00cf7200
        push dword FREE_SEL | 3
        push dword STACK3
        push dword CS3
        push dword .to
        retf
.to:    int3

CASE "retf: code of DPL 0 with RPL 3 is #GP(it)"
        push dword DS3
        push dword STACK3
        push dword CS0 | 3
        push dword .to
        retf
.to:    int3

CASE "retf: to data is #GP(it)"
        push dword DS0
        push dword .to
        retf
.to:    int3

CASE "retf: offset past the limit is #GP(0)"
        DESC FREE_SEL, 0x00000fff, 0x00409a00
        push dword FREE_SEL
        push dword 0x1000
        retf
        int3

CASE "16-bit retf n to CPL 3"
        push word DS3
        push word STACK3
        push word 0x55
        push word CS16_3
        push word .to - $$
        o16 retf 2
        bits 16
.to:    int3

CASE "16-bit iret to CPL 3 leaves the upper half of EFLAGS"
        FLAGS 0x00200002
        push word DS3
        push word STACK3
        push word 0x0002
        push word CS16_3
        push word .to - $$
        o16 iret
        bits 16
.to:    int3

CASE "iretd at CPL 3 changes neither IF nor IOPL"
        USER 2 | FLAG_IF, .to
.to:    push dword 0x3002
        push dword CS3
        push dword .next
        iretd
.next:  int3

CASE "popfd at CPL 1 with IOPL 1 changes IF, not IOPL"
        push dword DS1
        push dword STACK1
        push dword 0x1002
        push dword CS1
        push dword .to
        iretd
.to:    push dword 0x3202
        popfd
        int3

CASE "cli at CPL 2 with IOPL 1 is #GP(0)"
        push dword DS2
        push dword STACK1
        push dword 0x1002
        push dword CS2
        push dword .to
        iretd
.to:    cli
        int3

CASE "inner stack without room: int is #SS(it)"
        GATE 0x31, CS1, stub_49, 0xee00
        DESC FREE_SEL, 0xb000000f, 0x0040b200
        mov dword [TSS + 12], 0x10
        mov word [TSS + 16], FREE_SEL | 1
        USER 2, .to
.to:    int 0x31
        int3

CASE "inner stack without room: an exception is #SS(it + EXT)"
        GATE 6, CS1, stub_6, 0x8e00
        DESC FREE_SEL, 0xb000000f, 0x0040b200
        mov dword [TSS + 12], 0x10
        mov word [TSS + 16], FREE_SEL | 1
        USER 2, .to
.to:    ud2

CASE "inner stack without room: call gate is #SS(it)"
        mov word [GDT + OTHER_SEL], (.gate - $$) & 0xffff
        mov word [GDT + OTHER_SEL + 2], CS1
        mov word [GDT + OTHER_SEL + 4], 0xec01
        mov word [GDT + OTHER_SEL + 6], IMAGE >> 16
        DESC FREE_SEL, 0xb000000f, 0x0040b200
        mov dword [TSS + 12], 0x10
        mov word [TSS + 16], FREE_SEL | 1
        USER 2, .to
.to:    call (OTHER_SEL | 3):0
.gate:  int3

CASE "inner stack with just enough room"
        GATE 0x31, CS1, .gate, 0xee00
        DESC FREE_SEL, 0xb0000013, 0x0040b200
        DUMP 0xb004, 12
        mov dword [TSS + 12], 0x14
        mov word [TSS + 16], FREE_SEL | 1
        USER 2, .to
.to:    int 0x31
        int3
.gate:  mov ecx, esp
        mov edx, DS1
        mov ss, dx
        mov esp, STACK1
        int3

CASE "inner stack that expands down"
        GATE 0x31, CS1, .gate, 0xee00
        DESC FREE_SEL, 0x0000afff, 0x0040b600
        mov dword [TSS + 12], 0xb014
        mov word [TSS + 16], FREE_SEL | 1
        USER 2, .to
.to:    int 0x31
        int3
.gate:  mov ecx, esp
        mov edx, DS1
        mov ss, dx
        mov esp, STACK1
        int3

CASE "inner stack that expands down, full: #SS(it)"
        GATE 0x31, CS1, stub_49, 0xee00
        DESC FREE_SEL, 0x0000afff, 0x0040b600
        mov dword [TSS + 12], 0xb010
        mov word [TSS + 16], FREE_SEL | 1
        USER 2, .to
.to:    int 0x31
        int3

CASE "int on a 16-bit stack wraps from 0 to the top"
        GATE 0x31, CS0, .gate, 0xee00
        mov dx, DS16
        mov ss, dx
        xor esp, esp
        DUMP 0xfff8, 4
        int 0x31
        int3
.gate:  mov ecx, esp
        mov esp, STACK0
        int3

CASE "a TSS too short for the inner stack is #TS(TSS)"
        mov dword [TSS_B + 4], STACK_INT
        mov dword [TSS_B + 8], DS0
        mov word [GDT + TSS_B_SEL], 0x0f
        GATE 0x31, CS1, stub_49, 0xee00
        mov dx, TSS_B_SEL
        ltr dx
        USER 2, .to
.to:    int 0x31
        int3

CASE "inner stack of a 16-bit TSS"
        mov word [TSS_C + 2], STACK_INT
        mov word [TSS_C + 4], DS0
        mov dx, TSS_C_SEL
        ltr dx
        USER 2, .to
.to:    int 0x31
        int3

CASE "a 16-bit TSS has no I/O permissions"
        mov word [TSS_C + 2], STACK_INT
        mov word [TSS_C + 4], DS0
        mov dx, TSS_C_SEL
        ltr dx
        USER 2, .to
.to:    in al, 0x80
        int3

CASE "I/O permissions: a word across two bytes of the bitmap"
        mov word [TSS + 0x66], 0x68
        mov byte [BITMAP + 0x10], 0x7f
        mov byte [BITMAP + 0x11], 0xfe
        USER 2, .to
.to:    out 0x87, ax
        out 0x87, eax
        int3

CASE "I/O permissions: the byte after the last is needed too"
        mov word [TSS + 0x66], 0x268 - 0x10
        USER 2, .to
.to:    out 0x77, al
        out 0x78, al
        int3

CASE "I/O permissions: rep outsb"
        mov word [TSS + 0x66], 0x68
        mov byte [BITMAP + 0x10], 0xfe
        USER 2, .to
.to:    mov esi, SCRATCH
        mov ecx, 2
        mov edx, 0x80
        rep outsb
        inc edx
        outsb
        int3

CASE "16-bit code: enter with levels, leave"
        mov dword [STACK0 - 0x20], 0x11112222
        mov dword [STACK0 - 0x1c], 0x33334444
        DUMP STACK0 - 0x50, 0x10
        mov ebp, STACK0 - 0x18
        mov esp, STACK0 - 0x40
        jmp CS16:.to - $$
        bits 16
.to:    enter 6, 3
        mov cx, bp
        mov edx, esp
        leave
        mov esi, esp
        int3

CASE "32-bit code: enter with levels, leave"
        mov dword [STACK0 - 0x20], 0x11112222
        mov dword [STACK0 - 0x1c], 0x33334444
        DUMP STACK0 - 0x58, 0x18
        mov ebp, STACK0 - 0x18
        mov esp, STACK0 - 0x40
        enter 8, 3
        mov ecx, ebp
        mov edx, esp
        leave
        int3

CASE "16-bit enter on a 32-bit stack"
        DUMP STACK0 - 8, 8
        mov ebp, 0x00005678
        o16 enter 4, 1
        mov ecx, esp
        mov edx, ebp
        o16 leave
        int3

CASE "16-bit pusha and popa on a 32-bit stack"
        DUMP STACK0 - 16, 16
        mov eax, 0x11110001
        mov edi, 0x77770008
        pushaw
        mov word [esp + 14], 0x4242
        popaw
        int3

CASE "16-bit string instruction with 32-bit addresses, and the reverse"
        mov dword [SCRATCH + 0x10], 0xa1a2a3a4
        mov esi, SCRATCH + 0x10
        mov edi, 0x12340000 + SCRATCH
        mov ecx, 0x55550002
        a16 rep movsw
        mov edx, [SCRATCH]
        int3

CASE "16-bit loop in 32-bit code"
        mov ecx, 0x00010002
        xor edx, edx
.again: inc edx
        a16 loop .again
        int3

CASE "bound with 16-bit operands: below"
        mov dword [SCRATCH], 0x0005fffe
        mov ecx, 0x0000fffe
        o16 bound cx, [SCRATCH]
        dec cx
        o16 bound cx, [SCRATCH]
        int3

CASE "movsx and movzx and push imm with 16-bit operands"
        mov ecx, 0xffffffff
        mov edx, 0xffffffff
        mov bl, 0x80
        movsx cx, bl
        movzx dx, bl
        push word -2
        mov eax, esp
        pop si
        int3

CASE "push of a segment register writes a word or a dword"
        mov dword [STACK0 - 4], 0xffffffff
        mov dword [STACK0 - 8], 0xffffffff
        push ds
        mov ecx, esp
        o16 push es
        mov edx, esp
        mov ebx, [STACK0 - 4]
        and ebx, 0xffff
        int3

CASE "mov of a segment register to a 32-bit register"
        mov ecx, 0xffffffff
        mov ecx, ds
        mov edx, 0xffffffff
        o16 mov dx, ds
        str esi
        mov edi, 0xffffffff
        sldt edi
        int3

CASE "lock: allowed and not"
        lock add [SCRATCH], ecx
        lock mov [SCRATCH], ecx
        int3

CASE "lock bt is #UD"
        db 0xf0
        bt [SCRATCH], ecx
        int3

CASE "cmpxchg8b of a register is #UD"
        db 0x0f, 0xc7, 0xc9
        int3

CASE "long nops touch no memory"
        db 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x80
        db 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00
        db 0x0f, 0x18, 0x0d, 0x00, 0x00, 0x00, 0xf0
        int3

CASE "sidt and sgdt with 16-bit operands store 32 bits of the base"
        o16 sgdt [SCRATCH]
        o16 sidt [SCRATCH + 8]
        mov ecx, [SCRATCH + 2]
        mov edx, [SCRATCH + 10]
        int3

CASE "aaa, aas, aam, aad, daa, das"
        mov eax, 0x0f
        aaa
        mov ecx, eax
        mov eax, 0x020f
        aas
        mov edx, eax
        mov eax, 0x63
        aam
        mov ebx, eax
        aad
        mov ebp, eax
        mov eax, 0x9a
        daa
        mov esi, eax
        mov eax, 0x9a
        das
        mov edi, eax
        xor eax, eax
        int3

CASE "aam 0 is #DE"
        db 0xd4, 0
        int3

        FINISH
