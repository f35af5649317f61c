; pae.asm: three-level paging: directory pointers, 64-bit entries, 2 MB pages, no-execute, reserved bits, splits.
; Intel SDM vol. 3 (rev. 325384-084), section 5.4.1 "PAE Paging" and 5.7 "Page-Fault Exceptions".

%define SUITE_RESET build_tables
%include "harness.inc"

%define POINTERS    TABLES + 0x20       ; 32 bytes that a CR3 of 32-byte steps names
%define DIRECTORY   TABLES + 0x1000     ; of the first gigabyte
%define LOW_TABLE   TABLES + 0x2000     ; 0 to 2 MB: the first megabyte one to one
%define WIN_TABLE   TABLES + 0x3000     ; of WINDOW
%define HIGH_DIRECTORY TABLES + 0x4000  ; of the second gigabyte
%define WINDOW      0x200000
%define BIG         0x400000            ; 2 MB that a PDE with PS may map
%define HIGH        0x40000000
%define PDPTE(n)    POINTERS + 8 * (n)
%define PDE_WINDOW  DIRECTORY + 8
%define PDE_BIG     DIRECTORY + 16
%define WIN_PTE(n)  WIN_TABLE + 8 * (n)
%define PAGE(n)     PAGES + 0x1000 * (n)

%define P           0x001
%define W           0x002
%define U           0x004
%define A           0x020
%define D           0x040
%define PS          0x080
%define GLOBAL      0x100
%define NX          0x80000000          ; of the upper half
%define CR4_PSE     0x010
%define CR4_PAE     0x020
%define CR4_PGE     0x080
%define CR0_PG      0x80000000
%define CR0_WP      0x00010000
%define MSR_EFER    0xc0000080
%define EFER_NXE    0x800

; MAP n, low, high: page n of WINDOW
%macro MAP 3
        mov dword [WIN_PTE(%1)], %2
        mov dword [WIN_PTE(%1) + 4], %3
%endmacro

; PAGED more bits of CR4, more bits of CR0
%macro PAGED 2
        mov ecx, CR4_PAE | (%1)
        mov eax, CR0_BASE | CR0_PG | (%2)
        call paging_on
%endmacro

%macro NXE 0
        MSR MSR_EFER, EFER_NXE
        mov ecx, 2
        mov edx, 3
%endmacro

%macro CODE_AT 3
        mov esi, %1
        mov edi, %3
        mov ecx, %2 - %1
        rep movsb
        mov edi, 7
        mov esi, 6
        mov ecx, 2
%endmacro

; One access to page 0 of WINDOW at CPL 0: name, low, high, bits of CR0, instruction. FAULT0 does not look at the
; entries: whether accessed bits were set on the way to a fault is the processor's choice.
%macro ACCESS0 5
CASE %1
        MAP 0, %2, %3
        DUMP WIN_PTE(0), 8
        DUMP PDE_WINDOW, 8
        DUMP PDPTE(0), 8
        PAGED 0, %4
        %5
        int3
%endmacro
%macro FAULT0 5
CASE %1
        MAP 0, %2, %3
        PAGED 0, %4
        %5
        int3
%endmacro
; At CPL 3: name, low, high, instruction
%macro FAULT3 4
CASE %1
        MAP 0, %2, %3
        PAGED 0, 0
        USER 2, %%to
%%to:   %4
        int3
%endmacro

%define READ        mov edx, [WINDOW + 0x10]
%define WRITE       mov [WINDOW + 0x10], edx

ACCESS0 "read: A in PTE and PDE, none in the PDPTE", {PAGE(1) | P | W}, 0, 0, {READ}
ACCESS0 "write: A and D", {PAGE(1) | P | W}, 0, 0, {WRITE}
ACCESS0 "write of a read-only page without WP", {PAGE(1) | P}, 0, 0, {WRITE}
FAULT0 "write of a read-only page with WP", {PAGE(1) | P}, 0, CR0_WP, {WRITE}
FAULT0 "not present", 0, 0, 0, {READ}
FAULT0 "not present, write", 0, 0, 0, {WRITE}
FAULT0 "not present with reserved bits set is not RSVD", 0, 0x00100000, 0, {READ}
FAULT0 "reserved bit 40 of a PTE", {PAGE(1) | P | W}, 0x00000100, 0, {READ}
FAULT0 "reserved bit 52 of a PTE", {PAGE(1) | P | W}, 0x00100000, 0, {READ}
FAULT0 "bit 63 is reserved without NXE", {PAGE(1) | P | W}, NX, 0, {READ}
FAULT0 "reserved bit, write", {PAGE(1) | P | W}, 0x00100000, 0, {WRITE}
FAULT3 "user read of a supervisor page", {PAGE(1) | P | W}, 0, {READ}
FAULT3 "user write of a read-only page", {PAGE(1) | P | U}, 0, {WRITE}
FAULT3 "user read of a page that is not present", 0, 0, {READ}
FAULT3 "user read, reserved bit", {PAGE(1) | P | W | U}, 0x00100000, {READ}
FAULT3 "user fetch of a supervisor page, without NXE no I/D", {PAGE(1) | P | W}, 0, {jmp WINDOW}
FAULT3 "user read and write", {PAGE(1) | P | W | U}, 0, {inc dword [WINDOW]}

