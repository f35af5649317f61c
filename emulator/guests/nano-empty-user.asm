; nano-empty-user: the loop of the nanobenchmarks in ring 3 with nothing in it.
%include "nano.inc"
        nano_start 0
        enter_user user, USER_STACK
user:   repeat
        again
        int 0x80
        nano_tables nano_unused, nano_unused
