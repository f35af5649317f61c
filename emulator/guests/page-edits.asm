; page-edits: edits one page-table entry 500 times in the three ways of the paper's `ptemod`: unchanged, present to
; not present, not present to present; then uses the page. Every edit is a store to a page table that a monitor traces.

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

        mov dword [WINDOW], 1
        mov ecx, 500
.same:  mov eax, [WINDOW_ENTRY]
        mov [WINDOW_ENTRY], eax
        loop .same

        mov ecx, 500
.flip:  and dword [WINDOW_ENTRY], ~PTE_P
        invlpg [WINDOW]
        or dword [WINDOW_ENTRY], PTE_P
        invlpg [WINDOW]
        add [WINDOW], ecx
        loop .flip

        mov eax, [WINDOW]
        exit 0

        align 8
idt:    no_gates 1
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