CASE "PDPTE not present"
        PAGED 0, 0
        mov edx, [0x80000000]
        int3

CASE "PDPTE: second gigabyte"
        mov dword [PDPTE(1)], HIGH_DIRECTORY | P
        mov dword [HIGH_DIRECTORY], WIN_TABLE | P | W
        MAP 3, PAGE(9) | P | W, 0
        PAGED 0, 0
        mov edx, [HIGH + 0x3000]
        int3

CASE "PDPTE: fourth gigabyte"
        mov dword [PDPTE(3)], HIGH_DIRECTORY | P
        mov dword [HIGH_DIRECTORY + 0xff8], WIN_TABLE | P | W
        MAP 511, PAGE(9) | P | W, 0
        PAGED 0, 0
        mov edx, [0xfffffff0]
        int3

CASE "PDE not present"
        PAGED 0, 0
        mov edx, [0x800000]
        int3

CASE "reserved bit 52 of a PDE"
        mov dword [PDE_WINDOW + 4], 0x00100000
        MAP 0, PAGE(1) | P | W, 0
        PAGED 0, 0
        READ
        int3

CASE "CR3 names 32 bytes: bits 5 to 11 count"
        mov dword [TABLES + 0x420], DIRECTORY | P
        mov dword [TABLES + 0x424], 0
        PAGED 0, 0
        mov edx, TABLES + 0x420
        mov cr3, edx
        mov ecx, cr3
        int3

CASE "2 MB page: A and D in the PDE"
        mov dword [PDE_BIG], 0 | P | W | PS
        DUMP PDE_BIG, 8
        PAGED 0, 0
        inc dword [BIG + PAGE(5)]
        int3

CASE "2 MB page: does not need CR4.PSE, and CR4.PSE changes nothing"
        mov dword [PDE_BIG], 0 | P | W | PS
        PAGED CR4_PSE, 0
        mov edx, [BIG + PAGE(5)]
        mov ecx, CR4_PAE
        mov cr4, ecx
        mov ecx, [BIG + PAGE(6)]
        int3

CASE "2 MB page: another frame"
        mov dword [0x600000 + 0x12344], 0x600dcafe
        mov dword [PDE_BIG], 0x600000 | P | W | PS
        PAGED 0, 0
        mov edx, [BIG + 0x12344]
        int3

CASE "2 MB page: reserved bit 13"
        mov dword [PDE_BIG], 0x2000 | P | W | PS
        PAGED 0, 0
        mov edx, [BIG]
        int3

CASE "2 MB page: read-only and WP"
        mov dword [PDE_BIG], 0 | P | PS
        PAGED 0, CR0_WP
        mov [BIG + PAGE(5)], edx
        int3

CASE "2 MB page: not for users"
        mov dword [PDE_BIG], 0 | P | W | PS
        PAGED 0, 0
        USER 2, .to
.to:    mov edx, [BIG + PAGE(5)]
        int3

CASE "split write: frames that are not neighbours"
        MAP 0, PAGE(4) | P | W, 0
        MAP 1, PAGE(2) | P | W, 0
        DUMP WIN_PTE(0), 16
        DUMP PAGE(4) + 0xffc, 4
        DUMP PAGE(2), 4
        PAGED 0, 0
        mov dword [WINDOW + 0xffd], 0xaabbccdd
        int3

CASE "split write: the second page not present, nothing is written"
        MAP 0, PAGE(4) | P | W, 0
        DUMP PAGE(4) + 0xffc, 4
        PAGED 0, 0
        mov dword [WINDOW + 0xffd], 0xaabbccdd
        int3

CASE "split write: the second page read-only, nothing is written"
        MAP 0, PAGE(4) | P | W, 0
        MAP 1, PAGE(2) | P, 0
        DUMP PAGE(4) + 0xffc, 4
        DUMP PAGE(2), 4
        PAGED 0, CR0_WP
        mov dword [WINDOW + 0xffd], 0xaabbccdd
        int3

CASE "split read across two page directories"
        mov dword [PDE_BIG], 0 | P | W | PS
        MAP 511, PAGE(9) | P | W, 0
        PAGED 0, 0
        mov edx, [BIG - 2]
        int3

CASE "cmpxchg8b of an entry"
        MAP 0, PAGE(1) | P | W, 0
        PAGED 0, 0
        mov eax, PAGE(1) | P | W
        xor edx, edx
        mov ebx, PAGE(2) | P | W
        xor ecx, ecx
        lock cmpxchg8b [WIN_PTE(0)]
        invlpg [WINDOW]
        mov esi, [WINDOW]
        int3

CASE "global page: invlpg"
        MAP 0, PAGE(1) | P | W | GLOBAL, 0
        PAGED CR4_PGE, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W | GLOBAL, 0
        invlpg [WINDOW]
        mov edx, [WINDOW]
        int3

