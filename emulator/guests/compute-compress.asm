; compute-compress: run-length and back-reference compression of a text with repetitions (the kind of gzip).
; compared: console
%include "compute.inc"
TEXT_BYTES equ 4096
WINDOW     equ 64
        section .user
prepare:
        mov edi, text
        mov ecx, TEXT_BYTES
.fill:  call random
        shr eax, 29                             ; eight letters: repetitions are frequent
        add al, 'a'
        stosb
        loop .fill
        ret

; for each position the longest match within WINDOW bytes before; emits length and distance, or the byte
work:   mov esi, text + WINDOW
        xor ebx, ebx                            ; checksum
.next:  xor ebp, ebp                            ; longest match
        mov edx, 1                              ; distance
.try:   xor ecx, ecx
.same:  mov al, [esi + ecx]
        mov edi, esi
        sub edi, edx
        cmp al, [edi + ecx]
        jne .ended
        inc ecx
        cmp ecx, 16
        jb .same
.ended: cmp ecx, ebp
        jbe .shorter
        mov ebp, ecx
        mov eax, edx
        shl eax, 8
        add ebx, eax
.shorter:
        inc edx
        cmp edx, WINDOW
        jbe .try
        cmp ebp, 3
        jae .copy
        movzx eax, byte [esi]
        add ebx, eax
        mov ebp, 1
.copy:  add ebx, ebp
        rol ebx, 1
        add esi, ebp
        cmp esi, text + TEXT_BYTES - 16
        jb .next
        mov eax, ebx
        ret

        align 4
text:   times TEXT_BYTES db 0
%include "os/end.inc"
