; control.asm: control registers, privileged instructions, IOPL and the I/O permission bitmap, coprocessor bits,
; SYSENTER and SYSEXIT.
; Intel SDM vol. 2 (rev. 325383-084), the instructions' pages, and vol. 3, section 2.5 "Control Registers".

%include "harness.inc"

%define MSR_CS      0x174
%define MSR_ESP     0x175
%define MSR_EIP     0x176
%define CR0_TS      8
%define CR0_EM      4
%define CR0_MP      2
%define CR4_TSD     4
%define BITMAP      TSS + 0x68          ; with the byte after it up to the limit 0x267

; At CPL 3: name, flags, instruction
%macro USER_CASE 3
CASE %1
        USER %2, %%to
%%to:   %3
        int3
%endmacro

; At CPL 0: name, instruction
%macro KERNEL_CASE 2
CASE %1
        %2
        int3
%endmacro

USER_CASE "CPL 3: mov from cr0", 2, {mov edx, cr0}
USER_CASE "CPL 3: mov to cr3", 2, {mov cr3, edx}
USER_CASE "CPL 3: clts", 2, {clts}
USER_CASE "CPL 3: lmsw", 2, {lmsw dx}
USER_CASE "CPL 3: smsw is allowed", 2, {smsw edx}
USER_CASE "CPL 3: hlt", 2, {hlt}
USER_CASE "CPL 3: invlpg", 2, {invlpg [0]}
USER_CASE "CPL 3: invd", 2, {invd}
USER_CASE "CPL 3: wbinvd", 2, {wbinvd}
USER_CASE "CPL 3: lgdt", 2, {lgdt [SCRATCH]}
USER_CASE "CPL 3: lidt", 2, {lidt [SCRATCH]}
USER_CASE "CPL 3: lldt", 2, {lldt dx}
USER_CASE "CPL 3: ltr", 2, {ltr dx}
USER_CASE "CPL 3: rdmsr", 2, {rdmsr}
USER_CASE "CPL 3: wrmsr", 2, {wrmsr}
USER_CASE "CPL 3: rdpmc without CR4.PCE", 2, {rdpmc}
USER_CASE "CPL 3: sgdt, sidt, sldt, str are allowed", 2, {str edx}
USER_CASE "CPL 3: sysexit", 2, {sysexit}
USER_CASE "CPL 3, IOPL 0: cli", 2, {cli}
USER_CASE "CPL 3, IOPL 0: sti", 2, {sti}
USER_CASE "CPL 3, IOPL 3: sti", 2 | FLAG_IOPL3, {sti}
USER_CASE "CPL 3, IOPL 3: cli", 2 | FLAG_IOPL3 | FLAG_IF, {cli}
USER_CASE "CPL 3, IOPL 0: in without a bitmap", 2, {in al, 0x80}
USER_CASE "CPL 3, IOPL 0: out without a bitmap", 2, {out 0x80, al}
USER_CASE "CPL 3, IOPL 3: out", 2 | FLAG_IOPL3, {out 0x80, al}
USER_CASE "CPL 3, IOPL 0: rep outsb with count 0", 2, {rep outsb}

CASE "CPL 3, IOPL 0: popfd leaves IF and IOPL"
        USER 2, .to
.to:    push dword 2 | FLAG_IF | FLAG_IOPL3
        popfd
        int3

CASE "CPL 3, IOPL 3: popfd changes IF and leaves IOPL"
        USER 2 | FLAG_IOPL3, .to
.to:    push dword 2 | FLAG_IF
        popfd
        int3

CASE "CPL 0: popfd changes both"
        FLAGS 2 | FLAG_IF | FLAG_IOPL3
        nop
        cli
        int3

CASE "CPL 3: popfd does not set VM, RF, VIF, VIP; it sets NT, AC, ID"
        USER 2, .to
.to:    push dword 0x003f4002
        popfd
        pushfd
        pop edx
        int3

