; boot-halt: starts, and stops again (section 6.3, figure 5): firmware that probes ports, a kernel that sets up
; page tables, a few processes that make system calls, then the end. The proportions are the paper's counts for
; booting and halting XP-64, a thousandth of each times SCALE: 2.43 M port accesses, 1.09 M system calls, 44 M
; calls and returns, 1.03 M page-table edits, 12.5 k page faults (paper.md 2.6).
; compared: console

%ifndef SCALE
%define SCALE           1
%endif
PORT_READS      equ 2430 * SCALE / 10
SYSTEM_CALLS    equ 1090 * SCALE / 10
CALLS           equ 44000 * SCALE / 10
EDITS           equ 1030 * SCALE / 10
FAULTS          equ 10 * SCALE
%define FAST_CALLS
%define AT_BOOT         probe
%define PROGRAMS        0
%include "os/kernel.inc"

; probe: what firmware and drivers do before there is a process
        section .text
probe:  mov ecx, PORT_READS
.read:  in al, DELAY_PORT
        dec ecx
        jnz .read
        mov ecx, CALLS
.call:  call .leaf
        dec ecx
        jnz .call
        mov ecx, EDITS
        mov edx, [kernel_directory]
        mov edx, [edx]                          ; the table of the first 4 MB
        and edx, -PAGE
.edit:  mov eax, [edx + 8 * 4]
        mov [edx + 8 * 4], eax
        dec ecx
        jnz .edit
.leaf:  ret

        section .user
        align 4
init:   os SYS_BREAK, FAULTS * PAGE
        mov edi, eax
        mov ecx, FAULTS
.fault: mov [edi], ecx
        add edi, PAGE
        loop .fault
        mov ebp, SYSTEM_CALLS
.call:  os SYS_NUMBER
        dec ebp
        jnz .call
        say "halting"
        say 10
        os SYS_EXIT, 0

        align 4
programs:
%include "os/end.inc"
