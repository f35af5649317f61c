/** Debug registers (AMD64 APM vol. 2, rev. 3.44, section 13.1.1 "Debug Registers"). */

export const BREAKPOINT_COUNT = 4;

/** DR6: B0 to B3 are bits 0 to 3. */
export const DR6_BD = 1 << 13;
export const DR6_BS = 1 << 14;
export const DR6_BT = 1 << 15;
/** Bits of DR6 that read as ones whatever is written, and those that can be written. */
export const DR6_ONES = 0xffff_0ff0 | 0;
export const DR6_WRITABLE = 0xe00f;

/** DR7: local and global enables of breakpoint n are bits 2n and 2n + 1. */
export const DR7_ENABLES = 0xff;
export const DR7_GD = 1 << 13;
export const DR7_ONES = 0x400;
export const DR7_ZEROS = 0xd800;

/** What a breakpoint is for: R/W of DR7, for breakpoint n at bit 16 + 4n. */
export const BREAK_ON_EXECUTE = 0;
export const BREAK_ON_WRITE = 1;
/** With CR4.DE; else undefined, here nothing. */
export const BREAK_ON_PORT = 2;
export const BREAK_ON_ACCESS = 3;

/** LEN of DR7, for breakpoint n at bit 18 + 4n: bytes watched. 8 is for long mode, but what hardware does. */
export const BREAK_LENGTH_BYTES = [1, 2, 8, 4] as const;