; Bitmap cases: name, bits of the first two bytes at the port, instruction; ports 0x80 to 0x8f
%macro BITMAP_CASE 3
CASE %1
        mov word [TSS + 0x66], 0x68
        mov edi, BITMAP
        mov ecx, 0x80
        mov eax, -1
        rep stosd
        mov word [BITMAP + 0x10], %2
        mov edx, 0x80
        USER 2, %%to
%%to:   %3
        mov eax, 0
        int3
%endmacro

BITMAP_CASE "I/O bitmap: out of an open port", 0xfffe, {out 0x80, al}
BITMAP_CASE "I/O bitmap: out of a closed port", 0xfffd, {out 0x80, al}
BITMAP_CASE "I/O bitmap: word, both open", 0xfffc, {out 0x80, ax}
BITMAP_CASE "I/O bitmap: word, the second closed", 0xfffe, {out 0x80, ax}
BITMAP_CASE "I/O bitmap: word across bytes", 0xfe7f, {out 0x87, ax}
BITMAP_CASE "I/O bitmap: word across bytes, the second closed", 0xff7f, {out 0x87, ax}
BITMAP_CASE "I/O bitmap: dword, open", 0xfff0, {out dx, eax}
BITMAP_CASE "I/O bitmap: dword, the last closed", 0xfff8, {out dx, eax}
BITMAP_CASE "I/O bitmap: in of a closed port", 0xffff, {in al, dx}
BITMAP_CASE "I/O bitmap: outsb of a closed port", 0xffff, {outsb}

CASE "I/O bitmap: the byte after the port's lies past the limit"
        mov word [TSS + 0x66], 0x68
        mov word [GDT + TSS_SEL], 0x68 + 0x10
        mov byte [GDT + TSS_SEL + 5], 0x89
        mov ax, TSS_SEL
        ltr ax
        USER 2, .to
.to:    out 0x80, al
        int3

CASE "I/O bitmap: the byte after the port's is the last"
        mov word [TSS + 0x66], 0x68
        mov word [GDT + TSS_SEL], 0x68 + 0x11
        mov byte [GDT + TSS_SEL + 5], 0x89
        mov ax, TSS_SEL
        ltr ax
        USER 2, .to
.to:    out 0x80, al
        int3

KERNEL_CASE "mov from cr1 is #UD", {db 0x0f, 0x20, 0xc8}
KERNEL_CASE "mov to cr5 is #UD", {db 0x0f, 0x22, 0xe8}
KERNEL_CASE "mov from cr7 is #UD", {db 0x0f, 0x20, 0xf8}
KERNEL_CASE "mov cr ignores mod", {db 0x0f, 0x20, 0x00}
KERNEL_CASE "lgdt of a register is #UD", {db 0x0f, 0x01, 0xd0}
KERNEL_CASE "lidt of a register is #UD", {db 0x0f, 0x01, 0xdf}
KERNEL_CASE "invlpg of a register is #UD", {db 0x0f, 0x01, 0xff}
CASE "lmsw sets MP, EM, TS"
        mov cx, 0xe
        lmsw cx
        mov edx, cr0
        int3

CASE "clts"
        mov cx, 8
        lmsw cx
        clts
        mov edx, cr0
        int3

CASE "ET cannot be cleared"
        mov edx, 0x21
        mov cr0, edx
        mov edx, cr0
        int3

CASE "lgdt with a 16-bit operand loads 24 bits"
        mov dword [SCRATCH + 2], 0x12000000 + GDT
        mov word [SCRATCH], 0x1ff
        o16 lgdt [SCRATCH]
        sgdt [SCRATCH + 8]
        mov ecx, [SCRATCH + 10]
        int3

CASE "sysenter with no code segment is #GP(0)"
        MSR MSR_CS, 0
        sysenter
        int3

CASE "sysexit with no code segment is #GP(0)"
        MSR MSR_CS, 0
        sysexit
        int3

CASE "sysenter with the null selector and RPL 3"
        MSR MSR_CS, 3
        sysenter
        int3

