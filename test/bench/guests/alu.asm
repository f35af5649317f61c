; alu: register arithmetic in a loop of twelve instructions.
%include "bench.inc"
%ifndef ROUNDS
%define ROUNDS 8000000
%endif
        bench_header
start:  mov esp, 0x90000
        mov ecx, ROUNDS
        mov eax, 1
        mov ebx, 3
        mov edx, 5
        mov esi, 7
.again: add eax, ebx
        xor ebx, edx
        sub edx, esi
        and esi, 0x7fffffff
        or  eax, 0x10
        add esi, 3
        shl ebx, 1
        lea edi, [eax + ebx * 2]
        inc edx
        cmp edi, eax
        dec ecx
        jnz .again
        bench_done
