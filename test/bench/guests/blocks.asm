; blocks: 1,000 hot blocks of eight instructions, visited in turn.
%include "bench.inc"
%ifndef ROUNDS
%define ROUNDS 10000
%endif
        bench_header
start:  mov esp, 0x90000
        mov ecx, ROUNDS
        mov eax, 1
        mov ebx, 2
.round:
%assign i 0
%rep 1000
        add eax, ebx
        xor ebx, eax
        lea edx, [eax + ebx]
        add edx, i
        and edx, 0xffff
        sub eax, edx
        test eax, eax
        jz $ + 2                ; ends the block either way
%assign i i + 1
%endrep
        dec ecx
        jnz .round
        bench_done
