; pse.asm: two-level paging: protection, error codes, accessed and dirty bits, WP, split accesses, INVLPG, 4 MB
; pages, global pages.
; Intel SDM vol. 3 (rev. 325384-084), chapter 5 "Paging".

%define SUITE_RESET build_tables
%include "harness.inc"
%include "paging.inc"

; One access to page 0 of WINDOW at CPL 0: name, PTE, bits of CR0, instruction. Where it faults, whether the
; accessed bits were set on the way is the processor's choice, so FAULT0 does not look.
%macro FAULT0 4
CASE %1
        MAP 0, %2
        PAGED 0, %3
        %4
        int3
%endmacro
%macro ACCESS0 4
CASE %1
        MAP 0, %2
        DUMP WIN_PTE(0), 4
        DUMP PDE_WINDOW, 4
        PAGED 0, %3
        %4
        int3
%endmacro

; At CPL 3: name, PDE, PTE, bits of CR0, instruction
%macro FAULT3 5
CASE %1
        mov dword [PDE_WINDOW], %2
        MAP 0, %3
        PAGED 0, %4
        USER 2, %%to
%%to:   %5
        int3
%endmacro
%macro ACCESS3 5
CASE %1
        mov dword [PDE_WINDOW], %2
        MAP 0, %3
        DUMP WIN_PTE(0), 4
        DUMP PDE_WINDOW, 4
        PAGED 0, %4
        USER 2, %%to
%%to:   %5
        int3
%endmacro

%define READ        mov edx, [WINDOW + 0x10]
%define WRITE       mov [WINDOW + 0x10], edx
%define MODIFY      inc dword [WINDOW + 0x10]
%define PDE_ALL     WIN_TABLE | P | W | U

ACCESS0 "read: A in both entries, no D", {PAGE(1) | P | W | U}, 0, {READ}
ACCESS0 "write: A and D in the PTE", {PAGE(1) | P | W | U}, 0, {WRITE}
ACCESS0 "read, then write: D comes with the write", {PAGE(1) | P | W | A}, 0, {MODIFY}
FAULT0 "read of a page that is not present", {PAGE(1) | W | U}, 0, {READ}
FAULT0 "write of a page that is not present", {PAGE(1) | W | U}, 0, {WRITE}
ACCESS0 "supervisor write of a read-only page without WP", {PAGE(1) | P}, 0, {WRITE}
FAULT0 "supervisor write of a read-only page with WP", {PAGE(1) | P}, CR0_WP, {WRITE}
FAULT0 "supervisor write of a read-only user page with WP", {PAGE(1) | P | U}, CR0_WP, {WRITE}
ACCESS0 "supervisor read of a user page", {PAGE(1) | P | U}, CR0_WP, {READ}
FAULT0 "read and write of a read-only page with WP is a write fault", {PAGE(1) | P}, CR0_WP, {MODIFY}
ACCESS0 "bits 9 to 11 of an entry are left alone", {PAGE(1) | P | W | 0xe00}, 0, {WRITE}
FAULT0 "cmpxchg that does not store is a write too", {PAGE(1) | P}, CR0_WP, {cmpxchg [WINDOW], edx}
ACCESS0 "cmpxchg that does not store sets D", {PAGE(1) | P | W}, CR0_WP, {cmpxchg [WINDOW], edx}
ACCESS0 "bt reads", {PAGE(1) | P}, CR0_WP, {bt [WINDOW], edx}
FAULT0 "bts writes", {PAGE(1) | P}, CR0_WP, {bts [WINDOW], edx}
ACCESS0 "cmp reads", {PAGE(1) | P}, CR0_WP, {cmp [WINDOW], edx}
FAULT0 "shift by 0 of a read-only page is a write", {PAGE(1) | P}, CR0_WP, {shl dword [WINDOW], 0}
ACCESS0 "lea does not access", {0}, 0, {lea edx, [WINDOW]}
ACCESS0 "invlpg does not access", {0}, 0, {invlpg [WINDOW]}

