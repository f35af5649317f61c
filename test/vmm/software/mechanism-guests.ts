import { PAGING, tables } from './guests.js';
import type { TestGuest } from './guests.js';

/** Guests for the translator's own mechanisms: emulation in the cache, rewritten prefixes, adaptation. */
export const MECHANISM_GUESTS: readonly TestGuest[] = [
  {
    name: 'pushf and popf with every kind of image',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        mov esi, images
        mov ecx, (images_end - images) / 4
        mov edi, 0x11111111
.next:  lodsd
        push eax
        popf                        ; arithmetic flags, IF, DF, IOPL, NT, AC, ID
        pushf
        pushf
        pop ebx
        add edi, ebx
        rol edi, 5
        cld
        pop ebx
        xor edi, ebx
        stc
        pushf
        pop ebx
        sbb edi, ebx
        loop .next
        push dword 2
        popf
        cli
        exit 0
        align 4
images: dd 0, 0x202, 0x2, 0x8d7, 0xad7, 0xed7, 0xcd7, 0x3002, 0x3202, 0x2, 0x1202, 0x4002, 0x4202, 0x2
        dd 0x40002, 0x40202, 0x2, 0x200002, 0x200202, 0x2, 0x8, 0x8028, 0x10002, 0x8202, 0xffff0ed7 & ~0x100
        dd 0x202, 0x80202, 0x100202, 0x246, 0x893
images_end:
${tables({})}
`,
  },
  {
    name: 'popf that sets the trap flag, and a stack that is not there',
    exits: ['POPF'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        push dword 0x102
        popf
        inc esi
        inc esi
        push dword 2
        popf
        mov dword [0x201000 + 0x80 * 4], 0
        mov esp, 0x80ffc
        pushf                       ; faults: the page is not there
        mov ebx, [esp]
        add esp, 4
        mov dword [0x201000 + 0x80 * 4], 0
        invlpg [0x80000]
        mov esp, 0x80ffc
        stc
        popf                        ; likewise
        mov edi, esp
        cli
        exit 0
debug:  inc ebp
        iret
repair: mov dword [0x201000 + 0x80 * 4], 0x80000 | PTE_P | PTE_W
        add esp, 4
        add eax, [esp]
        iret
        align 8
idt:    no_gates 1
        gate debug, GATE_INT0
        no_gates 6
        dw 0, 0x30, 0x8500, 0       ; double fault: a task gate that nothing should use
        no_gates 5
        dw 0, 0x38, 0x8500, 0       ; page fault: a task, as the stack is what faults
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
`,
  },
  {
    name: 'the time-stamp counter: written, read in kernel and user, no flag touched',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        mov ecx, 0x10
        mov edx, 0x12345678
        mov eax, 0x00010000
        wrmsr
        mov esi, 0xffffffff
        mov edi, 16
.next:  mov ebx, edi
        imul ebx, 0x1235
        add bl, 0x70
        pushf
        pop ebp
        push ebx
        rdtsc
        pop ebx
        pushf
        pop ebx
        cmp ebx, ebp
        jne .bad
        cmp edx, 0x12345678
        jne .bad
        mov ebp, 0x7fffffff
        add ebp, edi                ; overflow
        rdtsc
        seto cl
        setc ch
        add esi, ecx
        dec edi
        jnz .next
        xor eax, eax
        xor edx, edx
        enter_user user, 0x80000
.bad:   exit 1
user:   rdtsc
        mov edi, edx
        int 0x80
system: rdtsc
        mov ebp, edx
        xor eax, eax
        xor ecx, ecx
        mov dword [STACK_TOP - 4], 0
        exit 0
${tables({ 0x80: 'system' })}
`,
  },
  {
    name: 'registers that translated code reads from the data page',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov eax, cr0
        mov ebx, cr3
        mov ecx, cr4
        or eax, 8                   ; TS
        mov cr0, eax
        mov edx, cr0
        smsw esi
        xor esi, edx
        clts
        mov edi, cr0
        add esi, edi
        mov ebp, 0x3fe000
        mov dword [0x201000 + 0x3fe * 4], 0
        invlpg [ebp]
        mov eax, [ebp]              ; page fault
        mov edx, cr2
        add esi, edx
        mov eax, cs
        mov ecx, ss
        mov edx, gs
        push cs
        push ss
        push gs
        pop edi
        pop ebp
        add edi, ebp
        pop ebp
        add edi, ebp
        str ebp
        shl ebp, 16
        add edi, ebp
        sldt ebp
        add edi, ebp
        xor ebp, ebp
        mov gs, ebp
        mov ebp, gs
        push gs
        pop ebp
        exit 0
repair: mov dword [0x201000 + 0x3fe * 4], 0x300000 | PTE_P | PTE_W
        add esp, 4
        iret
${tables({ 14: 'repair' })}
`,
  },
  {
    name: 'memory operands in %gs and %cs, with and without base and limit',
    exits: ['EMULATE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        lgdt [gdt2r]
        mov ebx, 8
        mov esi, 0
.round: mov eax, selectors
        mov gs, [cs:eax + ebx * 4 - 4]
        mov ecx, [gs:0x210000]
        mov edx, 4
        add [gs:0x210000 + edx * 4], ecx
        inc dword [gs:edx + 0x210000]
        xchg ecx, [gs:0x210020]
        add esi, ecx
        mov eax, [gs:0x210010]
        mov [gs:0x210008], eax
        movzx ecx, byte [gs:edx + 0x210004]
        mov word [gs:0x210030], 0x1234
        push dword [gs:0x210010]
        pop dword [gs:0x210014]
        lea ecx, [gs:edx + 8]
        mov edi, esi
        mov esi, 0x210000
        mov ecx, [gs:esi]
        gs lodsd
        mov esi, edi
        call [cs:procs + ebx * 4 - 4]
        mov eax, [cs:start + ebx]
        add esi, eax
        dec ebx
        jnz .round
        mov eax, 0x33
        mov [cs:0x210000], eax      ; faults
        mov [faults], ebx
        exit 0
p1:     rol esi, 1
        ret
p2:     rol esi, 2
        ret
general: inc dword [counts]
        push eax
        mov eax, [esp + 8]
        add [counts + 4], eax
        cmp byte [cs:eax], 0x2e
        je .cs
        mov dword [selected], KERNEL_DS
        mov gs, [selected]
        pop eax
        add esp, 4
        iret
.cs:    pop eax
        add esp, 4
        add dword [esp], 6
        iret
        align 4
counts: dd 0, 0
faults: dd 7
selected: dd 0
selectors: dd KERNEL_DS, 0x30, 0x38, 0x40, KERNEL_DS, 0x30, 0x30, 0
procs:  dd p1, p2, p1, p2, p1, p1, p2, p2
        align 8
gdt2:   dq 0
        dq 0x00cf9b000000ffff
        dq 0x00cf93000000ffff
        dq 0x00cffb000000ffff
        dq 0x00cff3000000ffff
        dq 0
        dq 0x00cf93010000ffff       ; 0x30 base 64 KB
        dq 0x0040930000000fff       ; 0x38 limit 4 KB
        dq 0xffcf93ff0000ffff       ; 0x40 base just below 4 GB: offsets wrap
gdt2r:  dw gdt2r - gdt2 - 1
        dd gdt2
${tables({ 13: 'general' })}
`,
  },
  {
    name: 'page table writes, device accesses and memory above the base, guilty and innocent by turns',
    exits: ['SIMULATE', 'PAGE_FAULT_TRACE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x200000 + 1019 * 4], 0xfec00000 | PTE_P | PTE_W | PTE_PS
        mov dword [0x200000 + 1023 * 4], 0x202000 | PTE_P | PTE_W
        mov dword [0x202000], 0x310000 | PTE_P | PTE_W
        mov eax, cr4
        or eax, CR4_PSE
        mov cr4, eax
        mov ebp, 3
.round: mov edx, places
.place: mov edi, [edx]
        mov ecx, 150
.again: mov eax, [edi]              ; one store and two loads, wherever edx says
        mov [edi], eax
        add ebx, [edi]
        inc dword [count]
        dec ecx
        jnz .again
        add edx, 4
        cmp edx, places_end
        jne .place
        mov edi, 0x203000
        mov ecx, 1024
        mov eax, 0x300000 | PTE_P | PTE_W
        rep stosd                   ; a table that nothing uses yet
        mov dword [0x200000 + 4], 0x203000 | PTE_P | PTE_W
        mov eax, [0x400000]
        mov edi, 0x203000
        mov ecx, 100
        xor eax, eax
        rep stosd
        mov eax, cr3
        mov cr3, eax
        dec ebp
        jnz .round
        cli
        exit 0
        align 4
count:  dd 0
places: dd 0x210000, 0x201c00, 0xfee00080, 0x210000, 0xffc00000, 0x201c00, 0x210000, 0x210000, places
places_end:
${tables({})}
`,
  },
  {
    name: 'a learnt callout in code that the guest rewrites, and two guilty instructions in one unit',
    exits: ['SIMULATE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov ebp, 3
.round: mov ecx, 20
.again: mov eax, [0x201c00]
        mov [0x201c00], eax
.patch: add ebx, 1
        mov [0x201c04], eax
        loop .again
        inc byte [.patch + 2]
        mov dword [0x201c00], 0x300000 | PTE_P | PTE_W
        dec ebp
        jnz .round
        exit 0
${tables({})}
`,
  },
  {
    name: 'user code with IOPL 3 changes the interrupt flag',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        mov [kernel_esp], esp
        push dword USER_DS
        push dword 0x80000
        push dword 0x3002
        push dword USER_CS
        push dword user
        iret
user:   pushf
        pop eax
        sti
        pushf
        pop ebx
        cli
        pushf
        pop ecx
        push dword 0x246
        popf
        pushf
        pop edx
        mov esi, 5
.loop:  in al, 0x80
        call .leaf
        dec esi
        jnz .loop
        mov eax, [kernel_esp]
        hlt                         ; faults
        int 0x80
.leaf:  lea edi, [edi + esi * 2]
        ret
system: mov ebp, [esp + 8]
        cli
        mov al, 0
        exit 0
general: add esp, 4
        inc dword [esp]
        iret
        align 4
kernel_esp: dd 0
${tables({ 13: 'general', 0x80: 'system' })}
`,
  },
  {
    name: 'user code: kernel pages stay closed, pages fault and come, code is rewritten',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        and dword [0x201000 + 0x210 * 4], ~PTE_U
        mov dword [0x201000 + 0x220 * 4], 0
        mov eax, cr3
        mov cr3, eax
        enter_user user, 0x80000
user:   mov edi, 0x210000
        mov eax, [edi]              ; 6 bytes with the nops: faults for good
        times 4 nop
        mov esi, 0x220000
        mov eax, [esi]
        mov ecx, 30
.again: mov [esi], ecx
        add ebx, [esi]
        inc byte [.patch + 2]
.patch: add edx, 1
        loop .again
        push dword .far
        ret
.far:   mov eax, [0xfffffff0]       ; above the monitor's base, not mapped
        nop
        int 0x80
system: exit 0
fault:  push eax
        mov eax, cr2
        add [sum], eax
        mov eax, [esp + 4]
        add [sum + 4], eax
        cmp dword [esp + 8], user.again
        ja .skip
        mov eax, cr2
        cmp eax, 0x210000
        je .skip
        mov dword [0x201000 + 0x220 * 4], 0x220000 | PTE_P | PTE_W | PTE_U
        pop eax
        add esp, 4
        iret
.skip:  pop eax
        add esp, 4
        add dword [esp], 6
        iret
        align 4
sum:    dd 0, 0
${tables({ 14: 'fault', 0x80: 'system' })}
`,
  },
  {
    name: 'jumps into the monitor, from kernel and user, by every way there is',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov ebp, ways
.next:  mov [resume], dword .back
        mov eax, 0xffc01010         ; where callouts enter
        jmp [ebp]
.back:  mov esp, STACK_TOP
        add ebp, 4
        cmp ebp, ways_end
        jne .next
        enter_user user, 0x80000
w1:     jmp eax
w2:     jmp 0xffc01000
w3:     call 0xffc20000
w4:     push eax
        ret
w5:     push dword KERNEL_CS
        push eax
        retf
w6:     pushf
        push dword KERNEL_CS
        push eax
        iret
w7:     jmp KERNEL_CS:0xffc01020
w8:     mov ecx, eax
        call ecx
w9:     push dword 0xffc00800
        ret 8
user:   mov dword [resume], user2
        jmp 0xffc01010
user2:  mov dword [resume], user3
        call 0xffc20000
user3:  mov dword [resume], user4
        mov [0xffc00010], eax
user4:  mov dword [resume], user5
        mov eax, [0xffc10000]
user5:  int 0x80
system: mov eax, [seen]
        exit 0
fault:  push eax
        mov eax, cr2
        add [seen], eax
        rol dword [seen], 3
        mov eax, [esp + 4]          ; error code
        add [seen], eax
        mov eax, [esp + 8]          ; eip
        add [seen], eax
        rol dword [seen], 3
        mov eax, [resume]
        mov [esp + 8], eax
        pop eax
        add esp, 4
        iret
        align 4
seen:   dd 0
resume: dd 0
ways:   dd w1, w2, w3, w4, w5, w6, w7, w8, w9
ways_end:
${tables({ 14: 'fault', 0x80: 'system' })}
`,
  },
  {
    name: 'page tables rewritten at every instruction, those of the code itself too',
    exits: ['SIMULATE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov edi, 0x201000 + (start_page >> 12) * 4
        mov esi, 0x201000 + 0x300 * 4
        mov edx, 0x200000
        mov ecx, 30
.again: and dword [edi], ~0x60
        invlpg [start_page]
        xor dword [edi], PTE_W
        or dword [esi], 0x20
        mov eax, [edi]
        mov [edi], eax
        and byte [edx], ~0x20
        mov ebx, cr3
        xor byte [edi + 1], 2
        mov cr3, ebx
        add ebp, [edi]
        invlpg [start_page]
        rol ebp, 1
        loop .again
        exit 0
start_page equ 0x100000
${tables({})}
`,
  },
  {
    name: 'an instruction ends with its page, and the next page lies elsewhere or nowhere',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        mov dword [0x201000 + 0x380 * 4], 0x210000 | PTE_P | PTE_W
        mov dword [0x201000 + 0x381 * 4], 0x220000 | PTE_P | PTE_W
        mov byte [0x210ffd], 0x40   ; inc eax
        mov word [0x210ffe], 0x4343 ; inc ebx, twice
        mov dword [0x211000], 0x90f4f4f4
        mov dword [0x220000], 0x90c34646 ; inc esi, twice, ret
        mov ebp, 3
.again: mov ecx, 0x380ffd
        call ecx
        dec ebp
        jnz .again
        mov dword [0x201000 + 0x381 * 4], 0
        invlpg [0x381000]
        call ecx
        exit 0
fault:  pop eax
        mov edi, [esp]              ; where it faulted
        mov [esp], dword .gone
        iret
.gone:  ret
${tables({ 14: 'fault' })}
`,
  },
];
