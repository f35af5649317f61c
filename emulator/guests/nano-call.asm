; nano-call: calls of an empty function: the paper's `call/ret`.
%include "nano.inc"
        nano_start 0
        repeat
        call function
        again
        exit 0
function:
        ret
        nano_tables nano_unused, nano_unused
