import { PAGING_ON } from '../guest-source.js';
import type { GuestCase } from '../guest-source.js';

/** Adds up error codes in RESULT, and skips the six bytes of the instruction that faulted. */
const ADD_FAULT = `
        pop edx
        add [RESULT + 4], edx
        inc dword [RESULT]
        add dword [esp], 6
        iret
`;
const RELOAD = 'mov eax, cr3\n mov cr3, eax\n';

/** Edits many entries of one page table between two loads of CR3: what traces are dear for. */
export const EDITS: GuestCase = {
  name: 'many edits, few loads of CR3',
  code: `${PAGING_ON}
        mov ebp, 200
again:  mov dword [ENTRY], FRAMES | P | W
        invlpg [WINDOW]
        mov dword [ENTRY - 4], (FRAMES + 0x1000) | P | W
        invlpg [WINDOW - 0x1000]
        dec ebp
        jnz again
        mov [WINDOW], ebp
        ${RELOAD}`,
};

/** Loads CR3 after each edit, which makes a page present that was in use: what traces are cheap for. */
export const LOADS: GuestCase = {
  name: 'a load of CR3 after each edit',
  code: `${PAGING_ON}
        mov esi, 0x310000
touch:  inc dword [esi]
        add esi, 0x1000
        cmp esi, 0x340000
        jb touch
        mov ebp, 100
again:  mov dword [ENTRY], FRAMES | P | W | A | D
        add [WINDOW], ebp
        ${RELOAD}
        mov dword [ENTRY], 0
        ${RELOAD}
        dec ebp
        jnz again`,
};

/** Goes round three address spaces, and uses `pages` pages of each every time. */
export const spaces = (pages: number): GuestCase => ({
  name: `three address spaces, ${pages} pages in use`,
  code: `${PAGING_ON}
        mov dword [DIRECTORY2], TABLE | P | W | U
        mov dword [TABLE2], TABLE | P | W | U       ; a page directory too
        mov esi, 0x310000                           ; in use once, all of them
touch:  inc dword [esi]
        add esi, 0x1000
        cmp esi, 0x350000
        jb touch
        mov ebp, 20
again:  mov ebx, DIRECTORY
        call visit
        mov ebx, DIRECTORY2
        call visit
        mov ebx, TABLE2
        call visit
        dec ebp
        jnz again
        mov eax, DIRECTORY
        mov cr3, eax
        jmp over
visit:  mov cr3, ebx
        mov ecx, ${pages}
        mov esi, 0x310000
.use:   add [esi], ebp
        add esi, 0x1000
        loop .use
        ret
over:`,
});

