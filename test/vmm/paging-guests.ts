import type { GuestCase } from './guest-source.js';
import { ORIGIN, PAGING_ON, ENTER_USER, EXIT, COUNT_FAULT, MAP_ON_DEMAND } from './guest-source.js';

/** Guests whose page tables, physical pages and privileges change while they run. */
export const pagingGuests: readonly GuestCase[] = [
  { name: 'paging off', code: 'mov dword [FRAMES], 1\n add dword [FRAMES], 2' },
  {
    name: 'paging on',
    code: `${PAGING_ON}\n mov dword [FRAMES], 1\n add dword [FRAMES], 2\n mov eax, [WINDOW]`,
  },
  {
    name: 'paging on and off again',
    code: `${PAGING_ON}
        mov dword [ENTRY], FRAMES | P | W
        mov dword [WINDOW], 1
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov dword [WINDOW], 2
        or eax, 0x80000000
        mov cr0, eax
        add dword [WINDOW], 4`,
  },
  {
    name: '4 MB pages',
    code: `
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov dword [DIRECTORY], P | W | PS
        mov dword [DIRECTORY + 4], P | W | PS
        mov dword [DIRECTORY + 8], P | PS
        mov eax, DIRECTORY
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80010000
        mov cr0, eax
        mov eax, [0x400000 + FRAMES]
        mov dword [0x400000 + FRAMES], 7
        mov eax, [0x800000 + FRAMES]
        mov dword [0x400000 + DIRECTORY + 12], P | W | PS
        mov eax, [0xc00000 + FRAMES]
        mov [RESULT], eax`,
  },
  {
    name: 'entry written: unchanged, removed, made present, moved',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [WINDOW], 1
        mov eax, [ENTRY]
        mov [ENTRY], eax
        mov dword [ENTRY], 0
        invlpg [WINDOW]
        mov ecx, [WINDOW]
        mov dword [ENTRY], FRAMES | P | W
        mov ecx, [WINDOW]
        mov dword [ENTRY], (FRAMES + 0x1000) | P | W | A | D
        invlpg [WINDOW]
        mov dword [WINDOW], 3
        mov dword [ENTRY], (FRAMES + 0x2000) | P | W | A
        invlpg [WINDOW]
        mov byte [WINDOW], 4
        mov word [ENTRY], P | W
        invlpg [WINDOW]
        mov byte [WINDOW + 1], 5
        mov byte [ENTRY + 1], 0x10
        invlpg [WINDOW]
        mov byte [WINDOW + 2], 6`,
  },
  {
    name: 'directory entry removed and another put in its place',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [DIRECTORY + 4], TABLE | P | W
        mov dword [0x400000 + FRAMES], 1
        mov dword [DIRECTORY + 4], 0
        mov eax, cr3
        mov cr3, eax
        mov ecx, [0x400000 + FRAMES]
        mov dword [TABLE2 + 0xc00], (FRAMES + 0x5000) | P | W
        mov dword [DIRECTORY + 4], TABLE2 | P | W
        mov dword [0x400000 + FRAMES], 2`,
  },
  {
    name: 'true page faults, each with its error code',
    handlers: { 14: MAP_ON_DEMAND },
    code: `${PAGING_ON}
        mov edi, TABLE + 0x300 * 4
        mov ecx, 16
        xor eax, eax
        rep stosd
        mov ecx, 16
        mov edi, FRAMES
touch:  mov [edi], ecx
        add edi, 0x1000
        dec ecx
        jnz touch`,
  },
  {
    name: 'ring 3 with system calls, faults and forbidden pages',
    userGates: [0x80],
    handlers: {
      14: COUNT_FAULT,
      13: COUNT_FAULT,
      0x80: `
        cmp eax, 1
        je done
        inc dword [RESULT + 8]
        iret
done:   mov ax, 0x10
        mov ds, ax
        ${EXIT}`,
    },
    code: `${PAGING_ON}
        mov dword [TABLE + 0x310 * 4], 0x310000 | P | W
        mov dword [TABLE + 0x311 * 4], 0x311000 | P | U
        mov dword [TABLE + 0x312 * 4], 0
        ${ENTER_USER}
user:   mov ecx, 20
calls:  mov eax, 0
        int 0x80
        dec ecx
        jnz calls
        mov ebx, [0x310000]
        mov [0x311000], ebx
        mov ebx, [0x312000]
        mov ebx, [0x311000]
        mov eax, 1
        int 0x80`,
  },
  {
    name: 'address spaces',
    code: `${PAGING_ON}
        mov dword [DIRECTORY2], TABLE | P | W | U
        mov dword [DIRECTORY + 4], TABLE2 | P | W
        mov dword [TABLE2], FRAMES | P | W
        mov dword [DIRECTORY2 + 4], TABLE2 | P | W
        mov ecx, 10
switch: mov eax, DIRECTORY2
        mov cr3, eax
        inc dword [0x400000]
        mov eax, DIRECTORY
        mov cr3, eax
        inc dword [0x400000]
        mov eax, cr3
        mov [RESULT], eax
        dec ecx
        jnz switch
        mov dword [DIRECTORY + 4], 0
        mov eax, DIRECTORY2
        mov cr3, eax
        inc dword [0x400000]`,
  },
  {
    name: 'writes to read-only pages with CR0.WP clear',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov eax, cr0
        and eax, 0xfffeffff
        mov cr0, eax
        mov dword [ENTRY], FRAMES | P | U
        invlpg [WINDOW]
        mov byte [WINDOW], 1
        mov dword [ENTRY], (FRAMES + 0x1000) | P
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov byte [WINDOW], 2
        or dword [DIRECTORY], 0
        mov eax, cr0
        or eax, 0x10000
        mov cr0, eax
        mov [WINDOW], ecx
        mov eax, cr0
        mov [RESULT + 8], eax`,
  },
  {
    name: 'a page table seen at another address',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [ENTRY], TABLE | P | W
        mov dword [WINDOW + 0x310 * 4], FRAMES | P | W
        mov dword [0x310000], 5
        mov dword [WINDOW + 0x310 * 4], 0
        invlpg [0x310000]
        mov ecx, [0x310000]
        mov dword [ENTRY], FRAMES | P | W
        invlpg [WINDOW]
        mov dword [WINDOW], 9`,
  },
  {
    name: 'a page directory that maps itself',
    handlers: { 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov dword [DIRECTORY + 0xffc], DIRECTORY | P | W
        mov eax, [0xfffff000]
        mov dword [0xffc00000 + 0x3ff * 4], FRAMES | P | W
        mov dword [WINDOW], 3
        mov dword [0xfffff004], TABLE2 | P | W
        mov dword [0xffc01000], FRAMES | P | W
        inc dword [0x400000]
        mov dword [0xfffff004], 0
        mov eax, cr3
        mov cr3, eax
        mov ecx, [0x400000]`,
  },
  {
    name: 'accessed and dirty bits cleared by the guest come back',
    code: `${PAGING_ON}
        mov dword [WINDOW], 1
        and dword [ENTRY], ~(A | D)
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov ebx, [ENTRY]
        and dword [ENTRY], ~D
        invlpg [WINDOW]
        inc dword [WINDOW]
        mov edx, [ENTRY]
        and dword [DIRECTORY], ~A
        mov eax, cr3
        mov cr3, eax
        mov eax, [WINDOW]
        mov ecx, [DIRECTORY]`,
  },
  {
    name: 'string stores over page tables',
    code: `${PAGING_ON}
        mov eax, [WINDOW]
        mov edi, ENTRY - 63 * 4
        mov ecx, 64
        mov eax, FRAMES | P | W
        rep stosd
        mov eax, cr3
        mov cr3, eax
        mov dword [WINDOW], 1
        mov esi, ENTRY - 63 * 4
        mov edi, TABLE + 0x310 * 4
        mov ecx, 32
        rep movsd
        invlpg [0x320000]
        mov dword [0x320004], 2`,
  },
  {
    name: 'a stack on a page table',
    handlers: { 3: 'add dword [RESULT], 1\n iret', 14: COUNT_FAULT },
    code: `${PAGING_ON}
        mov eax, [WINDOW]
        mov esp, TABLE + 0x380 * 4
        push dword FRAMES | P | W
        pop eax
        call leaf
        int3
        mov eax, [0x0]
        mov ebp, esp
        mov esp, STACK
        jmp after
leaf:   ret
after:  nop`,
  },
  {
    name: 'pages beyond the memory there is',
    code: `${PAGING_ON}
        mov dword [ENTRY], 0xf0000000 | P | W
        mov dword [WINDOW], 1
        mov eax, [WINDOW]
        mov [RESULT], eax`,
  },
  {
    name: 'page tables and code behind a closed A20 gate',
    // Megabyte 1 is megabyte 0 then, and 3 is 2: the code is copied to where it will be, and tables are reached through both.
    code: `${PAGING_ON}
        mov eax, cr4
        or eax, 0x10
        mov cr4, eax
        mov dword [DIRECTORY2], (TABLE | 0x100000) | P | W | U
        mov dword [DIRECTORY2 + 4], PS | P | W | U
        mov dword [0x10000], 1111
        mov dword [0x110000], 2222
        mov esi, ${ORIGIN}
        xor edi, edi
        mov ecx, 0x1000
        cld
        rep movsd
        in al, 0x92
        and al, 0xfd
        out 0x92, al
        mov eax, [0x110000]
        mov [RESULT], eax
        mov dword [0x110000], 3333
        mov eax, [0x10000]
        mov [RESULT + 4], eax
        mov eax, DIRECTORY2 | 0x100000
        mov cr3, eax
        mov eax, [0x510000]
        mov [RESULT + 8], eax
        mov dword [0x410000], 4444
        mov eax, [0x510000]
        mov [RESULT + 12], eax
        mov dword [ENTRY | 0x100000], 0x110000 | P | W
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov [RESULT + 16], eax
        mov dword [ENTRY], 0x60000 | P | W
        invlpg [WINDOW]
        mov dword [WINDOW + 20], 5555
        mov eax, DIRECTORY
        mov cr3, eax
        mov dword [ENTRY], 0x110000 | P | W
        in al, 0x92
        or al, 2
        out 0x92, al
        invlpg [WINDOW]
        mov eax, [WINDOW]
        mov [RESULT + 24], eax
        mov eax, [0x10000]
        mov [RESULT + 28], eax`,
  },
];
