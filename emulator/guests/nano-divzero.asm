; nano-divzero: divisions by zero in the kernel, whose handler steps over them: the paper's `divzero`.
%include "nano.inc"
        nano_start 0
        xor ebx, ebx
        repeat
        div ebx
        again
        exit 0
divide: add dword [esp], 2                      ; the length of div ebx
        iret
        nano_tables divide, nano_unused