ACCESS3 "user read", PDE_ALL, {PAGE(1) | P | W | U}, 0, {READ}
ACCESS3 "user write", PDE_ALL, {PAGE(1) | P | W | U}, 0, {WRITE}
FAULT3 "user read of a supervisor page", PDE_ALL, {PAGE(1) | P | W}, 0, {READ}
FAULT3 "user write of a supervisor page", PDE_ALL, {PAGE(1) | P | W}, 0, {WRITE}
FAULT3 "user write of a read-only page", PDE_ALL, {PAGE(1) | P | U}, 0, {WRITE}
FAULT3 "user write of a read-only supervisor page", PDE_ALL, {PAGE(1) | P}, 0, {WRITE}
FAULT3 "user read of a page that is not present", PDE_ALL, {PAGE(1) | U}, 0, {READ}
FAULT3 "user write of a page that is not present", PDE_ALL, {PAGE(1) | U}, 0, {WRITE}
FAULT3 "user read, supervisor by the PDE", {WIN_TABLE | P | W}, {PAGE(1) | P | W | U}, 0, {READ}
FAULT3 "user write, read-only by the PDE", {WIN_TABLE | P | U}, {PAGE(1) | P | W | U}, 0, {WRITE}
FAULT3 "user read, PDE not present", {WIN_TABLE | W | U}, {PAGE(1) | P | W | U}, 0, {READ}
FAULT3 "user fetch of a supervisor page", PDE_ALL, {PAGE(1) | P | W}, 0, {jmp WINDOW}
FAULT3 "user fetch of a page that is not present", PDE_ALL, {0}, 0, {jmp WINDOW}

CASE "supervisor write, read-only by the PDE, with WP"
        mov dword [PDE_WINDOW], WIN_TABLE | P | U
        MAP 0, PAGE(1) | P | W | U
        DUMP WIN_PTE(0), 4
        PAGED 0, CR0_WP
        WRITE
        int3

CASE "CR2 is the linear address: segment base added"
        DESC FREE_SEL, 0x1000ffff, 0x00cf9300
        PAGED 0, 0
        mov dx, FREE_SEL
        mov ds, dx
        mov edx, [WINDOW]
        int3

CASE "CR2 is the first byte that faults, not the first of the operand"
        MAP 0, PAGE(1) | P | W
        DUMP WIN_PTE(0), 8
        PAGED 0, 0
        mov edx, [WINDOW + 0xffe]
        int3

CASE "split read: both pages there"
        MAP 0, PAGE(1) | P | W
        MAP 1, PAGE(2) | P | W
        DUMP WIN_PTE(0), 8
        PAGED 0, 0
        mov edx, [WINDOW + 0xffd]
        int3

CASE "split write: pages that are not neighbours in memory"
        MAP 0, PAGE(4) | P | W
        MAP 1, PAGE(2) | P | W
        DUMP WIN_PTE(0), 8
        DUMP PAGE(4) + 0xffc, 4
        DUMP PAGE(2), 4
        DUMP PAGE(5), 4
        PAGED 0, 0
        mov dword [WINDOW + 0xffd], 0xaabbccdd
        int3

CASE "split write: the second page not present, nothing is written"
        MAP 0, PAGE(4) | P | W
        DUMP PAGE(4) + 0xffc, 4
        PAGED 0, 0
        mov dword [WINDOW + 0xffd], 0xaabbccdd
        int3

CASE "split write: the first page not present"
        MAP 1, PAGE(4) | P | W
        DUMP WIN_PTE(0), 8
        PAGED 0, 0
        mov dword [WINDOW + 0xffd], 0xaabbccdd
        int3

CASE "split write: the second page read-only, nothing is written"
        MAP 0, PAGE(4) | P | W
        MAP 1, PAGE(2) | P
        DUMP PAGE(4) + 0xffc, 4
        DUMP PAGE(2), 4
        PAGED 0, CR0_WP
        add dword [WINDOW + 0xffe], 0x01010101
        int3

CASE "enter with a level that faults"
        MAP 1, PAGE(4) | P | W | U
        PAGED 0, 0
        USER 2, .to
.to:    mov esp, WINDOW + 0x1008
        mov ebp, WINDOW + 0x1008
        enter 0, 3
        int3

CASE "rep movsb stops at the page, registers tell where"
        MAP 0, PAGE(4) | P | W
        PAGED 0, 0
        mov esi, PAGE(6)
        mov edi, WINDOW + 0xffd
        mov ecx, 8
        rep movsb
        int3

CASE "movsd whose destination faults after the source was read"
        MAP 0, PAGE(4) | P
        DUMP WIN_PTE(0), 8
        PAGED 0, 0
        mov esi, WINDOW
        mov edi, WINDOW + 0x1000
        movsd
        int3

CASE "push of memory: source page faults, then stack"
        MAP 0, PAGE(4) | P | W
        PAGED 0, 0
        push dword [WINDOW + 0x1000]
        int3

