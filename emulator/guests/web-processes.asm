; web-processes: a server with a process for each worker (figure 3, Apache on Linux): address-space switches with every
; request.
; compared: console
%macro start_worker 0
        os SYS_FORK
        test eax, eax
        jz worker
%endmacro
%include "web.inc"
%include "os/end.inc"
