; first-exits: a small operating system and one program, for a first look at what each technique costs.
; A ring-0 kernel with paging, and a ring-3 program that makes system calls, has the kernel read a port and edit
; page-table entries, and touches pages that are not there yet.

        bits 32
        org 0x100000
%include "pc.inc"

%define STACK_TOP       0x90000
%define USER_STACK      0x80000
%define PAGES           0x200000            ; page directory, then two page tables
%define HEAP            0x800000            ; mapped page by page, on demand, by the second table
%define HEAP_TABLE      (PAGES + 0x2000)
%define FRAMES          0x300000            ; physical frames for the heap
%define WINDOW          0x3ff000            ; the page whose entry the kernel edits
%define WINDOW_ENTRY    (PAGES + 0x1000 + (WINDOW >> 12) * 4)

%define SYS_IDENTITY    0                   ; returns 42: a system call that does nothing
%define SYS_READ_PORT   1                   ; ebx = how often
%define SYS_EDIT_PAGES  2                   ; ebx = how often
%define SYS_EXIT        3

%define SYSTEM_CALLS    400
%define PORT_READS      100
%define PAGE_EDITS      100
%define HEAP_PAGES      64

start:  mov esp, STACK_TOP
        load_tables
        call build_page_tables
        mov eax, PAGES
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG_WP
        mov cr0, eax
        mov esi, booted
        call print
        enter_user user, USER_STACK

build_page_tables:
        mov edi, PAGES
        xor eax, eax
        mov ecx, 3 * 1024
        rep stosd
        mov edi, PAGES + 0x1000             ; the first 4 MB, identity-mapped
        mov eax, PTE_P | PTE_W | PTE_U
        mov ecx, 1024
.fill:  stosd
        add eax, 0x1000
        loop .fill
        mov dword [PAGES], (PAGES + 0x1000) | PTE_P | PTE_W | PTE_U
        mov dword [PAGES + (HEAP >> 22) * 4], HEAP_TABLE | PTE_P | PTE_W | PTE_U
        ret

; --- the program, ring 3
user:   mov edi, SYSTEM_CALLS
.calls: mov eax, SYS_IDENTITY
        int 0x80
        dec edi
        jnz .calls

        mov eax, SYS_READ_PORT
        mov ebx, PORT_READS
        int 0x80

        mov eax, SYS_EDIT_PAGES
        mov ebx, PAGE_EDITS
        int 0x80

        mov edi, HEAP                       ; each first touch of a page faults
        mov ecx, HEAP_PAGES
.touch: mov [edi], ecx
        add edi, 0x1000
        loop .touch

        mov eax, SYS_EXIT
        int 0x80

; --- the kernel, ring 0
system_call:
        cmp eax, SYS_EXIT
        ja .unknown
        jmp [calls + eax * 4]
.unknown:
        mov eax, -1
        iret

identity:
        mov eax, 42
        iret

read_port:
        in al, DELAY_PORT
        dec ebx
        jnz read_port
        iret

; map the window somewhere else, write through it, take it away again
edit_pages:
        mov dword [WINDOW_ENTRY], FRAMES | PTE_P | PTE_W
        invlpg [WINDOW]
        mov [WINDOW], ebx
        mov dword [WINDOW_ENTRY], 0
        invlpg [WINDOW]
        dec ebx
        jnz edit_pages
        iret

leave_system:
        mov ax, KERNEL_DS
        mov ds, ax
        mov esi, finished
        call print
        exit 0

; a heap page is touched for the first time: give it the next frame
page_fault:
        push eax
        push edx
        mov edx, cr2
        shr edx, 12
        and edx, 0x3ff
        mov eax, [next_frame]
        add dword [next_frame], 0x1000
        or eax, PTE_P | PTE_W | PTE_U
        mov [HEAP_TABLE + edx * 4], eax
        inc dword [faults]
        pop edx
        pop eax
        add esp, 4                          ; error code
        iret

        serial_print

        align 8
calls:  dd identity, read_port, edit_pages, leave_system
next_frame: dd FRAMES
faults: dd 0
booted: db "kernel up, paging on", 10, 0
finished: db "program done", 10, 0

        align 8
idt:    no_gates 14
        gate page_fault, GATE_INT0
        no_gates 0x80 - 15
        gate system_call, GATE_INT3
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
