; compile: the kind of a software build: JOBS processes one after another, each made by fork and exec, which read a source
; file, fill tables on a heap made on demand, and exit (short processes, page faults, files; figure 3, "compile").
; disk: os/files.inc
; compared: console

%ifndef JOBS
%define JOBS            3
%endif
%define HEAP_PAGES      24
%define PASSES          6
%define PROGRAMS        1
%include "os/kernel.inc"

        align 4
init:   mov ebp, JOBS
.job:   os SYS_FORK
        test eax, eax
        jnz .wait
        os SYS_EXEC, 0, ebp
.wait:  os SYS_WAIT
        add [sum], ebx
        dec ebp
        jnz .job
        mov eax, [sum]
        call say_number
        say 10
        os SYS_EXIT, 0

; program 0: the compiler, in words: reads, hashes every word into a table, goes over the table a few times
compiler:
        mov [job], eax
        os SYS_BREAK, HEAP_PAGES * PAGE
        mov [table], eax
        os SYS_READ_FILE, file, source, SOURCE_BYTES
        mov ebp, PASSES
.pass:  mov esi, source
        mov ecx, SOURCE_BYTES / 4
.word:  lodsd
        add eax, [job]
        imul eax, eax, 0x9e3779b1               ; Fibonacci hashing
        rol eax, 7
        xor edx, edx
        mov ebx, HEAP_PAGES * PAGE / 4
        div ebx
        mov ebx, [table]
        add [ebx + edx * 4], ecx
        dec ecx
        jnz .word
        dec ebp
        jnz .pass
        mov esi, [table]
        mov ecx, HEAP_PAGES * PAGE / 4
        xor ebx, ebx
.sum:   lodsd
        add ebx, eax
        dec ecx
        jnz .sum
        and ebx, 0xffff
        os SYS_EXIT, ebx

        align 4
programs: dd compiler
sum:    dd 0
job:    dd 0
table:  dd 0
file:   db "source", 0
        times NAME_BYTES - 7 db 0
SOURCE_BYTES equ 2048
source: times SOURCE_BYTES / 4 dd 0x20656e6f

%include "os/end.inc"