CASE "pop to memory that faults leaves ESP"
        PAGED 0, 0
        push eax
        pop dword [WINDOW]
        int3

CASE "xchg that faults leaves the register"
        MAP 0, PAGE(4) | P
        PAGED 0, CR0_WP
        xchg [WINDOW], eax
        int3

CASE "fetch: an instruction across two pages"
        CODE_AT .code, .end, PAGE(4) + 0xffe
        CODE_AT .code + 2, .end, PAGE(2)
        MAP 0, PAGE(4) | P
        MAP 1, PAGE(2) | P
        DUMP WIN_PTE(0), 8
        PAGED 0, 0
        jmp WINDOW + 0xffe
.code:  mov ebx, 0x12345678
        int3
.end:

CASE "fetch: the second page of an instruction not present"
        CODE_AT .code, .end, PAGE(4) + 0xffe
        MAP 0, PAGE(4) | P
        DUMP WIN_PTE(0), 8
        PAGED 0, 0
        jmp WINDOW + 0xffe
.code:  mov ebx, 0x12345678
        int3
.end:

CASE "fetch: the next page is not needed by an instruction that ends the page"
        CODE_AT .code, .end, PAGE(4) + 0xffe
        MAP 0, PAGE(4) | P
        PAGED 0, 0
        jmp WINDOW + 0xffe
.code:  inc ebx
        int3
.end:

CASE "fetch: after the page's last instruction the next one faults"
        CODE_AT .code, .end, PAGE(4) + 0xffe
        MAP 0, PAGE(4) | P
        PAGED 0, 0
        jmp WINDOW + 0xffe
.code:  inc ebx
        inc ebx
.end:

CASE "descriptor load from CPL 3 reads the GDT as supervisor and sets its accessed bit"
        DESC FREE_SEL, 0x0000ffff, 0x00cff200
        DUMP GDT + FREE_SEL, 8
        DUMP LOW_TABLE + 4, 4
        PAGED 0, CR0_WP
        USER 2, .to
.to:    mov dx, FREE_SEL | 3
        mov es, dx
        int3

CASE "accessed bit that is set already is not written"
        DESC FREE_SEL, 0x0000ffff, 0x00cf9300
        PAGED 0, CR0_WP
        and dword [LOW_TABLE + 4], ~W
        mov edx, cr3
        mov cr3, edx
        mov dx, FREE_SEL
        mov es, dx
        int3

CASE "invlpg: the new frame is seen"
        MAP 0, PAGE(1) | P | W
        PAGED 0, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W
        invlpg [WINDOW + 0x123]
        mov edx, [WINDOW]
        int3

CASE "mov cr3: the new frame is seen"
        MAP 0, PAGE(1) | P | W
        PAGED 0, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W
        mov ebx, cr3
        mov cr3, ebx
        mov edx, [WINDOW]
        int3

CASE "an entry that was not present is not held: no invlpg needed"
        GATE 14, CS0, .fix, 0x8e00
        MAP 0, PAGE(1) | W
        PAGED 0, 0
        mov ecx, [WINDOW]
        int3
.fix:   MAP 0, PAGE(1) | P | W
        pop edx
        iretd

CASE "D is set again after software cleared it and flushed"
        MAP 0, PAGE(1) | P | W
        DUMP WIN_PTE(0), 4
        PAGED 0, 0
        WRITE
        and dword [WIN_PTE(0)], ~(D | A)
        invlpg [WINDOW]
        WRITE
        int3

CASE "paging off and on again flushes"
        MAP 0, PAGE(1) | P | W
        PAGED 0, 0
        mov ecx, [WINDOW]
        mov eax, CR0_BASE
        mov cr0, eax
        MAP 0, PAGE(3) | P | W
        mov eax, CR0_BASE | CR0_PG
        mov cr0, eax
        mov edx, [WINDOW]
        int3

CASE "WP changed: the next write faults"
        MAP 0, PAGE(1) | P
        PAGED 0, 0
        WRITE
        mov eax, CR0_BASE | CR0_PG | CR0_WP
        mov cr0, eax
        WRITE
        int3

CASE "4 MB page: read sets A in the PDE"
        mov dword [PDE_BIG], 0 | P | W | PS
        DUMP PDE_BIG, 4
        PAGED CR4_PSE, 0
        mov edx, [BIG + PAGE(5)]
        int3

CASE "4 MB page: write sets A and D in the PDE"
        mov dword [PDE_BIG], 0 | P | W | PS
        DUMP PDE_BIG, 4
        DUMP PAGE(5), 4
        PAGED CR4_PSE, 0
        mov [BIG + PAGE(5)], ecx
        int3

