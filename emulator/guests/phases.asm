; phases: a guest whose behaviour changes: SYSCALLS system calls from ring 3, then EDITS edits of a page-table entry, and so
; on for PHASES times. Under section 7.3 of the paper the first is for hardware and the second for binary translation.

        bits 32
        org 0x100000
%include "pc.inc"

%ifndef PHASES
%define PHASES      4
%endif
%ifndef SYSCALLS
%define SYSCALLS    2000        ; in each phase
%endif
%ifndef EDITS
%define EDITS       500         ; in each phase: half of them take the page away, half bring it back
%endif
%define STACK_TOP    0x90000
%define USER_STACK   0x80000
%define PAGES        0x200000   ; page directory, then one page table
%define WINDOW       0x3ff000
%define WINDOW_ENTRY (PAGES + 0x1000 + (WINDOW >> 12) * 4)

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

user:   mov esi, PHASES
        xor ebx, ebx
.phase: mov ecx, SYSCALLS
.call:  mov eax, ecx
        int 0x80
        add ebx, eax
        dec ecx
        jnz .call
        mov eax, -2             ; the call that edits page tables
        int 0x80
        dec esi
        jnz .phase
        mov eax, -1             ; the call that ends the program
        int 0x80

; system call: eax = -1 exits, -2 edits, any other number comes back doubled
system_call:
        cmp eax, -2
        ja .exit
        je .edit
        add eax, eax
        iret
.exit:  exit 0
.edit:  mov ecx, EDITS / 2
.flip:  and dword [WINDOW_ENTRY], ~PTE_P
        invlpg [WINDOW]
        or dword [WINDOW_ENTRY], PTE_P
        invlpg [WINDOW]
        add [WINDOW], ecx
        loop .flip
        iret

        align 8
idt:    no_gates 0x80
        gate system_call, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
