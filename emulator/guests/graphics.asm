; graphics: one process that makes a storm of small system calls between short computations (figure 3, 2D graphics).
; compared: console

%ifndef CALLS
%define CALLS           200
%endif
%define FAST_CALLS
%define PROGRAMS        0
%include "os/kernel.inc"

        align 4
init:   mov ebp, CALLS
.call:  mov edi, line                           ; draw a line of 64 points into memory
        mov ecx, 64
        mov eax, ebp
.point: stosd
        add eax, 0x00010203
        dec ecx
        jnz .point
        os SYS_NUMBER                           ; and have the kernel know about it
        dec ebp
        jnz .call
        mov eax, [line + 4 * 63]
        call say_number
        say 10
        os SYS_EXIT, 0

        align 4
programs:
line:   times 64 dd 0
%include "os/end.inc"
