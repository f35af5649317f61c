; control-faults.asm: what a processor refuses in CR0, CR4 and MSRs.
; Intel SDM vol. 2 (rev. 325383-084), "MOV-Move to/from Control Registers", "WRMSR"; vol. 3, section 2.5.

%include "harness.inc"

; name, value of CR0
%macro CR0_CASE 2
CASE %1
        mov edx, %2
        mov cr0, edx
        mov ecx, cr0
        mov edx, CR0_BASE
        mov cr0, edx
        int3
%endmacro

CR0_CASE "CR0: PG without PE is #GP(0)", 0x80000010
CR0_CASE "CR0: NW without CD is #GP(0)", 0x20000031
CR0_CASE "CR0: CD without NW", 0x40000031
CR0_CASE "CR0: CD and NW", 0x60000031
CR0_CASE "CR0: bits that do not exist are ignored", 0x1ffaffd1 | 0x31
CR0_CASE "CR0: AM and WP", 0x00050031

CASE "CR4: a reserved bit is #GP(0)"
        mov edx, 0x00800000
        mov cr4, edx
        int3

CASE "CR4: the highest bit is #GP(0)"
        mov edx, 0x80000000
        mov cr4, edx
        int3

CASE "CR4: a refused write changes nothing"
        mov edx, 0x80000010
        mov cr4, edx
        int3

CASE "rdmsr of a register that does not exist is #GP(0)"
        mov ecx, 0x00012345
        rdmsr
        int3

CASE "wrmsr of a register that does not exist is #GP(0)"
        mov ecx, 0x00012345
        wrmsr
        int3

CASE "rdpmc of a counter that does not exist is #GP(0)"
        mov ecx, 0x00000055
        rdpmc
        int3

CASE "code past the segment limit is #GP(0)"
        DESC FREE_SEL, 0x00000100, 0x00409b01
        jmp FREE_SEL:0x101
        int3

CASE "data past the limit is #GP(0)"
        DESC FREE_SEL, 0x000000ff, 0x00409300
        mov dx, FREE_SEL
        mov es, dx
        mov cl, [es:0xff]
        mov cx, [es:0xff]
        int3

CASE "expand-down: the limit is excluded, above it is allowed"
        DESC FREE_SEL, 0x00000fff, 0x00409700
        mov dx, FREE_SEL
        mov es, dx
        mov ecx, [es:0x1000]
        mov cl, [es:0xfff]
        int3

CASE "expand-down with 16-bit upper bound"
        DESC FREE_SEL, 0x00000fff, 0x00009700
        mov dx, FREE_SEL
        mov es, dx
        mov cl, [es:0xffff]
        mov cx, [es:0xffff]
        int3

CASE "stack past the limit is #SS(0)"
        DESC FREE_SEL, 0x00007fff, 0x00409300
        mov dx, FREE_SEL
        mov ss, dx
        mov esp, 0x7000
        mov ecx, [ss:0x7ffc]
        mov ecx, [ss:0x7ffd]
        int3

CASE "execute-only code cannot be read"
        DESC FREE_SEL, 0x0000ffff, 0x00cf9900
        jmp FREE_SEL:.to
.to:    mov cl, [cs:0]
        int3

CASE "code cannot be written"
        mov [cs:SCRATCH], cl
        int3

CASE "read-only data cannot be written"
        DESC FREE_SEL, 0x0000ffff, 0x00cf9100
        mov dx, FREE_SEL
        mov es, dx
        mov cl, [es:SCRATCH]
        mov [es:SCRATCH], cl
        int3

CASE "null segment: access is #GP(0)"
        xor edx, edx
        mov es, dx
        mov cl, [es:SCRATCH]
        int3

CASE "null segment with RPL 3: load is allowed"
        mov dx, 3
        mov es, dx
        mov fs, dx
        int3

CASE "an instruction of 16 bytes is #GP(0)"
        times 15 db 0x66
        nop
        int3

CASE "an instruction that ends past the limit is #GP(0) at its beginning"
        DESC FREE_SEL, .to - $$ + 2, 0x00419b00
        jmp FREE_SEL:.to
.to:    mov ecx, 0x12345678
        int3

CASE "an instruction that ends at the limit"
        DESC FREE_SEL, .on - $$ - 1, 0x00419b00
        jmp FREE_SEL:.to
.to:    mov ecx, 0x12345678
.on:    int3

        FINISH
