import { PAGING, tables } from './guest-parts.js';
import type { TestGuest } from './guest-parts.js';

/** Page faults, mappings, and what lies above the monitor’s base. */
export const MEMORY_GUESTS: readonly TestGuest[] = [
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
];
