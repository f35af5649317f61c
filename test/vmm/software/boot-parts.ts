/** Guests that start as boot code does: in real mode, at 0000:7c00 or at the reset vector of a ROM. */
export interface BootGuest {
  name: string;
  /** Assembly from 7c00 on, or of the segment f000 when it is a ROM. */
  source: string;
  rom?: boolean;
  /** Exit reasons that must occur when it is translated. */
  exits?: readonly string[];
}

/** Ends the run with what a guest has in its registers. */
export const EXIT = `
        mov al, 0
        out 0xf4, al
        hlt
`;

export const STACK = `
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7000
`;

/** Protected mode with 16-bit and 32-bit segments; `gdtr` describes it. */
export const TABLE = `
        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff   ; 0x08 32-bit code
        dq 0x00cf93000000ffff   ; 0x10 32-bit data
        dq 0x00009b000000ffff   ; 0x18 16-bit code
        dq 0x000093000000ffff   ; 0x20 16-bit data
        dq 0x000093010000ffff   ; 0x28 16-bit data at 64 KB
        dq 0x00cffb000000ffff   ; 0x30 user code
        dq 0x00cff3000000ffff   ; 0x38 user data
        dw 0x67, tss, 0x8900, 0 ; 0x40 TSS
gdtr:   dw gdtr - gdt - 1
        dd gdt
        align 8
tss:    dd 0, 0x6800, 0x10
        times 22 dd 0
        dw 0, 0x68
`;
