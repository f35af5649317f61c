; web-processes: a server with a process for each worker, which maps the document it sends (figure 3, Apache on Linux):
; address-space switches, page faults and page-table edits with every request.
; compared: console
%define MAPPED_PAGES 4
%macro start_worker 0
        os SYS_FORK
        test eax, eax
        jz worker
%endmacro
%include "web.inc"
%include "os/end.inc"
