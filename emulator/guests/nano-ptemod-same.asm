; nano-ptemod-same: stores to a page-table entry that change nothing: the paper's `ptemod`.
%include "nano.inc"
        nano_start PTE_USED
        mov edi, PAGES + 0x1000 + 1000 * 4
        mov eax, [edi]
        repeat
        mov [edi], eax
        again
        exit 0
        nano_tables nano_unused, nano_unused
