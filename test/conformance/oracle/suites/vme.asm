; vme.asm: virtual-8086 mode extensions (CR4.VME) and protected-mode virtual interrupts (CR4.PVI).
; Intel SDM vol. 3 (rev. 325384-084), sections 21.3 "Interrupt and Exception Handling in Virtual-8086 Mode" and
; 21.4 "Protected-Mode Virtual Interrupts".

%define SUITE_RESET vme_reset
%include "harness.inc"
%include "v86.inc"

%define CR4_VME     1
%define CR4_PVI     2
%define REDIRECT    TSS + 0x68          ; a bit a vector: 0 to the 8086 program, 1 to the IDT

; name, flags, instruction; REDIRECT all 0, the vector table leads to ivt_handler
%macro VME_CASE 3
CASE %1
        VME
        V86 %2, %%to
        bits 16
%%to:   %3
        int3
%endmacro

%macro VME 0
        mov eax, CR4_VME
        mov cr4, eax
        mov eax, 1
%endmacro

%macro PVI_CASE 3
CASE %1
        mov eax, CR4_PVI
        mov cr4, eax
        USER %2, %%to
%%to:   %3
        int3
%endmacro

VME_CASE "IOPL 0: cli clears VIF", FLAG_IF | FLAG_VIF, {cli}
VME_CASE "IOPL 0: sti sets VIF", FLAG_IF, {sti}
VME_CASE "IOPL 0: sti with VIP pending is #GP(0)", FLAG_IF | FLAG_VIP, {sti}
VME_CASE "IOPL 0: cli with VIP pending", FLAG_IF | FLAG_VIP, {cli}
VME_CASE "IOPL 3: cli clears IF", FLAG_IOPL3 | FLAG_IF | FLAG_VIF, {cli}
VME_CASE "IOPL 3: sti sets IF", FLAG_IOPL3, {sti}
VME_CASE "IOPL 0: pushfd is #GP(0)", 0, {pushfd}
VME_CASE "IOPL 0: popfd is #GP(0)", 0, {popfd}
VME_CASE "IOPL 0: iretd is #GP(0)", 0, {iretd}
VME_CASE "IOPL 0: hlt is #GP(0)", 0, {hlt}

CASE "IOPL 0: pushf stores VIF as IF and IOPL 3"
        VME
        V86 FLAG_VIF, .to
        bits 16
.to:    pushf
        pop cx
        int3

CASE "IOPL 0: pushf with VIF clear and IF set"
        VME
        V86 FLAG_IF, .to
        bits 16
.to:    pushf
        pop cx
        int3

CASE "IOPL 0: popf sets VIF from IF"
        VME
        V86 0, .to
        bits 16
.to:    push word 0x0ad7
        popf
        int3

CASE "IOPL 0: popf clears VIF"
        VME
        V86 FLAG_VIF | FLAG_IF, .to
        bits 16
.to:    push word 0x0002
        popf
        int3

CASE "IOPL 0: popf that sets IF with VIP pending is #GP(0)"
        VME
        V86 FLAG_VIP, .to
        bits 16
.to:    push word 0x0202
        popf
        int3

CASE "IOPL 0: popf that sets TF is #GP(0)"
        VME
        V86 0, .to
        bits 16
.to:    push word 0x0102
        popf
        int3

CASE "IOPL 3: popf"
        VME
        V86 FLAG_IOPL3 | FLAG_VIF, .to
        bits 16
.to:    push word 0x0202
        popf
        int3

CASE "IOPL 0: iret sets VIF from IF"
        VME
        V86 0, .to
        bits 16
.to:    push word 0x0ad7
        push cs
        push word .next - $$
        iret
        ud2
.next:  int3

CASE "IOPL 0: iret that sets IF with VIP pending is #GP(0)"
        VME
        V86 FLAG_VIP, .to
        bits 16
.to:    push word 0x0202
        push cs
        push word .next - $$
        iret
        ud2
.next:  int3

CASE "IOPL 0: int n redirected to the 8086 handler"
        VME
        V86 FLAG_VIF | 0xd5, .to
        bits 16
.to:    int 0x20
        int3

CASE "IOPL 0: int n redirected, VIF clear: IF is stored clear"
        VME
        V86 FLAG_IF | 0xd5, .to
        bits 16
.to:    int 0x20
        int3

CASE "IOPL 3: int n redirected clears IF"
        VME
        V86 FLAG_IOPL3 | FLAG_IF | FLAG_VIF, .to
        bits 16
.to:    int 0x20
        int3

CASE "IOPL 0: int n with its bit set is #GP(0)"
        VME
        mov byte [REDIRECT + 4], 1
        V86 FLAG_VIF, .to
        bits 16
.to:    int 0x20
        int3

CASE "IOPL 3: int n with its bit set goes through the IDT"
        VME
        mov byte [REDIRECT + 6], 1
        V86 FLAG_IOPL3 | FLAG_VIF, .to
        bits 16
.to:    int 0x30
        int3

CASE "int3 is not redirected"
        VME
        V86 0, .to
        bits 16
.to:    int3

CASE "int 3 of two bytes is redirected"
        VME
        V86 0, .to
        bits 16
.to:    db 0xcd, 3
        int3

CASE "an exception is not redirected"
        VME
        V86 0, .to
        bits 16
.to:    ud2

CASE "handler and iret back"
        VME
        mov word [IVT + 4 * 0x20], iret_handler - $$
        V86 FLAG_VIF | 0xd5, .to
        bits 16
.to:    int 0x20
        inc cx
        int3

CASE "without CR4.VME: VIF and VIP mean nothing to cli"
        V86 FLAG_VIF | FLAG_VIP, .to
        bits 16
.to:    cli
        int3

PVI_CASE "PVI: cli at CPL 3 clears VIF", 2 | FLAG_IF | FLAG_VIF, {cli}
PVI_CASE "PVI: sti at CPL 3 sets VIF", 2 | FLAG_IF, {sti}
PVI_CASE "PVI: sti with VIP pending is #GP(0)", 2 | FLAG_VIP, {sti}
PVI_CASE "PVI: IOPL 3 cli clears IF", 2 | FLAG_IOPL3 | FLAG_IF | FLAG_VIF, {cli}
CASE "PVI: pushfd stores IF itself"
        mov eax, CR4_PVI
        mov cr4, eax
        USER 2 | FLAG_IF, .to
.to:    pushfd
        pop edx
        int3

CASE "PVI: popfd does not change VIF"
        mov eax, CR4_PVI
        mov cr4, eax
        USER 2 | FLAG_VIF, .to
.to:    push dword 2
        popfd
        int3

CASE "PVI does not count at CPL 1"
        mov eax, CR4_PVI
        mov cr4, eax
        push dword DS1
        push dword STACK1
        push dword 2
        push dword CS1
        push dword .to
        iretd
.to:    cli
        int3

        bits 32
vme_reset:
        mov word [TSS + 0x66], 0x88
        mov eax, (CODE16 << 16) + (ivt_handler - $$)
        mov edi, IVT
        mov ecx, 0x40
        rep stosd
        ret
        bits 16
ivt_handler:
        mov bp, sp
        mov ax, [bp + 4]
        mov bx, [bp + 2]
        int3
iret_handler:
        iret

        FINISH