CASE "mov cr3 drops what is not global"
        MAP 0, PAGE(1) | P | W, 0
        PAGED CR4_PGE, 0
        mov ecx, [WINDOW]
        MAP 0, PAGE(2) | P | W, 0
        mov ebx, cr3
        mov cr3, ebx
        mov edx, [WINDOW]
        int3

CASE "EFER.NXE reads back"
        NXE
        mov ecx, MSR_EFER
        rdmsr
        int3

CASE "NX: fetch from a page at CPL 0"
        NXE
        MAP 0, PAGE(1) | P | W, NX
        PAGED 0, 0
        jmp WINDOW

CASE "NX: read and write of the page"
        NXE
        MAP 0, PAGE(1) | P | W, NX
        DUMP WIN_PTE(0), 8
        PAGED 0, 0
        inc dword [WINDOW]
        mov edx, [WINDOW]
        int3

CASE "NX: fetch at CPL 3"
        NXE
        MAP 0, PAGE(1) | P | W | U, NX
        PAGED 0, 0
        USER 2, .to
.to:    jmp WINDOW

CASE "NX: fetch at CPL 3 of a supervisor page has I/D"
        NXE
        MAP 0, PAGE(1) | P | W, 0
        PAGED 0, 0
        USER 2, .to
.to:    jmp WINDOW

CASE "NX: fetch of a page that is not present has I/D"
        NXE
        PAGED 0, 0
        jmp WINDOW

CASE "NX: of the PDE counts for all its pages"
        NXE
        mov dword [PDE_WINDOW + 4], NX
        MAP 0, PAGE(1) | P | W, 0
        PAGED 0, 0
        mov edx, [WINDOW]
        jmp WINDOW

CASE "NX: 2 MB page"
        NXE
        mov dword [PDE_BIG], 0 | P | W | PS
        mov dword [PDE_BIG + 4], NX
        PAGED 0, 0
        mov edx, [BIG + PAGE(1)]
        jmp BIG + PAGE(1)

CASE "NX: an instruction that runs into such a page"
        NXE
        CODE_AT .code, .end, PAGE(4) + 0xffe
        MAP 0, PAGE(4) | P, 0
        MAP 1, PAGE(2) | P, NX
        PAGED 0, 0
        jmp WINDOW + 0xffe
.code:  mov ebx, 0x12345678
        int3
.end:

CASE "NX: reserved bits beside it are RSVD and I/D"
        NXE
        MAP 0, PAGE(1) | P | W, NX | 0x00100000
        PAGED 0, 0
        jmp WINDOW

CASE "without NXE a fetch that faults has no I/D"
        PAGED 0, 0
        jmp WINDOW

CASE "NX: data access with a stale translation after NXE: read is allowed"
        NXE
        MAP 0, PAGE(1) | P | W, 0
        CODE_AT .code, .end, PAGE(1)
        PAGED 0, 0
        call WINDOW
        MAP 0, PAGE(1) | P | W, NX
        invlpg [WINDOW]
        mov edx, [WINDOW]
        call WINDOW
        int3
.code:  inc ebx
        ret
.end:

CASE "PAE with paging off means nothing"
        mov ecx, CR4_PAE
        mov cr4, ecx
        mov edx, [PAGE(3)]
        xor ecx, ecx
        mov cr4, ecx
        int3

CASE "from PAE to two levels and back, with paging off between"
        PAGED 0, 0
        mov eax, CR0_BASE
        mov cr0, eax
        xor eax, eax
        mov cr4, eax
        mov dword [TABLES + 0x5000], 0 | P | W | PS
        mov ecx, TABLES + 0x5000
        mov cr3, ecx
        mov eax, CR4_PSE
        mov cr4, eax
        mov eax, CR0_BASE | CR0_PG
        mov cr0, eax
        mov edx, [PAGE(3)]
        mov eax, CR0_BASE
        mov cr0, eax
        MAP 0, PAGE(6) | P, 0
        PAGED 0, 0
        mov ebx, [WINDOW]
        int3

        bits 32
build_tables:
        mov edi, POINTERS
        mov dword [edi], DIRECTORY | P
        mov dword [DIRECTORY], LOW_TABLE | P | W | U | A
        mov dword [PDE_WINDOW], WIN_TABLE | P | W | U
        mov edi, LOW_TABLE
        mov eax, P | W | A | D
        mov ecx, 0x100
.entry: mov [edi], eax
        add edi, 8
        add eax, 0x1000
        loop .entry
        mov ecx, 0x10
        mov edi, LOW_TABLE + 8 * (IMAGE >> 12)
.image: or dword [edi], U
        add edi, 8
        loop .image
        or dword [LOW_TABLE + 8 * ((STACK3 >> 12) - 1)], U
        mov edi, PAGES                  ; every page of the 16 has its number in every byte
        xor eax, eax
.page:  mov ecx, 0x400
        rep stosd
        add eax, 0x01010101
        cmp edi, PAGES + 0x10000
        jb .page
        MSR MSR_EFER, 0
        ret

; EAX: CR0, ECX: CR4
paging_on:
        push edi
        mov cr4, ecx
        mov edi, POINTERS
        mov cr3, edi
        mov cr0, eax
        pop edi
        mov eax, 1
        mov ecx, 2
        ret

        FINISH
