; large-ram: random reads and writes over a heap of HEAP_PAGES pages, far more than a TLB reaches: page faults while it
; grows, TLB misses ever after (figure 3, LargeRAM).
; compared: console

%ifndef HEAP_PAGES
%define HEAP_PAGES      512
%endif
%ifndef ACCESSES
%define ACCESSES        4000
%endif
%define PROGRAMS        0
%include "os/kernel.inc"

        align 4
init:   os SYS_BREAK, HEAP_PAGES * PAGE
        mov esi, eax
        mov ecx, ACCESSES
        mov eax, 1
        xor ebp, ebp
.next:  imul eax, eax, 1664525
        add eax, 1013904223
        mov ebx, eax
        xor edx, edx
        mov edi, HEAP_PAGES * PAGE / 4
        push eax
        div edi
        pop eax
        add [esi + edx * 4], ebx
        xor ebp, [esi + edx * 4]
        dec ecx
        jnz .next
        mov eax, ebp
        call say_number
        say 10
        os SYS_EXIT, 0

        align 4
programs:
%include "os/end.inc"
