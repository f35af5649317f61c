; nano-rdtsc: reads of the time-stamp counter in the kernel: the paper's example of adaptation (section 3.3).
; compared: console (the counter is time)
%include "nano.inc"
        nano_start 0
        repeat
        rdtsc
        again
        exit 0
        nano_tables nano_unused, nano_unused
