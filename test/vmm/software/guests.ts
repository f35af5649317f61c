/** Guests for the equivalence of translated and native execution, one subject each. `exits` are reasons that must occur. */
export interface TestGuest {
  name: string;
  source: string;
  exits?: readonly string[];
}

/** Tables of a guest with handlers: `vectors` maps vector to label; the others are not there. */
export function tables(vectors: Record<number, string>): string {
  const rows: string[] = [];
  let next = 0;
  for (const [vector, label] of Object.entries(vectors).sort(([a], [b]) => Number(a) - Number(b))) {
    if (Number(vector) > next) rows.push(`        no_gates ${Number(vector) - next}`);
    rows.push(`        gate ${label}, ${Number(vector) >= 0x80 ? 'GATE_INT3' : 'GATE_INT0'}`);
    next = Number(vector) + 1;
  }
  return `
        align 8
idt:
${rows.join('\n')}
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
`;
}

/** Identity-maps the first 4 MB for everyone, with the directory at 0x200000 and the table behind it, and turns paging on. */
export const PAGING = `
        mov edi, 0x200000
        xor eax, eax
        mov ecx, 2048
        rep stosd
        mov edi, 0x201000
        mov eax, PTE_P | PTE_W | PTE_U
        mov ecx, 1024
%%fill: stosd
        add eax, 0x1000
        loop %%fill
        mov dword [0x200000], 0x201000 | PTE_P | PTE_W | PTE_U
        mov eax, 0x200000
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG_WP
        mov cr0, eax
`.replaceAll('%%', '.paging_');

