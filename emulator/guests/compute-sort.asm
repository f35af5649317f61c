; compute-sort: quicksort of random numbers, recursive (calls and returns, branches that cannot be foreseen).
; compared: console
%include "compute.inc"
NUMBERS equ 1024
        section .user
prepare:
        ret

work:   mov edi, numbers
        mov ecx, NUMBERS
.fill:  call random
        shr eax, 1
        stosd
        loop .fill
        mov esi, numbers
        mov edi, numbers + NUMBERS * 4 - 4
        call sort
        xor eax, eax                            ; checksum: sum of every number times its place
        xor ecx, ecx
.sum:   mov edx, [numbers + ecx * 4]
        imul edx, ecx
        add eax, edx
        inc ecx
        cmp ecx, NUMBERS
        jb .sum
        ret

; sort: esi, edi = first and last
sort:   cmp esi, edi
        jae .done
        push esi
        push edi
        mov eax, esi                            ; the middle one decides
        add eax, edi
        rcr eax, 1
        and eax, -4
        mov ebx, [eax]
.left:  cmp [esi], ebx
        jae .right
        add esi, 4
        jmp .left
.right: cmp [edi], ebx
        jbe .pair
        sub edi, 4
        jmp .right
.pair:  cmp esi, edi
        ja .split
        mov eax, [esi]
        mov edx, [edi]
        mov [esi], edx
        mov [edi], eax
        add esi, 4
        sub edi, 4
        cmp esi, edi
        jbe .left
.split: mov eax, edi
        pop edi
        pop edx
        push edi
        push esi
        mov esi, edx
        mov edi, eax
        call sort
        pop esi
        pop edi
        call sort
.done:  ret

        align 4
numbers: times NUMBERS dd 0
%include "os/end.inc"
