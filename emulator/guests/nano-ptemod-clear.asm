; nano-ptemod-clear: each store takes one page away (present to not present), a different one each time.
%include "nano.inc"
        nano_start PTE_USED
        mov esi, 0x400000                       ; every page above the kernel's 4 MB is in use
.touch: mov eax, [esi]
        add esi, 0x1000
        cmp esi, TABLES * 0x400000
        jb .touch
        mov edi, PAGES + 0x2000
        xor eax, eax
        repeat
        mov [edi], eax
        add edi, 4
        again
        exit 0
        nano_tables nano_unused, nano_unused