export const GUESTS: readonly TestGuest[] = [
  {
    name: 'arithmetic loop',
    source: `
start:  mov ecx, 1000
        xor eax, eax
.again: add eax, ecx
        rol eax, 3
        xor edx, eax
        sbb ebx, edx
        imul esi, eax, 7
        dec ecx
        jnz .again
        exit 0
`,
  },
  {
    name: 'loop, loope, loopne and jecxz',
    source: `
start:  mov ecx, 5
.a:     inc eax
        loop .a
        mov ecx, 9
.b:     inc ebx
        cmp ebx, 3
        loopne .b
        mov ecx, 9
        xor edx, edx
.c:     cmp edx, edx
        inc edx
        cmp edx, edx
        loope .c
        jecxz .d
        mov eax, -1
.d:     mov ecx, 0x10000
        jcxz .e
        mov ebx, -1
.e:     mov cx, 3
.f:     inc edi
        a16 loop .f
        exit 1
`,
  },
  {
    name: 'nested and recursive calls',
    source: `
start:  mov esp, STACK_TOP
        mov eax, 12
        call fib
        mov esi, eax
        push dword 5
        push dword 6
        call add_two
        mov edi, eax
        exit 0
fib:    cmp eax, 2
        jb .done
        push eax
        dec eax
        call fib
        xchg eax, [esp]
        sub eax, 2
        call fib
        pop edx
        add eax, edx
.done:  ret
add_two: mov eax, [esp + 4]
        add eax, [esp + 8]
        ret 8
`,
  },
  {
    name: 'indirect jumps and calls, by register and memory, also through ecx and esp',
    source: `
start:  mov esp, STACK_TOP
        xor ebx, ebx
.next:  mov ecx, ebx
        call [table + ecx * 4]
        inc ebx
        cmp ebx, 3
        jb .next
        mov ecx, five
        jmp ecx
three:  add esi, 3
        mov ecx, 7
        ret
four:   shl esi, 4
        ret
zero:   stc
        adc esi, 100
        ret
five:   push dword six
        jmp [esp]
six:    push dword seven
        call [esp]
        exit 0
seven:  lea edi, [esi + ecx]
        ret
table:  dd zero, three, four
`,
  },
  {
    name: 'a smashed return address goes where it says',
    source: `
start:  mov esp, STACK_TOP
        call smash
        mov eax, 1
        exit 1
smash:  mov dword [esp], elsewhere
        stc
        ret
elsewhere:
        setc bl
        mov eax, 2
        exit 0
`,
  },
  {
    name: 'return targets that share a slot of the table',
    source: `
start:  mov esp, STACK_TOP
        mov esi, 50
.again: call work
        inc eax
        jmp .second
        times 256 - ($ - .again) nop
.second: call work
        add ebx, eax
        dec esi
        jnz .again
        exit 0
work:   add edx, ebx
        rol edx, 1
        ret
`,
  },
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
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x34
        out 0x43, al
        mov al, 0x20
        out 0x40, al
        mov al, 0
        out 0x40, al
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
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x34
        out 0x43, al
        mov al, 2
        out 0x40, al
        mov al, 0
        out 0x40, al
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
    name: 'page faults in the middle of a unit, at push, pop, call and ret',
    exits: ['PAGE_FAULT_TRUE', 'PAGE_FAULT_TRACE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x201000 + 0x300 * 4], 0
        mov dword [0x201000 + 0x301 * 4], 0
        mov dword [0x201000 + 0x302 * 4], 0
        mov dword [0x201000 + 0x303 * 4], 0
        mov dword [0x201000 + 0x304 * 4], 0
        invlpg [0x300000]
        mov eax, cr3
        mov cr3, eax
        mov ecx, 1
        mov edx, 2
        mov [0x300010], ecx
        add edx, ecx
        inc dword [0x301000]
        adc edx, ecx
        mov eax, [0x302ffe]
        mov esi, other
        push dword [esi]
        pop dword [0x304000]
        exit 0
page_fault:
        push eax
        push ebx
        mov ebx, [count]
        mov eax, [esp + 12]
        mov [log + ebx], eax
        mov eax, [esp + 8]
        mov [log + ebx + 4], eax
        mov eax, cr2
        mov [log + ebx + 8], eax
        add dword [count], 12
        shr eax, 12
        lea ebx, [eax * 4 + 0x201000]
        shl eax, 12
        or eax, PTE_P | PTE_W
        mov [ebx], eax
        pop ebx
        pop eax
        add esp, 4
        iret
        align 4
other:  dd 0x12345678
count:  dd 0
log:    times 40 dd 0
${tables({ 14: 'page_fault' })}
`,
  },
  {
    name: 'the stack itself faults: call, ret and ret n in sequence with a task that repairs it',
    exits: ['PAGE_FAULT_TRUE', 'PAGE_FAULT_HIDDEN'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x201000 + 0x300 * 4], 0x300000 | PTE_P      ; read-only
        mov eax, cr3
        mov cr3, eax
        enter_user user, 0x301000
user:   mov ecx, 0x1111
        call callee
        mov ebx, 3
        push ebx
        call callee_pops
        int 0x80
callee: mov edx, ecx
        ret
callee_pops: add edx, [esp + 4]
        ret 4
page_fault:
        push eax
        mov eax, [esp + 8]
        mov [fault_eip], eax
        mov eax, [esp + 4]
        mov [fault_code], eax
        or dword [0x201000 + 0x300 * 4], PTE_W | PTE_U
        invlpg [0x300000]
        pop eax
        add esp, 4
        iret
system: exit 0
        align 4
fault_eip: dd 0
fault_code: dd 0
${tables({ 14: 'page_fault', 0x80: 'system' })}
`,
  },
  {
    name: 'self-modifying code: own unit, later unit, code beside data',
    exits: ['PAGE_FAULT_TRACE'],
    source: `
start:  mov esp, STACK_TOP
        mov ecx, 5
.again: mov byte [.patch + 1], cl
.patch: mov al, 0
        add ebx, eax
        dec ecx
        jnz .again
        call victim
        mov dword [victim + 1], 77
        call victim
        mov byte [victim], 0xbd     ; mov ebp, imm32
        call victim
        mov ecx, 20
.data:  inc dword [beside]
        loop .data
        mov edi, beside
        mov ecx, 3
        xor eax, eax
        rep stosd
        mov dword [.tail], 0x90909090
.tail:  db 0x0f, 0x0b, 0x0f, 0x0b
        exit 0
victim: mov edx, 33
        add esi, edx
        ret
beside: dd 0, 0, 0
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
  {
    name: 'code across pages: falls through, branches, and instructions that straddle',
    source: `
start:  mov esp, STACK_TOP
        mov ecx, 30
        jmp .again
        times 0xff0 - ($ - $$) nop
.again: inc eax
        add ebx, eax
        call .far_away
        test ecx, 1
        jz .far_branch
        add dword [counter], 0x12345678
        nop
.back:  dec ecx
        jnz .again
        exit 0
        times 0x1ffd - ($ - $$) nop
.far_branch:
        add dword [counter], 0x01010101 ; crosses into the next page
        jmp .back
        times 0x3000 - ($ - $$) nop
.far_away:
        add esi, ecx
        ret
counter: dd 0
`,
  },
  {
    name: 'the guest reaches above the monitor’s base, with data, stack and wrap-around',
    exits: ['EMULATE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov edi, 0x203000
        xor eax, eax
        mov ecx, 1024
        rep stosd
        mov dword [0x203000 + 1023 * 4], 0x300000 | PTE_P | PTE_W
        mov dword [0x203000], 0x301000 | PTE_P | PTE_W
        mov dword [0x200000 + 1023 * 4], 0x203000 | PTE_P | PTE_W
        mov eax, 0xffc00000
        mov dword [eax], 0x1234
        mov ebx, [eax]
        mov dword [0xfffffffc], 0x5678
        mov esp, 0
        push ebx
        push dword 77
        pop ecx
        pop edx
        mov esp, 0xfffffff0
        call .sub
        mov esi, [0x300ff0 - 4]
        xor esp, esp
        jmp .on
.sub:   mov ebp, [esp]
        ret
.on:    mov edi, 0xffbffffe         ; straddles the base
        mov esp, STACK_TOP
        exit 0
${tables({})}
`,
  },
  {
    name: 'code above the monitor’s base',
    exits: ['EMULATE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x200000 + 1023 * 4], 0x201000 | PTE_P | PTE_W
        mov ecx, 10
        mov eax, 0xffc00000 + code
        call eax
        exit 0
code:   add ebx, ecx
        loop code
        ret
${tables({})}
`,
  },
  {
    name: 'code remapped by invlpg and by CR3',
    exits: ['INVLPG', 'CR3_WRITE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov esi, first
        mov edi, 0x300000
        mov ecx, first_end - first
        rep movsb
        mov esi, second
        mov edi, 0x301000
        mov ecx, second_end - second
        rep movsb
        mov esi, 0x200000           ; a second address space
        mov edi, 0x204000
        mov ecx, 2048
        rep movsd
        mov dword [0x204000], 0x205000 | PTE_P | PTE_W | PTE_U
        mov dword [0x205000 + 0x310 * 4], 0x301000 | PTE_P | PTE_W
        mov dword [0x201000 + 0x310 * 4], 0x300000 | PTE_P | PTE_W
        invlpg [0x310000]
        mov ebp, 6
.again: call caller
        xor dword [0x201000 + 0x310 * 4], 0x1000
        invlpg [0x310000]
        call caller
        mov eax, 0x204000
        mov cr3, eax
        call caller
        mov eax, 0x200000
        mov cr3, eax
        dec ebp
        jnz .again
        exit 0
caller: mov eax, 0x310000
        call eax
        call 0x310000
        ret
first:  add ebx, 1
        ret
first_end:
second: add ebx, 0x100
        add edx, ebx
        ret
second_end:
${tables({})}
`,
  },
  {
    name: 'accessed and dirty bits, cleared and set again',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov ecx, 3
.again: mov eax, [0x300000]
        mov [0x301000], eax
        call far_code
        mov edx, [0x201000 + 0x300 * 4]
        add ebx, edx
        add ebx, [0x201000 + 0x301 * 4]
        add ebx, [0x201000 + 0x102 * 4]
        and dword [0x201000 + 0x300 * 4], ~0x60
        and dword [0x201000 + 0x301 * 4], ~0x60
        and dword [0x201000 + 0x102 * 4], ~0x60
        mov eax, cr3
        mov cr3, eax
        add esi, [0x201000 + 0x300 * 4]
        add esi, [0x201000 + 0x301 * 4]
        add esi, [0x201000 + 0x102 * 4]
        loop .again
        exit 0
${tables({})}
        times 0x2000 - ($ - $$) db 0
far_code: inc edi
        ret
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
    name: 'string instructions fault and go on',
    exits: ['PAGE_FAULT_TRUE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x201000 + 0x300 * 4], 0
        mov dword [0x201000 + 0x301 * 4], 0
        mov eax, cr3
        mov cr3, eax
        mov edi, 0x2ffff8
        mov eax, 0x31415926
        mov ecx, 1100
        rep stosd
        mov esi, 0x300000
        mov edi, 0x300802
        mov ecx, 300
        rep movsw
        mov edi, 0x300000
        mov al, 0x77
        mov ecx, 5000
        repne scasb
        exit 0
page_fault:
        pusha
        mov eax, cr2
        shr eax, 12
        mov ebx, eax
        shl ebx, 12
        or ebx, PTE_P | PTE_W
        mov [eax * 4 + 0x201000], ebx
        inc dword [count]
        add [sum], ecx
        popa
        add esp, 4
        iret
        align 4
count:  dd 0
sum:    dd 0
${tables({ 14: 'page_fault' })}
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
  {
    name: 'more code than a small cache holds, three times over',
    source: `
start:  mov esp, STACK_TOP
        mov ecx, 3
.again: call body
        dec ecx
        jnz .again
        exit 0
body:
${Array.from({ length: 150 }, (_, i) => `        test eax, ${1 << (i % 8)}\n        jz .l${i}\n        add ebx, ${i}\n.l${i}: add eax, ${i * 7}\n        call leaf`).join('\n')}
        ret
leaf:   xor edx, eax
        ret
`,
  },
];
