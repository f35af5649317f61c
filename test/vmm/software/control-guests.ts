import { PAGING } from './guest-parts.js';
import type { TestGuest } from './guest-parts.js';

/** Control flow of translated code, and code that changes. */
export const CONTROL_GUESTS: readonly TestGuest[] = [
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
    name: 'an instruction that straddles, while its second page is rewritten and then mapped elsewhere',
    source: `
start:  mov esp, STACK_TOP
        ${PAGING}
        mov ecx, 30
        jmp .again
        times 0xffd - ($ - $$) nop
.again: mov eax, 0x11111111
        add ebx, eax
        test ecx, 1
        jz .next
        add byte [0x101000], 3          ; in the mov's immediate
.next:  cmp ecx, 15
        jne .same
        push ecx
        mov esi, 0x101000
        mov edi, 0x300000
        mov ecx, 1024
        rep movsd
        pop ecx
        mov byte [0x300001], 0x77
        mov dword [0x201000 + 4 * 0x101], 0x300000 | PTE_P | PTE_W | PTE_U
        invlpg [0x101000]
.same:  dec ecx
        jnz .again
        exit 0
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
