import { PAGING, tables } from './guest-parts.js';
import type { TestGuest } from './guest-parts.js';

/** User code, ports and segments. */
export const PRIVILEGE_GUESTS: readonly TestGuest[] = [
  {
    name: 'ring 3 and system calls',
    exits: ['SOFTWARE_INTERRUPT', 'IRET', 'PAGE_FAULT_HIDDEN'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        enter_user user, 0x80000
user:   mov edi, 20
.again: mov eax, edi
        int 0x80
        add esi, eax
        dec edi
        jnz .again
        pushf
        pop ebp
        xor eax, eax
        int 0x80
system: test eax, eax
        jz .leave
        inc dword [count]
        lea eax, [eax * 2 + 1]
        iret
.leave: mov eax, [count]
        exit 0
count:  dd 0
${tables({ 0x80: 'system' })}
`,
  },
  {
    name: 'user privileged instructions and faults are the guest’s own',
    exits: ['EXCEPTION'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x201000 + 0x300 * 4], 0x300000 | PTE_P | PTE_W
        enter_user user, 0x80000
user:   cli
        in al, 0x80
        hlt
        mov eax, cr0
        mov eax, [0x300000]
        mov [0x300000], eax
        xor ecx, ecx
        div ecx
        db 0x0f, 0x0b
        mov ax, KERNEL_DS
        mov ds, ax
        int 0x21
        int 0x80
%macro note 1
        push eax
        mov eax, [count]
        mov dword [log + eax], %1
        add dword [count], 4
        pop eax
%endmacro
fault_gp: note 13
        mov eax, [esp]
        mov edx, [esp + 4]
        add [sum], eax
        add [eips], edx
        add esp, 4
        push eax
        mov eax, [esp + 4]
        movzx eax, byte [eax]
        cmp al, 0xfa
        je .one
        cmp al, 0xf4
        je .one
        cmp al, 0x0f
        je .three
        add dword [esp + 4], 1
.two_more: add dword [esp + 4], 1
        jmp .out
.three: add dword [esp + 4], 2
.one:   add dword [esp + 4], 1
.out:   pop eax
        iret
fault_pf: note 14
        add esp, 4
        mov eax, cr2
        add [sum], eax
        add dword [esp], 5
        iret
fault_de: note 1
        add dword [esp], 2
        iret
fault_ud: note 6
        add dword [esp], 2
        iret
system: mov ax, KERNEL_DS
        mov ds, ax
        exit 0
        align 4
count:  dd 0
sum:    dd 0
eips:   dd 0
log:    times 32 dd 0
${tables({ 0: 'fault_de', 6: 'fault_ud', 13: 'fault_gp', 14: 'fault_pf', 0x80: 'system' })}
`,
  },
  {
    name: 'port input and output in loops',
    exits: ['IOIO_IN', 'IOIO_OUT'],
    source: `
start:  mov ecx, 40
.again: in al, 0x80
        out 0xe9, al
        loop .again
        mov esi, text
        mov edx, 0xe9
        mov ecx, 5
        rep outsb
        mov edi, buffer
        mov edx, 0x3fd
        mov ecx, 3
        rep insb
        in eax, dx
        exit 0
text:   db "hello"
buffer: times 8 db 0
`,
  },
  {
    name: 'segment registers: loads, stores, bases, small limits, null',
    exits: ['SEGMENT_LOAD', 'FAR_TRANSFER', 'EXCEPTION'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        lgdt [gdtr2]
        mov eax, 0x30
        mov es, eax
        mov eax, [es:0]
        mov ebx, [es:4]
        mov fs, ax
        mov [es:8], ebx
        mov ebp, [es:0x10]          ; beyond the limit
        xor ecx, ecx
        mov gs, ecx
        mov ebp, [gs:0]             ; null
        mov gs, [selector]
        mov esi, [gs:0]
        mov esi, [cs:data]
        push gs
        push fs
        push es
        push cs
        push ss
        pop eax
        pop edx
        pop es
        pop fs
        pop gs
        mov di, ds
        mov bx, ss
        lds ecx, [far_pointer]
        les ecx, [far_pointer]
        push cs
        push dword .far
        retf
.far:   call KERNEL_CS:.proc
        jmp KERNEL_CS:.end
.proc:  lar eax, [selector]
        lsl ebp, [selector]
        verr [selector]
        retf
.end:   str cx
        smsw dx
        sgdt [out_gdt]
        sidt [out_idt]
        sldt bx
        exit 0
general: push eax
        inc dword [faults]
        mov eax, [esp + 8]
        add [eips], eax
        pop eax
        add esp, 4
        add dword [esp], 7
        cmp byte [eight_bytes], 0
        iret
        align 8
faults: dd 0
eips:   dd 0
eight_bytes: db 0
        align 4
data:   dd 0x11223344, 0x55667788, 0, 0
selector: dd 0x30
far_pointer: dd 0x1234
        dw 0x10
out_gdt: dw 0, 0, 0
out_idt: dw 0, 0, 0
        align 8
gdt2:   dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
        dq 0x00cffb000000ffff
        dq 0x00cff3000000ffff
        dq 0
        dw 0x0f, (data - $$ + ORIGIN) & 0xffff
        db (data - $$ + ORIGIN) >> 16, 0x92, 0x40, 0
gdtr2:  dw gdtr2 - gdt2 - 1
        dd gdt2
${tables({ 13: 'general' })}
`,
  },
  {
    name: 'user code loads segments',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        enter_user user, 0x80000
user:   xor eax, eax
        mov es, ax
        mov fs, ax
        mov ax, USER_DS
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov eax, [es:user]
        mov ebx, [gs:user + 4]
        push ds
        push cs
        pop esi
        pop edi
        push dword USER_CS
        push dword .far
        retf
.far:   push fs
        pop ds
        mov eax, USER_DS
        mov ss, ax
        xor edx, edx
        mov gs, dx
        int 0x80
system: exit 0
${tables({ 0x80: 'system' })}
`,
  },
];
