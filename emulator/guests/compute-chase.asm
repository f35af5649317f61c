; compute-chase: follows pointers through a ring of 256 pages in random order (cache and TLB misses: the kind of mcf).
; compared: console
%include "compute.inc"
PAGES_OF_RING equ 256
STEPS equ 20000
        section .user
; Sattolo's shuffle gives one ring through all pages
prepare:
        os SYS_BREAK, PAGES_OF_RING * PAGE
        mov [ring], eax
        xor ecx, ecx
.page:  mov edx, ecx
        shl edx, 12
        lea edi, [eax + edx]
        mov [edi], edi
        inc ecx
        cmp ecx, PAGES_OF_RING
        jb .page
        mov ebx, PAGES_OF_RING - 1
.swap:  call random
        xor edx, edx
        div ebx                                 ; a page below this one
        shl edx, 12
        add edx, [ring]
        mov edi, ebx
        shl edi, 12
        add edi, [ring]
        mov eax, [edx]
        xchg eax, [edi]
        mov [edx], eax
        dec ebx
        jnz .swap
        ret

work:   mov esi, [ring]
        mov ecx, STEPS
        xor eax, eax
.step:  mov esi, [esi]
        add eax, esi
        dec ecx
        jnz .step
        ret

        align 4
ring:   dd 0
%include "os/end.inc"
