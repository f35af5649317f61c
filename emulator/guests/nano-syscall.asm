; nano-syscall: SYSCALL from ring 3 and SYSRET back: the paper's `syscall`.
%include "nano.inc"
MSR_EFER    equ 0xc0000080
EFER_SCE    equ 1
MSR_STAR    equ 0xc0000081
        nano_start 0
        mov ecx, MSR_EFER
        rdmsr
        or eax, EFER_SCE
        wrmsr
        mov ecx, MSR_STAR
        mov eax, kernel
        mov edx, USER_CS << 16 | KERNEL_CS
        wrmsr
        enter_user user, USER_STACK
user:   mov edx, REPEAT
.again: syscall                                 ; ecx = where to go on
        dec edx
        jnz .again
        int 0x80
kernel: sysret
        nano_tables nano_unused, nano_unused
