; nano-in: reads of a port with nothing behind it: the paper's `in`.
%include "nano.inc"
        nano_start 0
        repeat
        in al, DELAY_PORT
        again
        exit 0
        nano_tables nano_unused, nano_unused
