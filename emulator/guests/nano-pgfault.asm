; nano-pgfault: reads of a page that is not there, from the kernel, whose handler steps over them: the paper's `pgfault`.
%include "nano.inc"
ABSENT  equ 0x40000000
        nano_start 0
        mov ebx, ABSENT
        repeat
        mov eax, [ebx]
        again
        exit 0
page_fault:
        add esp, 4                              ; error code
        add dword [esp], 2                      ; the length of mov eax, [ebx]
        iret
        nano_tables nano_unused, page_fault