CASE "rdmsr reads what wrmsr wrote"
        MSR MSR_EIP, 0x12345678
        rdmsr
        MSR MSR_ESP, 0x9abcdef0
        rdmsr
        int3

; CS at MSR_CS, then SS, user CS, user SS in the GDT; the harness's first four are in this order
%macro SYSCALL_SETUP 1
        MSR MSR_CS, CS0
        MSR MSR_ESP, STACK1
        MSR MSR_EIP, %1
%endmacro

CASE "sysenter from CPL 3"
        SYSCALL_SETUP .kernel
        USER 2 | FLAG_IF, .to
.to:    sysenter
        ud2
.kernel:
        mov ecx, cs
        mov edx, ss
        int3

CASE "sysenter from CPL 0"
        SYSCALL_SETUP .kernel
        FLAGS 2 | FLAG_IF | FLAG_NT | 0x8d5
        sysenter
        ud2
.kernel:
        mov ecx, cs
        mov edx, ss
        int3

CASE "sysexit"
        SYSCALL_SETUP 0
        mov edx, .user
        mov ecx, STACK3 - 16
        FLAGS 2
        sysexit
        ud2
.user:  mov eax, cs
        mov ebx, ss
        push eax
        int3

CASE "sysenter does not read the GDT"
        SYSCALL_SETUP .kernel
        mov dword [GDT + CS0], 0
        mov dword [GDT + CS0 + 4], 0
        FLAGS 2
        sysenter
        ud2
.kernel:
        mov ecx, cs
        mov dword [GDT + CS0], 0x0000ffff
        mov dword [GDT + CS0 + 4], 0x00cf9b00
        int3

CASE "TS: fwait without MP"
        mov edx, CR0_BASE | CR0_TS
        mov cr0, edx
        fwait
        int3

CASE "TS and MP: fwait is #NM"
        mov edx, CR0_BASE | CR0_TS | CR0_MP
        mov cr0, edx
        fwait
        int3

CASE "MP without TS: fwait"
        mov edx, CR0_BASE | CR0_MP
        mov cr0, edx
        fwait
        int3

CASE "TS: x87 is #NM"
        mov edx, CR0_BASE | CR0_TS
        mov cr0, edx
        fnop
        int3

CASE "EM: x87 is #NM"
        mov edx, CR0_BASE | CR0_EM
        mov cr0, edx
        fld1
        int3

CASE "EM: fwait is not"
        mov edx, CR0_BASE | CR0_EM
        mov cr0, edx
        fwait
        int3

CASE "EM: MMX is #UD"
        mov edx, CR0_BASE | CR0_EM
        mov cr0, edx
        db 0x0f, 0x6f, 0xc0
        int3

CASE "rdtsc at CPL 3 with TSD is #GP(0)"
        mov edx, CR4_TSD
        mov cr4, edx
        USER 2, .to
.to:    rdtsc
        int3

CASE "smsw to memory stores 16 bits"
        mov dword [SCRATCH], -1
        smsw [SCRATCH]
        mov edx, [SCRATCH]
        int3

CASE "hlt is not reached past a fault; #GP at CPL 1"
        push dword DS1
        push dword STACK1
        push dword 2
        push dword CS1
        push dword .to
        iretd
.to:    hlt
        int3

CASE "CPL 1, IOPL 1: cli"
        push dword DS1
        push dword STACK1
        push dword 0x1202
        push dword CS1
        push dword .to
        iretd
.to:    cli
        int3

CASE "CPL 2, IOPL 1: cli"
        push dword DS2
        push dword STACK1 - 0x400
        push dword 0x1202
        push dword CS2
        push dword .to
        iretd
.to:    cli
        int3

CASE "iretd from CPL 1 cannot change IOPL, and IF only with CPL <= IOPL"
        push dword DS1
        push dword STACK1
        push dword 2
        push dword CS1
        push dword .to
        iretd
.to:    push dword 2 | FLAG_IF | FLAG_IOPL3
        push dword CS1
        push dword .on
        iretd
.on:    int3

        FINISH
