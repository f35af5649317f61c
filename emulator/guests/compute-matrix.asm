; compute-matrix: product of two matrices of integers (loops, multiplications, memory in order).
; compared: console
%include "compute.inc"
SIZE equ 32
        section .user
prepare:
        mov edi, left
        mov ecx, 2 * SIZE * SIZE
.fill:  call random
        shr eax, 16
        stosd
        loop .fill
        ret

work:   xor ebp, ebp                            ; checksum
        xor ebx, ebx                            ; row
.row:   xor edi, edi                            ; column
.cell:  mov esi, ebx
        imul esi, esi, SIZE * 4
        add esi, left
        lea edx, [right + edi * 4]
        xor eax, eax
        push ebx
        mov ecx, SIZE
.sum:   mov ebx, [esi]
        imul ebx, [edx]
        add eax, ebx
        add esi, 4
        add edx, SIZE * 4
        dec ecx
        jnz .sum
        pop ebx
        xor ebp, eax
        rol ebp, 1
        inc edi
        cmp edi, SIZE
        jb .cell
        inc ebx
        cmp ebx, SIZE
        jb .row
        mov eax, ebp
        ret

        align 4
left:   times SIZE * SIZE dd 0
right:  times SIZE * SIZE dd 0
%include "os/end.inc"
