; boot-rom.asm: the last 256 bytes of a ROM that carries a suite to an emulator without a loader of ours. The ROM
; ends at 4 GB and begins with the suite; this copies it to LOAD_GPA and enters it as Ringside's loader does.
; Defined by make-expected.ts: ROM_GPA, SUITE_BYTES.

%define LOAD_GPA 0x100000

        bits 16
        org 0xff00
rom:    cli
        mov bx, gdt_pointer
        lgdt [cs:bx]                    ; 24 bits of the base: the copy of the ROM below 1 MB
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword 0x08:flat + 0xf0000
        bits 32
flat:   mov ax, 0x10
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov esp, 0x90000
        mov esi, ROM_GPA
        mov edi, LOAD_GPA
        mov ecx, SUITE_BYTES
        cld
        rep movsb
        mov eax, LOAD_GPA
        jmp eax

        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
gdt_pointer:
        dw $ - gdt - 1
        dd gdt + 0xf0000
        times 0xf0 - ($ - $$) db 0
        bits 16
        jmp rom
        times 0x100 - ($ - $$) db 0
