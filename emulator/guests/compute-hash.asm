; compute-hash: CRC-32 of a buffer by table (the kind of a checksum or hash table).
; compared: console
%include "compute.inc"
BUFFER_BYTES equ 16384
POLYNOMIAL equ 0xedb88320
        section .user
prepare:
        xor ebx, ebx
.entry: mov eax, ebx
        mov ecx, 8
.bit:   shr eax, 1
        jnc .even
        xor eax, POLYNOMIAL
.even:  loop .bit
        mov [crc_table + ebx * 4], eax
        inc ebx
        cmp ebx, 256
        jb .entry
        mov edi, buffer
        mov ecx, BUFFER_BYTES / 4
.fill:  call random
        stosd
        loop .fill
        ret

work:   mov esi, buffer
        mov ecx, BUFFER_BYTES
        or eax, -1
.byte:  movzx edx, byte [esi]
        inc esi
        xor dl, al
        shr eax, 8
        xor eax, [crc_table + edx * 4]
        dec ecx
        jnz .byte
        not eax
        ret

        align 4
crc_table: times 256 dd 0
buffer: times BUFFER_BYTES db 0
%include "os/end.inc"
