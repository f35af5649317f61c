; gates.asm: call gates with parameters, interrupt gates to every level, IRET and RETF outwards, faults in the
; delivery of events, double faults.
; Intel SDM vol. 3 (rev. 325384-084), sections 5.8 "Privilege Level Checking When Transferring Program Control
; Between Code Segments" and 6.15 "Exception and Interrupt Reference".

%include "harness.inc"

%define GATE_SEL    FREE_SEL
%define OTHER_SEL   FREE_SEL + 8
%define CALL32      0x8c00
%define CALL16      0x8400
%define DPL3        0x6000

; CALL_GATE selector, offset, type and parameters: to GATE_SEL
%macro CALL_GATE 3
        mov word [GDT + GATE_SEL], (%2 - $$) & 0xffff
        mov word [GDT + GATE_SEL + 2], %1
        mov word [GDT + GATE_SEL + 4], %3
        mov word [GDT + GATE_SEL + 6], IMAGE >> 16
%endmacro
%macro CALL_GATE16 3
        CALL_GATE %1, %2, %3
        mov word [GDT + GATE_SEL + 6], 0
%endmacro

; At CPL 3 with a call gate: name, code selector, type, what is changed before
%macro REFUSED 4
CASE %1
        CALL_GATE %2, %%target, %3
        %4
        USER 2, %%to
%%to:   call (GATE_SEL | 3):0
        int3
%%target:
        int3
%endmacro

; BIG_PAGE: paging on, 0 to 4 MB one to one for everybody, nothing above
%macro BIG_PAGE 0
        mov dword [TABLES], 0x87
        mov edx, 0x10
        mov cr4, edx
        mov edx, TABLES
        mov cr3, edx
        mov edx, CR0_BASE | 0x80000000
        mov cr0, edx
%endmacro

; An exception whose gate is at fault: name, vector, what raises it
%macro IN_DELIVERY 3
CASE %1
        and byte [IDT + 8 * %2 + 5], 0x7f
        %3
        int3
%endmacro

CASE "call gate to CPL 0: stack of the TSS, no parameters"
        CALL_GATE CS0, .gate, CALL32 | DPL3
        DUMP STACK_INT - 16, 16
        USER 2, .to
.to:    call (GATE_SEL | 3):0x55555555
.back:  int3
.gate:  sub dword [ss:esp], .back
        mov edx, ss
        int3

CASE "call gate to CPL 0: three parameters are copied"
        CALL_GATE CS0, .gate, CALL32 | DPL3 | 3
        DUMP STACK_INT - 28, 28
        USER 2, .to
.to:    push dword 0x33
        push dword 0x22
        push dword 0x11
        call (GATE_SEL | 3):0
.back:  int3
.gate:  sub dword [ss:esp], .back
        int3

CASE "call gate to CPL 0 and retf n back: both stacks"
        CALL_GATE CS0, .gate, CALL32 | DPL3 | 2
        USER 2, .to
.to:    push dword 0x22
        push dword 0x11
        call (GATE_SEL | 3):0
        mov edx, cs
        mov ecx, ss
        int3
.gate:  retf 8

CASE "call gate to CPL 1"
        CALL_GATE CS1, .gate, CALL32 | DPL3 | 1
        DUMP STACK1 - 20, 20
        USER 2, .to
.to:    push dword 0x77
        call (GATE_SEL | 3):0
.back:  int3
.gate:  sub dword [ss:esp], .back
        int3

CASE "call gate from CPL 1 to CPL 0"
        CALL_GATE CS0, .gate, CALL32 | 0x2000
        push dword DS1
        push dword STACK1
        push dword 2
        push dword CS1
        push dword .to
        iretd
.to:    call (GATE_SEL | 1):0
        int3
.gate:  mov edx, ss
        mov ecx, esp
        int3

CASE "call gate to the same level: no new stack, no parameters copied"
        CALL_GATE CS0, .gate, CALL32 | 5
        call GATE_SEL:0
        int3
.gate:  mov ecx, esp
        int3