CASE "4 MB page: read-only and WP"
        mov dword [PDE_BIG], 0 | P | PS
        PAGED CR4_PSE, CR0_WP
        mov [BIG + PAGE(5)], ecx
        int3

CASE "4 MB page: not for users"
        mov dword [PDE_BIG], 0 | P | W | PS
        PAGED CR4_PSE, 0
        USER 2, .to
.to:    mov edx, [BIG + PAGE(5)]
        int3

CASE "4 MB page: for users"
        mov dword [PDE_BIG], 0 | P | W | U | PS
        DUMP PDE_BIG, 4
        PAGED CR4_PSE, 0
        USER 2, .to
.to:    inc dword [BIG + PAGE(5)]
        int3

CASE "4 MB page: a frame that is not 0"
        mov dword [0x400000 + 0x12344], 0x600dcafe
        mov dword [PDE_BIG], 0x400000 | P | W | PS
        PAGED CR4_PSE, 0
        mov edx, [BIG + 0x12344]
        int3

CASE "PS is ignored without CR4.PSE: the PDE names a table"
        mov dword [PDE_BIG], WIN_TABLE | P | W | PS
        MAP 0, PAGE(3) | P | W
        DUMP PDE_BIG, 4
        PAGED 0, 0
        mov edx, [BIG]
        int3

CASE "4 MB page: reserved bit 21 is #PF with RSVD"
        mov dword [PDE_BIG], 0x200000 | P | W | PS
        PAGED CR4_PSE, 0
        mov edx, [BIG]
        int3

CASE "4 MB page that ends beside a small page: split access"
        mov dword [PDE_BIG - 4], WIN_TABLE | P | W
        mov dword [PDE_BIG], 0 | P | W | PS
        MAP 0x3ff, PAGE(5) | P | W
        DUMP WIN_PTE(0x3ff), 4
        DUMP PDE_BIG, 4
        PAGED CR4_PSE, 0
        mov edx, [BIG - 2]
        int3

CASE "4 MB page: invlpg of another address in it"
        mov dword [PDE_BIG], 0 | P | W | PS
        mov dword [0x400000 + PAGE(5)], 0x51525354
        PAGED CR4_PSE, 0
        mov ecx, [BIG + PAGE(5)]
        mov dword [PDE_BIG], 0x400000 | P | W | PS
        invlpg [BIG]
        mov edx, [BIG + PAGE(5)]
        int3

CASE "CR4.PSE cleared: flushed, the PDE is read as one of a table"
        mov dword [PDE_BIG], 0 | P | W | PS
        PAGED CR4_PSE, 0
        mov ecx, [BIG + PAGE(5)]
        mov dword [PDE_BIG], WIN_TABLE | P | W | PS
        MAP 0x35, PAGE(7) | P | W
        mov eax, 0
        mov cr4, eax
        mov edx, [BIG + PAGE(5)]
        int3

CASE "global page: mov cr3 keeps it"
        MAP 0, PAGE(1) | P | W | GLOBAL
        PAGED CR4_PGE, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W | GLOBAL
        mov ebx, cr3
        mov cr3, ebx
        mov edx, [WINDOW]
        int3

CASE "global page: invlpg drops it"
        MAP 0, PAGE(1) | P | W | GLOBAL
        PAGED CR4_PGE, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W | GLOBAL
        invlpg [WINDOW]
        mov edx, [WINDOW]
        int3

CASE "global page: a change of CR4.PGE drops it"
        MAP 0, PAGE(1) | P | W | GLOBAL
        PAGED CR4_PGE, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W | GLOBAL
        mov eax, 0
        mov cr4, eax
        mov edx, [WINDOW]
        int3

CASE "global bit without CR4.PGE: mov cr3 drops it"
        MAP 0, PAGE(1) | P | W | GLOBAL
        PAGED 0, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W | GLOBAL
        mov ebx, cr3
        mov cr3, ebx
        mov edx, [WINDOW]
        int3

CASE "global bit of a PDE that names a table means nothing"
        mov dword [PDE_WINDOW], WIN_TABLE | P | W | U | GLOBAL
        MAP 0, PAGE(1) | P | W
        PAGED CR4_PGE, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W
        mov ebx, cr3
        mov cr3, ebx
        mov edx, [WINDOW]
        int3

        PAGING_SUPPORT
        FINISH
