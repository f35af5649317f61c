; sensitive: the instructions of x86 that tell a kernel in which ring it really runs, one after the other. Each stores
; what it saw at SEEN. None traps under trap-and-emulate, which is therefore wrong; every other technique is right.

        bits 32
        org 0x100000
%include "pc.inc"

%define STACK_TOP   0x90000
%define SEEN        0x200000
%define FLAG_IF     0x200

start:  mov esp, STACK_TOP
        load_tables
        mov edi, SEEN

        ; registers that are the monitor's
        sgdt [edi]              ; 0: GDTR
        sidt [edi + 0x08]       ; 8: IDTR
        sldt [edi + 0x10]       ; 10: LDTR
        str [edi + 0x12]        ; 12: task register
        smsw eax
        mov [edi + 0x14], eax   ; 14: CR0

        ; the interrupt flag
        cli
        pushf
        pop dword [edi + 0x18]  ; 18: flags with interrupts off
        sti
        push dword 2
        popf                    ; interrupts off
        pushf
        pop dword [edi + 0x1c]  ; 1c: flags with interrupts off again

        ; the ring, in selectors
        mov ax, cs
        mov [edi + 0x20], ax    ; 20: CS
        push cs
        pop dword [edi + 0x24]  ; 24: CS
        call KERNEL_CS:callee   ; 28: CS in the return address
        jmp KERNEL_CS:.on
.on:
        ; descriptors
        mov ax, KERNEL_DS
        lar ebx, ax
        mov [edi + 0x2c], ebx   ; 2c: rights, with the DPL
        lsl ebx, ax
        mov [edi + 0x30], ebx   ; 30: limit
        mov ax, KERNEL_DS | 1   ; a selector that asks for ring 1: not for a descriptor of ring 0
        verr ax
        setz [edi + 0x34]       ; 34: readable
        verw ax
        setz [edi + 0x35]       ; 35: writable

        ; what refuses a kernel in ring 0 goes through in ring 1; the handler counts refusals
        mov ds, ax
        push eax
        pop es
        jmp (KERNEL_CS | 1):.after
.after: mov ax, KERNEL_DS
        mov ds, ax
        mov es, ax
        int 0x80
        exit 0

callee: mov eax, [esp + 4]
        mov [edi + 0x28], eax
        retf

; #GP: skips the instruction: mov ds, ax is 2 bytes long, pop es 1, the far jump 7
protection:
        add esp, 4
        push eax
        inc dword [ss:SEEN + 0x38]      ; 38: refusals
        mov eax, [esp + 4]
        mov al, [ss:eax]
        cmp al, 0x8e
        je .two
        cmp al, 0xea
        je .far
        inc dword [esp + 4]
        pop eax
        iret
.two:   add dword [esp + 4], 2
        pop eax
        iret
.far:   add dword [esp + 4], 7
        pop eax
        iret

call_80:
        inc dword [ss:SEEN + 0x3c]      ; 3c: software interrupts
        iret

        align 8
idt:    no_gates 13
        gate protection, GATE_INT0
        no_gates 0x80 - 14
        gate call_80, GATE_INT0
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
