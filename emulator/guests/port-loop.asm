; port-loop: reads one port 1000 times in the kernel: the paper's `in` nanobenchmark.
; Natively each read waits for the bus; a translated one calls the monitor; under SVM each one is an exit.

        bits 32
        org 0x100000
%include "pc.inc"

start:  mov ecx, 1000
.again: in al, DELAY_PORT
        dec ecx
        jnz .again
        exit 0
