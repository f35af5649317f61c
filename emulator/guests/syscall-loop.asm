; syscall-loop: 1000 system calls from ring 3 by int 0x80: the paper's `syscall` nanobenchmark in 32-bit form.
; Under SVM the processor delivers them with no exit; under binary translation each one enters the monitor.

        bits 32
        org 0x100000
%include "pc.inc"

%define STACK_TOP   0x90000
%define USER_STACK  0x80000
%define PAGES       0x200000    ; page directory, then one page table

start:  mov esp, STACK_TOP
        load_tables

        ; one 4 MB region, identity-mapped, open to ring 3
        mov edi, PAGES + 0x1000
        mov eax, PTE_P | PTE_W | PTE_U
        mov ecx, 1024
.fill:  stosd
        add eax, 0x1000
        loop .fill
        mov dword [PAGES], (PAGES + 0x1000) | PTE_P | PTE_W | PTE_U
        mov eax, PAGES
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG_WP
        mov cr0, eax

        enter_user user, USER_STACK

user:   mov ecx, 1000
        xor ebx, ebx
.again: mov eax, ecx
        int 0x80
        add ebx, eax
        dec ecx
        jnz .again
        mov eax, -1             ; the call that ends the program
        int 0x80

; system call: eax = -1 exits, any other number comes back doubled
system_call:
        cmp eax, -1
        je .exit
        add eax, eax
        iret
.exit:  exit 0

        align 8
idt:    no_gates 0x80
        gate system_call, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