CASE "call gate to conforming code: CPL stays"
        DESC OTHER_SEL, 0x0000ffff, 0x00cf9f00
        CALL_GATE OTHER_SEL, .gate, CALL32 | DPL3
        USER 2, .to
.to:    call (GATE_SEL | 3):0
        int3
.gate:  mov edx, cs
        mov ecx, esp
        int3

CASE "jmp through a call gate to the same level"
        CALL_GATE CS0, .gate, CALL32
        jmp GATE_SEL:0
        int3
.gate:  mov edx, cs
        int3

CASE "jmp through a call gate inwards is #GP(code)"
        CALL_GATE CS0, .gate, CALL32 | DPL3
        USER 2, .to
.to:    jmp (GATE_SEL | 3):0
.gate:  int3

CASE "16-bit call gate: words are pushed and copied"
        CALL_GATE16 CS16, .gate, CALL16 | DPL3 | 2
        DUMP STACK_INT - 12, 12
        USER 2, .to
.to:    push dword 0x33334444
        push dword 0x11112222
        call (GATE_SEL | 3):0
        int3
        bits 16
.gate:  mov ecx, esp
        mov word [ss:ecx], 0
        int3

CASE "far call of conforming code at CPL 3"
        DESC OTHER_SEL, 0x0000ffff, 0x00cf9f00
        USER 2, .to
.to:    call OTHER_SEL:.there
        int3
.there: mov edx, cs
        int3

REFUSED "call gate of DPL 0 is #GP(gate)", CS0, CALL32, {nop}
REFUSED "call gate not present is #NP(gate)", CS0, 0x0c00 | DPL3, {nop}
REFUSED "call gate to the null selector is #GP(0)", 0, CALL32 | DPL3, {nop}
REFUSED "call gate past the table is #GP(it)", 0x0ff8, CALL32 | DPL3, {nop}
REFUSED "call gate to data is #GP(it)", DS0, CALL32 | DPL3, {nop}
REFUSED "call gate to code that is not present is #NP(it)", OTHER_SEL, CALL32 | DPL3, {mov dword [GDT + OTHER_SEL + 4], 0x00cf1b00}
REFUSED "call gate: RPL of the code selector is ignored", CS0 | 3, CALL32 | DPL3, {nop}
REFUSED "call gate: SS0 null is #TS(0)", CS1, CALL32 | DPL3, {mov word [TSS + 16], 0}
REFUSED "call gate: stack selector of wrong RPL is #TS(it)", CS1, CALL32 | DPL3, {mov word [TSS + 16], DS1 & 0xfc}
REFUSED "call gate: stack selector of wrong DPL is #TS(it)", CS1, CALL32 | DPL3, {mov word [TSS + 16], DS0 | 1}
REFUSED "call gate: stack selector of code is #TS(it)", CS1, CALL32 | DPL3, {mov word [TSS + 16], CS1}
REFUSED "call gate: stack selector past the table is #TS(it)", CS1, CALL32 | DPL3, {mov word [TSS + 16], 0xff9}
REFUSED "call gate: stack segment not present is #SS(it)", CS1, CALL32 | DPL3, {and byte [GDT + (DS1 & 0xf8) + 5], 0x7f}
REFUSED "interrupt gate descriptor in the GDT is #GP", CS0, 0x8e00 | DPL3, {nop}

CASE "int to CPL 1"
        GATE 0x31, CS1, .gate, 0xee00
        DUMP STACK1 - 20, 20
        USER 2 | FLAG_IF, .to
.to:    int 0x31
.back:  int3
.gate:  sub dword [ss:esp], .back
        mov edx, ss
        int3

CASE "int to CPL 2 through a trap gate: IF stays"
        GATE 0x31, CS2, .gate, 0xef00
        USER 2 | FLAG_IF, .to
.to:    int 0x31
        int3
.gate:  mov edx, ss
        int3

CASE "int to conforming code: CPL stays"
        DESC OTHER_SEL, 0x0000ffff, 0x00cf9f00
        GATE 0x31, OTHER_SEL, .gate, 0xee00
        USER 2, .to
.to:    int 0x31
        int3
.gate:  mov edx, cs
        mov ecx, esp
        int3