/** What a shadow that is brought up to date as late as a TLB would be can get wrong. */
export const LATE_GUESTS: readonly GuestCase[] = [
  EDITS,
  LOADS,
  spaces(4),
  {
    name: 'a page table changed in one address space, used in another',
    handlers: { 14: ADD_FAULT },
    code: `${PAGING_ON}
        mov dword [DIRECTORY2], TABLE | P | W | U
        mov dword [DIRECTORY + 4], TABLE2 | P | W
        mov dword [DIRECTORY2 + 4], TABLE2 | P      ; the same table, with other rights
        mov dword [TABLE2], FRAMES | P | W
        inc dword [0x400000]
        mov eax, DIRECTORY2
        mov cr3, eax
        mov ebx, [0x400000]
        mov [0x400000], ebx
        mov dword [TABLE2], (FRAMES + 0x1000) | P | W
        mov dword [TABLE2 + 4], (FRAMES + 0x2000) | P | W
        ${RELOAD}
        mov ebx, [0x400000]
        mov eax, DIRECTORY
        mov cr3, eax
        mov [0x400000], ebp
        mov [0x401000], esp
        mov dword [TABLE2 + 4], 0
        mov eax, DIRECTORY2
        mov cr3, eax
        mov ecx, [0x401000]
        mov eax, DIRECTORY
        mov cr3, eax
        mov ecx, [0x401000]`,
  },
  {
    name: 'a page table that gets a second place in its address space',
    handlers: { 14: ADD_FAULT },
    code: `${PAGING_ON}
        mov dword [DIRECTORY + 4], TABLE2 | P | W
        mov dword [TABLE2], FRAMES | P | W
        inc dword [0x400000]
        mov dword [TABLE2], (FRAMES + 0x1000) | P | W   ; no flush: the first place may be out of date
        mov dword [DIRECTORY + 8], TABLE2 | P | W
        add dword [0x800000], 7                         ; the second place is new
        mov dword [DIRECTORY + 12], TABLE2 | P
        mov ecx, [0xc00000]
        ${RELOAD}
        add dword [0x400000], 7`,
  },
  {
    name: 'global pages',
    handlers: { 14: ADD_FAULT },
    code: `
        mov eax, cr4
        or eax, 0x80
        mov cr4, eax
        ${PAGING_ON}
G equ 0x100
        mov dword [ENTRY], FRAMES | P | W | G
        invlpg [WINDOW]
        inc dword [WINDOW]
        mov dword [ENTRY], (FRAMES + 0x1000) | P | W | G
        invlpg [WINDOW]
        add dword [WINDOW], 2
        mov dword [DIRECTORY2], TABLE | P | W
        mov eax, DIRECTORY2
        mov cr3, eax
        add dword [WINDOW], 4
        mov dword [ENTRY], (FRAMES + 0x2000) | P | W | G
        invlpg [WINDOW]
        add dword [WINDOW], 8
        mov dword [ENTRY], FRAMES | P | W
        mov dword [ENTRY - 4], 0
        mov eax, cr4
        and eax, ~0x80
        mov cr4, eax                                    ; flushes global entries too
        add dword [WINDOW], 16
        mov ecx, [WINDOW - 0x1000]
        mov eax, DIRECTORY
        mov cr3, eax
        add dword [WINDOW], 32`,
  },
  {
    name: 'code pages remapped',
    code: `${PAGING_ON}
        mov dword [FRAMES + 0x1000], 0xc307c783         ; add edi, 7; ret
        mov dword [FRAMES + 0x2000], 0xc311c783         ; add edi, 17; ret
        xor edi, edi
        mov ebp, 6
again:  mov dword [ENTRY], FRAMES | P | W
        invlpg [WINDOW]
        mov dword [WINDOW], 0xc303c783                  ; add edi, 3; ret
        call WINDOW
        mov dword [ENTRY], (FRAMES + 0x1000) | P | W
        invlpg [WINDOW]
        call WINDOW
        call WINDOW
        mov dword [ENTRY], (FRAMES + 0x2000) | P
        ${RELOAD}
        call WINDOW
        dec ebp
        jnz again
        mov [RESULT], edi`,
  },
  {
    name: 'a directory that maps itself, entries edited through it',
    handlers: { 14: ADD_FAULT },
    code: `${PAGING_ON}
        mov dword [DIRECTORY + 0xffc], DIRECTORY | P | W
        mov ebp, 5
again:  mov dword [0xffc00000 + 0x3ff * 4], FRAMES | P | W
        invlpg [WINDOW]
        add dword [WINDOW], 1
        mov dword [0xfffff004], TABLE2 | P | W
        ${RELOAD}
        mov dword [0xffc01000], FRAMES | P | W
        mov dword [0xffc01004], (FRAMES + 0x1000) | P | W
        add dword [0x400000], 2
        add dword [0x401000], 2
        mov dword [0xffc01004], FRAMES | P
        invlpg [0x401000]
        mov ecx, [0x401000]
        mov [0x401000], ecx
        mov dword [0xfffff004], 0
        ${RELOAD}
        mov ecx, [0x400000]
        mov dword [0xfffff000 + 0x3ff * 4], DIRECTORY | P | W
        ${RELOAD}
        dec ebp
        jnz again`,
  },
  {
    name: 'a page table becomes data, and a page table again',
    handlers: { 14: ADD_FAULT },
    code: `${PAGING_ON}
        mov ebp, 4
again:  mov dword [DIRECTORY + 4], TABLE2 | P | W
        mov dword [TABLE2], FRAMES | P | W
        mov dword [TABLE2 + 4], (FRAMES + 0x1000) | P | W
        ${RELOAD}
        add dword [0x400000], 1
        add dword [0x401000], 1
        mov dword [DIRECTORY + 4], 0
        ${RELOAD}
        mov edi, TABLE2
        mov ecx, 1024
        mov eax, 0x30063                                ; looks like an entry in use
        rep stosd
        mov dword [TABLE2 + 8], 0
        mov dword [DIRECTORY + 4], TABLE2 | P | W
        ${RELOAD}
        mov ecx, [0x400000]
        mov ecx, [0x402000]
        add dword [0x403000], 3
        dec ebp
        jnz again`,
  },
  {
    name: 'accessed and dirty bits cleared in many entries, a load of CR3, and used again',
    code: `${PAGING_ON}
        mov ebp, 3
again:  mov esi, 0x310000
.use:   inc dword [esi]
        add esi, 0x1000
        cmp esi, 0x318000
        jb .use
        mov edi, TABLE + 0x310 * 4
.clear: and dword [edi], ~(A | D)
        add edi, 4
        cmp edi, TABLE + 0x318 * 4
        jb .clear
        ${RELOAD}
        mov eax, [0x311000]
        inc dword [0x312000]
        mov edi, TABLE + 0x310 * 4
        mov ecx, 8
.sum:   add ebx, [edi]
        rol ebx, 3
        add edi, 4
        loop .sum
        dec ebp
        jnz again
        mov [RESULT], ebx`,
  },
  {
    name: 'rights widened without a flush, narrowed with one',
    handlers: { 14: ADD_FAULT },
    code: `${PAGING_ON}
        mov dword [ENTRY], FRAMES | P
        invlpg [WINDOW]
        mov ecx, [WINDOW]
        mov [WINDOW], ebp
        mov dword [ENTRY], FRAMES | P | W               ; a processor looks again before it faults
        mov [WINDOW], esp
        mov dword [ENTRY], FRAMES | P
        invlpg [WINDOW]
        mov [WINDOW], ebp
        mov dword [ENTRY], 0
        invlpg [WINDOW]
        mov ecx, [WINDOW]
        mov dword [ENTRY], (FRAMES + 0x1000) | P | W    ; and keeps no entry that is not present
        mov [WINDOW], esp`,
  },
  {
    name: 'paging off and on again in between',
    handlers: { 14: ADD_FAULT },
    code: `${PAGING_ON}
        inc dword [WINDOW]
        mov dword [ENTRY], FRAMES | P | W
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov dword [ENTRY - 4], (FRAMES + 0x1000) | P | W
        inc dword [WINDOW]
        or eax, 0x80000000
        mov cr0, eax
        add dword [WINDOW], 2
        add dword [WINDOW - 0x1000], 4`,
  },
  {
    name: 'a task switch loads CR3',
    code: `${PAGING_ON}
        mov dword [DIRECTORY2], TABLE | P | W | U
        inc dword [WINDOW]
        mov dword [ENTRY], FRAMES | P | W
        ; another task, with its own CR3, on the same segments
        mov edi, 0x50000
        mov dword [edi + 0x1c], DIRECTORY2
        mov dword [edi + 0x20], task
        mov dword [edi + 0x24], 2
        mov dword [edi + 0x38], 0x88000
        mov dword [edi + 0x48], 0x10
        mov dword [edi + 0x4c], 8
        mov dword [edi + 0x50], 0x10
        mov dword [edi + 0x54], 0x10
        lgdt [gdtr2]
        mov ax, 0x28
        ltr ax
        jmp 0x30:0
gdtr2:  dw 0x37
        dd gdt3
gdt3:   dq 0
        dq 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00cffa000000ffff, 0x00cff2000000ffff
        dq 0x0000890510000067   ; 0x28 TSS at 0x51000
        dq 0x0000890500000067   ; 0x30 TSS at 0x50000
task:   add dword [WINDOW], 2`,
  },
];
