; page-fault: a fault, its repair by the handler, and the page taken away again.
%include "bench.inc"
%ifndef ROUNDS
%define ROUNDS 4000000
%endif
%define STACK_TOP 0x90000
%define WINDOW 0x3ff000
%define WINDOW_ENTRY (0x201000 + (WINDOW >> 12) * 4)
        bench_header
start:  mov esp, STACK_TOP
        load_tables
        identity_paging 0x200000, PTE_P | PTE_W
        mov ecx, ROUNDS
.again: and dword [WINDOW_ENTRY], ~PTE_P
        invlpg [WINDOW]
        mov [WINDOW], ecx
        dec ecx
        jnz .again
        bench_done
page_fault:
        or dword [WINDOW_ENTRY], PTE_P
        add esp, 4
        iret
        align 8
idt:    no_gates 14
        gate page_fault, GATE_INT0
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
