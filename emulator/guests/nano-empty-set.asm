; nano-empty-set: the loop of nano-ptemod-set and nano-ptemod-clear without its store.
%include "nano.inc"
        nano_start PTE_USED
        repeat
        add edi, 4
        add eax, 0x1000
        again
        exit 0
        nano_tables nano_unused, nano_unused
