; web-threads: a server with a thread for each worker in one address space (figure 3, Apache on Windows): system calls
; and thread switches, but one address space in which nothing is mapped anew.
; compared: console
%macro start_worker 0
        mov eax, ebp
        shl eax, 12
        add eax, stacks
        os SYS_THREAD, worker, eax, 0
%endmacro
%include "web.inc"
        align 4096
stacks: times (WORKERS + 1) * PAGE db 0
%include "os/end.inc"
