; is-prime: the paper's example of translation (section 3.2): isPrime(49), then all numbers below 200.
; Leaves in ebx how many of them are prime.

        bits 32
        org 0x100000
%include "pc.inc"

start:  mov edi, 49
        call isPrime
        xor ebx, ebx
        mov edi, 2
.next:  call isPrime
        add ebx, eax
        inc edi
        cmp edi, 200
        jl .next
        exit 0

; in: edi = number; out: eax = 1 when it is prime, else 0. Bytes as in the paper.
isPrime:
        mov ecx, edi
        mov esi, 2
        cmp esi, ecx
        jge prime
nexti:  mov eax, ecx
        cdq
        idiv esi
        test edx, edx
        jz notPrime
        inc esi
        cmp esi, ecx
        jl nexti
prime:  mov eax, 1
        ret
notPrime:
        xor eax, eax
        ret
