; hello: sends one line over the serial port and exits with code 0.
; The smallest guest that does something visible: no paging, no interrupts, ring 0 only.

        bits 32
        org 0x100000
%include "pc.inc"

start:  mov esi, text
        call print
        exit 0

        serial_print
text:   db "hello from the guest", 10, 0