CASE "int from CPL 0 to code of CPL 3 is #GP(it)"
        GATE 0x31, CS3, stub_49, 0xee00
        int 0x31

CASE "int with a gate of DPL 0 at CPL 3 is #GP(vector)"
        USER 2, .to
.to:    int 0x20

CASE "int past the limit of the IDT is #GP(vector)"
        int 0xf0

CASE "int with a gate that is not present is #NP(vector)"
        and byte [IDT + 8 * 0x31 + 5], 0x7f
        int 0x31

CASE "int with an empty gate is #GP(vector)"
        mov dword [IDT + 8 * 0x31 + 4], 0
        int 0x31

CASE "int to the null selector is #GP(0)"
        GATE 0x31, 0, stub_49, 0xee00
        int 0x31

CASE "int to data is #GP(it)"
        GATE 0x31, DS0, stub_49, 0xee00
        int 0x31

CASE "int: stack selector null is #TS(0)"
        GATE 0x31, CS1, stub_49, 0xee00
        mov word [TSS + 16], 0
        USER 2, .to
.to:    int 0x31

CASE "int: stack selector of wrong DPL is #TS(it)"
        GATE 0x31, CS1, stub_49, 0xee00
        mov word [TSS + 16], DS3 & 0xf8 | 1
        USER 2, .to
.to:    int 0x31

CASE "int: stack segment not present is #SS(it)"
        GATE 0x31, CS1, stub_49, 0xee00
        and byte [GDT + (DS1 & 0xf8) + 5], 0x7f
        USER 2, .to
.to:    int 0x31

CASE "exception: stack selector of wrong DPL is #TS(it + EXT)"
        GATE 6, CS1, stub_6, 0x8e00
        mov word [TSS + 16], DS3 & 0xf8 | 1
        USER 2, .to
.to:    ud2

CASE "16-bit interrupt gate: words are pushed"
        mov word [IDT + 8 * 0x31], .gate - $$
        mov word [IDT + 8 * 0x31 + 2], CS16
        mov word [IDT + 8 * 0x31 + 4], 0xe600
        mov word [IDT + 8 * 0x31 + 6], 0
        DUMP STACK_INT - 10, 10
        USER 2 | FLAG_IF, .to
.to:    int 0x31
.back:  int3
        bits 16
.gate:  mov ebp, esp
        sub word [ss:ebp], .back - $$
        int3

CASE "16-bit trap gate at the same level"
        mov word [IDT + 8 * 0x31], .gate - $$
        mov word [IDT + 8 * 0x31 + 2], CS16
        mov word [IDT + 8 * 0x31 + 4], 0xe700
        mov word [IDT + 8 * 0x31 + 6], 0
        DUMP STACK0 - 6, 6
        int 0x31
.back:  int3
        bits 16
.gate:  mov ecx, esp
        sub word [ss:STACK0 - 6], .back - $$
        int3

CASE "exception with an error code through a 16-bit gate"
        mov word [IDT + 8 * 13], .gate - $$
        mov word [IDT + 8 * 13 + 2], CS16
        mov word [IDT + 8 * 13 + 4], 0x8600
        mov word [IDT + 8 * 13 + 6], 0
        mov dx, 0x1238
.at:    mov es, dx
        bits 16
.gate:  mov ebx, esp
        pop cx
        pop dx
        sub dx, .at - $$
        int3

IN_DELIVERY "divide error, gate not present: contributory twice, #DF", 0, {div dword [zero]}
IN_DELIVERY "#UD, gate not present: #NP(vector, EXT)", 6, {ud2}
IN_DELIVERY "int3, gate not present: #NP(vector), a software interrupt", 3, {nop}
CASE "#GP whose handler's code is not present: #DF"
        DESC OTHER_SEL, 0x0000ffff, 0x00cf1b00
        GATE 13, OTHER_SEL, stub_13, 0x8e00
        mov dx, 0x1238
        mov es, dx

CASE "#NP whose handler is not present: #DF"
        and byte [IDT + 8 * 11 + 5], 0x7f
        DESC OTHER_SEL, 0x0000ffff, 0x00cf1300
        mov dx, OTHER_SEL
        mov es, dx

