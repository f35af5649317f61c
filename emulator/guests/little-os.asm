; little-os: the little operating system at work: processes that fork and wait, copy on write, a heap made on demand, a
; pipe, threads, exec, a file from the disk, both kinds of system call, preemption, and a fault that ends a process.
; disk: os/files.inc
; compared: console (the timer interrupts processes where time has come to, so what their stacks keep differs)

%define PROGRAMS 1
%include "os/kernel.inc"

        align 4
init:   say "fork and wait: "
        mov dword [shared], 1
        os SYS_FORK
        test eax, eax
        jnz .parent
        add dword [shared], 41                  ; a page of its own from here
        os SYS_EXIT, [shared]
.parent:
        os SYS_WAIT
        push ebx
        mov eax, ebx
        call say_number
        pop eax
        say ", the parent's copy: "
        mov eax, [shared]
        call say_number

        say {10, "heap: "}
        os SYS_BREAK, 64 * PAGE
        mov edi, eax
        mov ecx, 64
        xor eax, eax
.touch: add eax, [edi]                          ; zeros
        mov [edi], ecx
        add eax, [edi]
        add edi, PAGE
        loop .touch
        call say_number

        say {10, "pipe: "}
        os SYS_PIPE, files
        os SYS_FORK
        test eax, eax
        jnz .reader
        os SYS_WRITE, [files + 4], greeting, greeting.end - greeting
        os SYS_EXIT, 0
.reader:
        os SYS_CLOSE, [files + 4]
.read:  os SYS_READ, [files], buffer, 8
        test eax, eax
        jz .eof
        os SYS_WRITE, CONSOLE, buffer, eax
        jmp .read
.eof:   os SYS_CLOSE, [files]
        os SYS_WAIT

        say {10, "threads: "}
        mov ebp, 3
.start: mov eax, ebp
        shl eax, 12
        add eax, thread_stacks
        os SYS_THREAD, thread, eax, ebp
        dec ebp
        jnz .start
        mov ebp, 3
.join:  os SYS_WAIT
        dec ebp
        jnz .join
        mov eax, [shared]
        call say_number

        say {10, "exec: "}
        os SYS_FORK
        test eax, eax
        jnz .exec
        os SYS_EXEC, 0, 1234
.exec:  os SYS_WAIT
        mov eax, ebx
        call say_number

        say {10, "file: "}
        os SYS_READ_FILE, file, buffer, 64
        inc eax
        jz .nodisk
        dec eax
        os SYS_WRITE, CONSOLE, buffer, eax
        jmp .fast
.nodisk:
        say {"no disk"}

.fast:  say {10, "fast call: "}
        mov eax, SYS_NUMBER
        mov ecx, esp
        mov edx, .back
        sysenter
.back:  call say_number

        say {10, "a fault: "}
        os SYS_FORK
        test eax, eax
        jnz .fault
        mov eax, [0x100000]                     ; the kernel's
.fault: os SYS_WAIT
        neg ebx
        mov eax, ebx
        call say_number

        say {10, "preemption: "}
        os SYS_PIPE, files
        os SYS_FORK
        test eax, eax
        jnz .spin
        os SYS_WRITE, [files + 4], greeting, 1
        os SYS_EXIT, 0
.spin:  os SYS_READ, [files], buffer, 1
        os SYS_TICKS
        mov ebp, eax
.tick:  os SYS_TICKS
        cmp eax, ebp
        je .tick
        os SYS_WAIT
        os SYS_SLEEP, 2
        say {"slept", 10}
        os SYS_EXIT, 0

thread: add [shared], eax
        os SYS_EXIT, 0

; program 0: gives back half of what it gets
halve:  shr eax, 1
        os SYS_EXIT, eax

        align 4
programs: dd halve
shared: dd 0
files:  dd 0, 0
greeting: db "a page between two processes"
.end:
file:   db "readme", 0
        times NAME_BYTES - 7 db 0
buffer: times 64 db 0
        align 4096
thread_stacks: times 4 * PAGE db 0

%include "os/end.inc"
