; nano-cr8wr: writes of the task priority, with no interrupt that waits for them. On a 32-bit processor MOV CR8 is LOCK MOV CR0.
%include "nano.inc"
        nano_start 0
        xor eax, eax
        repeat
        mov cr8, eax
        again
        exit 0
        nano_tables nano_unused, nano_unused