CASE "#SS for ss not present, #SS gate not present: #DF"
        and byte [IDT + 8 * 12 + 5], 0x7f
        DESC OTHER_SEL, 0x0000ffff, 0x00cf1300
        mov dx, OTHER_SEL
        mov ss, dx

CASE "#DB, gate not present: #NP(vector, EXT)"
        and byte [IDT + 8 * 1 + 5], 0x7f
        FLAGS 2 | FLAG_TF
        nop
        nop

CASE "#PF, gate not present: #DF"
        and byte [IDT + 8 * 14 + 5], 0x7f
        BIG_PAGE
        mov edx, [0x400000]

CASE "#PF in the delivery of an int: stack of the inner level not mapped"
        BIG_PAGE
        GATE 0x31, CS1, stub_49, 0xee00
        mov dword [TSS + 12], 0x400100
        USER 2, .to
.to:    int 0x31

CASE "#PF in the delivery of #UD: it is #PF"
        BIG_PAGE
        GATE 6, CS1, stub_6, 0x8e00
        mov dword [TSS + 12], 0x400100
        USER 2, .to
.to:    ud2

CASE "#PF in the delivery of #GP: it is #PF too, not #DF"
        BIG_PAGE
        GATE 13, CS1, stub_13, 0x8e00
        mov dword [TSS + 12], 0x400100
        USER 2, .to
.to:    cli

CASE "#PF in the delivery of #PF: #DF"
        BIG_PAGE
        GATE 14, CS1, stub_14, 0x8e00
        mov dword [TSS + 12], 0x400100
        USER 2, .to
.to:    mov edx, [0x400000]

CASE "#GP in the delivery of #PF: #DF"
        BIG_PAGE
        GATE 14, DS0, stub_14, 0x8e00
        mov edx, [0x400000]

CASE "iretd to CPL 3: data segments of CPL 0 become null"
        mov dx, DS0
        mov fs, dx
        mov dx, DS3
        mov gs, dx
        push dword DS3
        push dword STACK3
        push dword 2
        push dword CS3
        push dword .to
        iretd
.to:    int3

CASE "retf to CPL 3"
        push dword DS3
        push dword STACK3
        push dword 0x99
        push dword CS3
        push dword .to
        retf 4
.to:    int3

CASE "retf to CPL 0 from CPL 3 is #GP(it)"
        USER 2, .to
.to:    push dword CS0
        push dword .to
        retf

CASE "iretd to a null CS is #GP(0)"
        push dword 2
        push dword 0
        push dword .to
.to:    iretd

CASE "iretd to CPL 3 with a null SS is #GP(0)"
        push dword 0
        push dword STACK3
        push dword 2
        push dword CS3
        push dword .to
.to:    iretd

CASE "iretd to CPL 3 with an SS of DPL 0 is #GP(it)"
        push dword DS0 | 3
        push dword STACK3
        push dword 2
        push dword CS3
        push dword .to
.to:    iretd

CASE "iretd to code that is not present is #NP(it)"
        DESC OTHER_SEL, 0x0000ffff, 0x00cf7b00
        push dword DS3
        push dword STACK3
        push dword 2
        push dword OTHER_SEL | 3
        push dword .to
.to:    iretd

CASE "iretd to a 16-bit stack keeps the upper half of ESP"
        DESC OTHER_SEL, 0x0000ffff, 0x0000f300
        push dword OTHER_SEL | 3
        push dword 0x1234a000
        push dword 2
        push dword CS3
        push dword .to
        iretd
.to:    nop
        mov edx, esp
        int3

CASE "far call with a 16-bit operand"
        call word CS16:.there - $$
        int3
        bits 16
.there: mov ebx, esp
        mov cx, cs
        int3

CASE "NT is stored and cleared by int, and comes back with iretd"
        FLAGS 2 | FLAG_NT
        RESUME 1 << 0x30
        int 0x30
        pushfd
        pop edx
        FLAGS 2
        int3

        bits 32
        align 4
zero:   dd 0

        FINISH
