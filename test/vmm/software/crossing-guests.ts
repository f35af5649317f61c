import { PAGING, tables } from './guest-parts.js';
import type { TestGuest } from './guest-parts.js';

const PTES = 0x201000;
/** The page table entry of a linear page in the first 4 MB. */
const pte = (page: number): string => `0x${(PTES + 4 * page).toString(16)}`;

/** Accounts for a page fault in esi: error code, where, what address; then gives the page to everyone. */
const FAULT = `
fault:  rol esi, 5
        add esi, [esp]
        rol esi, 5
        add esi, [esp + 4]
        mov eax, cr2
        rol esi, 5
        add esi, eax
        shr eax, 12
        or dword [${PTES} + eax * 4], PTE_P | PTE_W | PTE_U
        mov eax, cr2
        invlpg [eax]
        add esp, 4
        iret
`;

/** Copies `piece` so that its byte 7 is the last one of the page at `frame`. */
const placed = (piece: string, frame: number): string => `
        mov esi, ${piece}
        mov edi, 0x${(frame + 0xff8).toString(16)}
        mov ecx, ${piece}_end - ${piece}
        rep movsb
`;

/** Seven bytes, then an instruction of one byte in the first page and five in the second: `81 | c3 imm32`. */
const PIECE = `
piece:  add edx, 1
        inc ebx
        rol ebx, 3
        add ebx, 0x11223344
        adc edx, ebx
        ret
piece_end:
`;

/** Instructions that lie in two pages. */
export const CROSSING_GUESTS: readonly TestGuest[] = [
  {
    name: 'the second page of an instruction lies elsewhere, by invlpg and by CR3, there and back',
    exits: ['INVLPG', 'CR3_WRITE'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        ${placed('piece', 0x210000)}
        ${placed('piece', 0x212000)}
        mov byte [0x213002], 0x77   ; in the immediate
        mov dword [${pte(0x380)}], 0x210000 | PTE_P | PTE_W
        mov dword [${pte(0x381)}], 0x211000 | PTE_P | PTE_W
        mov esi, 0x200000           ; a second address space, with the other second page
        mov edi, 0x204000
        mov ecx, 2048
        rep movsd
        mov dword [0x204000], 0x205000 | PTE_P | PTE_W | PTE_U
        mov dword [0x205000 + 0x381 * 4], 0x213000 | PTE_P | PTE_W
        mov ebp, 6
.again: call caller
        xor dword [${pte(0x381)}], 0x2000
        invlpg [0x381000]
        call caller
        mov eax, 0x204000
        mov cr3, eax
        call caller
        inc byte [0x213003]
        call caller
        mov eax, 0x200000
        mov cr3, eax
        call caller
        dec ebp
        jnz .again
        mov ecx, [${pte(0x380)}]
        mov edx, [${pte(0x381)}]      ; accessed bits
        exit 0
caller: mov eax, 0x380ff8
        call eax
        call eax
        mov eax, 0x380fff
        call eax
        call 0x380fff
        ret
${PIECE}
${tables({})}
`,
  },
  {
    name: 'the second page of an instruction is not there, for the kernel and then for the user',
    exits: ['INVLPG'],
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        ${placed('piece', 0x210000)}
        xor esi, esi
        mov ecx, 0x380ff8
        mov dword [${pte(0x380)}], 0x210000 | PTE_P | PTE_W | PTE_U
        mov dword [${pte(0x381)}], 0x211000
        invlpg [0x381000]
        mov ebp, 4
.again: call ecx                    ; faults at 0x380fff, with CR2 0x381000
        call ecx
        lea edi, [ecx + 7]
        and dword [${pte(0x381)}], ~PTE_P
        invlpg [0x381000]
        call edi                    ; likewise, from elsewhere
        and dword [${pte(0x381)}], ~PTE_P
        invlpg [0x381000]
        dec ebp
        jnz .again
        mov dword [${pte(0x381)}], 0x211000 | PTE_P
        invlpg [0x381000]
        enter_user user, 0x80000
user:   mov ecx, 0x380ff8
        call ecx                    ; faults too: the second page is the kernel's
        call ecx
        int 0x80
system: mov dword [STACK_TOP - 4], 0
        mov edi, [${pte(0x381)}]
        exit 0
${FAULT}
${PIECE}
${tables({ 14: 'fault', 128: 'system' })}
`,
  },
  {
    name: 'instructions in two pages fault, jump, call out and rewrite themselves',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        ${placed('reads', 0x210000)}
        ${placed('jumps', 0x212000)}
        ${placed('control', 0x214000)}
        ${placed('itself', 0x216000)}
        ${placed('calls', 0x218000)}
        xor esi, esi
        mov ebp, 5
.again: and dword [${pte(0x390)}], ~PTE_P
        invlpg [0x390000]
        call 0x210ff8               ; faults in the middle
        mov ecx, 3
        call 0x212ff8
        mov eax, cr0
        call 0x214ff8
        call 0x216ff8
        call 0x216ff8
        add esi, [0x217003]
        call 0x218ff8
        inc byte [0x211001]         ; the second page is also written as data, beside its code
        dec byte [0x211001]
        mov byte [0x211100], 5
        dec ebp
        jnz .again
        exit 0
${FAULT}
reads:  add edx, 1
        inc ebx
        rol ebx, 3
        add ebx, [0x390000]         ; 03 | 1d ...
        ret
reads_end:
jumps:  add edx, 1
        inc edi
        inc edi
        inc edi
        dec ecx
        jnz near jumps              ; 0f | 85 rel32
        ret
jumps_end:
control: add edx, 1
        inc ebx
        rol ebx, 3
        mov cr0, eax                ; 0f | 22 c0
        ret
control_end:
itself: add edx, 1
        inc ebx
        inc ebx
        add byte [0x217003], 1      ; 80 05 03 | 70 21 00 01: its own immediate is what it adds to
        ret
itself_end:
calls:  add edx, 1
        inc ebx
        rol ebx, 3
        call near .on               ; e8 | rel32
        ret
.on:    add ebx, [esp]
        ret
calls_end:
${tables({ 14: 'fault' })}
`,
  },
  {
    name: 'an instruction whose two pages are one',
    source: `
start:  mov esp, STACK_TOP
        load_tables
        ${PAGING}
        ${placed('piece', 0x210000)}
        mov esi, 0x211000
        mov edi, 0x210000
        mov ecx, 16
        rep movsb
        mov dword [${pte(0x380)}], 0x210000 | PTE_P | PTE_W
        mov dword [${pte(0x381)}], 0x210000 | PTE_P | PTE_W
        mov ebp, 40
        mov ecx, 0x380ff8
.again: call ecx
        test ebp, 3
        jnz .next
        inc byte [0x210001]         ; in the immediate: the second page
        call ecx
        xor byte [0x210ff8 + 2], 2  ; before the instruction: the first
        call ecx
.next:  dec ebp
        jnz .again
        exit 0
${PIECE}
${tables({})}
`,
  },
];
