; nano-ptemod-set: each store gives one page back (not present to present), a different one each time.
%include "nano.inc"
        nano_start PTE_USED
        mov esi, 0x400000                       ; every page above the kernel's 4 MB was in use
.touch: mov eax, [esi]
        add esi, 0x1000
        cmp esi, TABLES * 0x400000
        jb .touch
        mov edi, PAGES + 0x2000
        xor eax, eax
        mov ecx, (TABLES - 1) * 1024
        rep stosd
        mov eax, cr3
        mov cr3, eax
        mov edi, PAGES + 0x2000
        mov eax, 0x400000 | PTE_P | PTE_W | PTE_U | PTE_USED
        repeat
        mov [edi], eax
        add edi, 4
        add eax, 0x1000
        again
        exit 0
        nano_tables nano_unused, nano_unused
