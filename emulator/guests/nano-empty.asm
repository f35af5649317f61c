; nano-empty: the loop of the nanobenchmarks in ring 0 with nothing in it: what the others are measured against.
%include "nano.inc"
        nano_start 0
        repeat
        again
        exit 0
        nano_tables nano_unused, nano_unused
