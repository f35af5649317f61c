; paging-small: pseudo-random reads and writes in 256 KB with paging on.
%include "bench.inc"
%ifndef ROUNDS
%define ROUNDS 6000000
%endif
        bench_header
start:  mov esp, 0x90000
        identity_paging 0x200000, PTE_P | PTE_W
        mov ecx, ROUNDS
        mov eax, 12345
.again: imul eax, eax, 1103515245
        add eax, 12345
        mov ebx, eax
        shr ebx, 14
        and ebx, 0x3fffc
        mov edx, [0x300000 + ebx]
        add edx, ecx
        mov [0x300000 + ebx], edx
        dec ecx
        jnz .again
        bench_done
