; page-faults: 500 page faults that the kernel takes, repairs and undoes: the paper's `pgfault`, a true fault each time.

        bits 32
        org 0x100000
%include "pc.inc"

%define STACK_TOP    0x90000
%define PAGES        0x200000
%define WINDOW       0x3ff000
%define WINDOW_ENTRY (PAGES + 0x1000 + (WINDOW >> 12) * 4)

start:  mov esp, STACK_TOP
        load_tables
        mov edi, PAGES + 0x1000
        mov eax, PTE_P | PTE_W
        mov ecx, 1024
.fill:  stosd
        add eax, 0x1000
        loop .fill
        mov dword [PAGES], (PAGES + 0x1000) | PTE_P | PTE_W
        mov eax, PAGES
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG_WP
        mov cr0, eax

        xor esi, esi
        mov ecx, 500
.again: and dword [WINDOW_ENTRY], ~PTE_P
        invlpg [WINDOW]
        add [WINDOW], ecx
        loop .again
        mov eax, [WINDOW]
        exit 0

page_fault:
        inc esi
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
