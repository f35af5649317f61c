; syscall: int 0x80 from ring 3 and iret back, user and kernel code on pages of their own.
%include "bench.inc"
%ifndef ROUNDS
%define ROUNDS 4000000
%endif
%define STACK_TOP 0x90000
        bench_header
start:  mov esp, STACK_TOP
        load_tables
        identity_paging 0x200000, PTE_P | PTE_W | PTE_U
        enter_user user, 0x80000
        align 4096
user:   mov ecx, ROUNDS
.again: xor eax, eax
        int 0x80
        dec ecx
        jnz .again
        mov eax, 1
        int 0x80
        align 4096
system_call:
        test eax, eax
        jnz .exit
        iret
.exit:  bench_done
        align 8
idt:    no_gates 0x80
        gate system_call, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
