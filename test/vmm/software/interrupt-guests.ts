import { PAGING, tables } from './guest-parts.js';
import type { TestGuest } from './guest-parts.js';
import { timer } from '../../timer.js';

/** Interrupts, the interrupt flag, exceptions and ends. */
export const INTERRUPT_GUESTS: readonly TestGuest[] = [
  {
    name: 'interrupt flag: cli, sti, pushf, popf',
    exits: ['POPF'],
    source: `
start:  mov esp, STACK_TOP
        pushf
        pop eax
        sti
        pushf
        pop ebx
        cli
        pushf
        pop ecx
        mov edx, 0x200ad7
        push edx
        popf
        pushf
        pop esi
        push dword 0x2
        popf
        push dword 0x3002
        popf
        pushf
        pop edi
        exit 0
`,
  },
  {
    name: 'timer interrupts in a busy loop and in hlt',
    exits: ['INTERRUPT', 'HLT'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${timer(0x20)}
        sti
.spin:  cmp dword [ticks], 4
        jb .spin
.sleep: sti
        hlt
        cli
        cmp dword [ticks], 8
        jb .sleep
        cmp dword [ticks], 8
        jne .bad
        push dword [mask]       ; popf that unmasks
        popf
.wait:  cmp dword [ticks], 9
        jb .wait
        cli
        mov al, 0xff
        out 0x21, al
        mov dword [0x8fff0], 0  ; what interrupts pushed depends on time
        mov edi, 0x8ff00
        xor eax, eax
        mov ecx, 64
        rep stosd
        mov dword [ticks], 0
        cmp eax, eax
        exit 0
.bad:   exit 1
tick:   push eax
        inc dword [ticks]
        mov al, 0x20
        out 0x20, al
        pop eax
        iret
        align 4
ticks:  dd 0
mask:   dd 0x202
${tables({ 0x20: 'tick' })}
`,
  },
  {
    name: 'interrupts land anywhere in translated code',
    exits: ['INTERRUPT', 'INTERRUPT_FLAG'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${timer(0x2)}
        sti
        mov edi, 1500
.again: call f1
        add eax, edi
        cli
        adc ebx, eax
        jmp .off                    ; an interrupt that comes now has to wait for the sti
.off:   mov [shared], ebx
        sti
        test edi, 3
        jz .skip
        call [ptrs + 4]
.skip:  mov ecx, edi
        and ecx, 3
        jecxz .none
.in:    add edx, ecx
        loop .in
.none:  mov ecx, f2
        stc
        call ecx
        push dword .back
        jmp [ptrs]
.back:  push dword 5
        call pops
        pushf
        pop ebp
        and ebp, 0x2d5
        add esi, ebp
        std
        cld
        dec edi
        jnz .again
        cli
        mov al, 0xff
        out 0x21, al
        mov dword [ticks], 0        ; how many came depends on time
        mov edi, 0x8fe00
        xor eax, eax
        mov ecx, 127
        rep stosd
        mov dword [0x8fffc], 0
        exit 0
f1:     rol eax, 5
        sbb ebx, 3
        ret
f2:     adc eax, ecx
        ret
f3:     xor edx, eax
        ret
pops:   xor eax, [esp + 4]
        ret 4
tick:   push eax
        inc dword [ticks]
        mov al, 0x20
        out 0x20, al
        pop eax
        iret
        align 4096
ticks:  dd 0
shared: dd 0
ptrs:   dd f3, f2
${tables({ 0x20: 'tick' })}
`,
  },
  {
    name: 'divide error, breakpoint, bound and invalid opcode in the kernel, at the right eip',
    exits: ['EXCEPTION', 'SOFTWARE_INTERRUPT'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        mov ecx, 3
        xor edx, edx
        inc edx
        xor ebx, ebx
        div ebx
        add ecx, edx
        int3
        stc
        into
        mov eax, 0x7fffffff
        inc eax
        into
        mov eax, 9
        bound eax, [limits]
        ud2
        exit 0
%macro fault 2
        push eax
        mov eax, [esp + 4]
        mov [log + %1 * 4], eax
        mov eax, [esp + 12]
        mov [log + 64 + %1 * 4], eax
        add dword [esp + 4], %2
        pop eax
        iret
%endmacro
divide: fault 0, 2
breakpoint: fault 3, 0
overflow: fault 4, 0
bounds: fault 5, 6
undefined: fault 6, 2
        align 4
limits: dd 0, 5
log:    times 32 dd 0
${tables({ 0: 'divide', 3: 'breakpoint', 4: 'overflow', 5: 'bounds', 6: 'undefined' })}
`,
  },
  {
    name: 'single steps through kernel and user code',
    exits: ['EMULATE', 'EXCEPTION'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        push dword 0x102
        popf
        inc eax
        inc eax
        pushf
        and dword [esp], ~0x100
        popf
        nop
        mov ax, USER_DS
        mov ds, ax
        push dword USER_DS
        push dword 0x80000
        push dword 0x102
        push dword USER_CS
        push dword user
        iret
user:   inc ebx
        mov ecx, 3
.again: loop .again
        int 0x80
step:   push eax
        inc dword [count]
        mov eax, [esp + 4]
        add [eips], eax
        pop eax
        iret
system: exit 0
        align 4
count:  dd 0
eips:   dd 0
${tables({ 1: 'step', 0x80: 'system' })}
`,
  },
  {
    name: 'a triple fault',
    source: `
start:  mov esp, STACK_TOP
        mov eax, 5
        lidt [nothing]
        ud2
nothing: dw 0, 0, 0
`,
  },
  {
    name: 'halts for good',
    exits: ['HLT'],
    source: `
start:  mov eax, 5
        cli
        hlt
`,
  },
  {
    name: 'mov ss holds interrupts off, flags survive what is emulated',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        mov ecx, 200
        sti
.again: stc
        mov ax, ss
        mov ss, ax
        mov esp, STACK_TOP
        adc ebx, 0
        std
        in al, 0x80
        cld
        sti
        pushf
        and dword [esp], 0xcff
        pop edx
        loop .again
        cli
        exit 0
${tables({})}
`,
  },
];
