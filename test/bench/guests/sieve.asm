; sieve: Eratosthenes over 1 MB of bytes.
%include "bench.inc"
%define SIEVE 0x400000
%define COUNT 0x100000
%ifndef ROUNDS
%define ROUNDS 2
%endif
        bench_header
start:  mov esp, 0x90000
        mov ebp, ROUNDS
.round: mov edi, SIEVE
        mov ecx, COUNT
.clear: mov byte [edi], 1
        inc edi
        dec ecx
        jnz .clear
        mov esi, 2
.next:  cmp byte [SIEVE + esi], 0
        je .skip
        mov eax, esi
        add eax, esi
        jmp .test
.mark:  mov byte [SIEVE + eax], 0
        add eax, esi
.test:  cmp eax, COUNT
        jb .mark
.skip:  inc esi
        cmp esi, COUNT
        jb .next
        dec ebp
        jnz .round
        bench_done
