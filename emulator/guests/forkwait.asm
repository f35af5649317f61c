; forkwait: the paper's worst case for virtual memory (section 6.2): a process that forks a child and waits for its exit,
; ITERATIONS times. The process has RESIDENT_PAGES pages in use, half of which parent and child each write after every
; fork: copies, page-table edits and address-space switches. Its size is what makes one iteration take the paper's
; 572,000 cycles on the bare Pentium 4; nothing else in it is fitted.
; compared: console

%ifndef ITERATIONS
%define ITERATIONS      3
%endif
%ifndef RESIDENT_PAGES
%define RESIDENT_PAGES  138
%endif
%ifndef WRITTEN_PAGES
%define WRITTEN_PAGES   (RESIDENT_PAGES / 2)
%endif
%define PROGRAMS        0
%include "os/kernel.inc"

        align 4
init:   os SYS_BREAK, RESIDENT_PAGES * PAGE
        mov [heap], eax
        mov ecx, RESIDENT_PAGES
        call write_pages
        mov ebp, ITERATIONS
.fork:  os SYS_FORK
        test eax, eax
        jz child
        mov ecx, WRITTEN_PAGES
        call write_pages
        os SYS_WAIT
        dec ebp
        jnz .fork
        os SYS_EXIT, 0

child:  mov ecx, WRITTEN_PAGES
        call write_pages
        os SYS_EXIT, 0

; write_pages: a word in each of the first ecx pages of the heap
write_pages:
        mov edi, [heap]
.page:  inc dword [edi]
        add edi, PAGE
        loop .page
        ret

        align 4
heap:   dd 0
programs:

%include "os/end.inc"
