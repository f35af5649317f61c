/**
 * Processor state in the machine's WebAssembly.Memory: byte offsets from the start of a processor's state
 * area. Every register has an 8-byte slot so that 64-bit mode stays possible. Indices ending in `_I32` are
 * positions in an Int32Array over the area.
 */

/** General registers: slot n at byte 8n, so 32-bit index 2n, 16-bit index 4n, AL-like byte 8n, AH-like byte 8(n-4)+1. */
export const GPR_OFFSET = 0;

/**
 * The arithmetic flags, kept as what the last flag-writing operation left (isa/semantics/flags.ts owns the
 * meaning and reads them back): its sign-extended result, and the carries out of its bit positions.
 */
export const LAZY_RESULT_I32 = 0x80 >> 2;
export const LAZY_CARRY_I32 = 0x88 >> 2;
/** EFLAGS without the six arithmetic flags, whose bits here mean nothing. */
export const EFLAGS_I32 = 0xa0 >> 2;
/** Offset of the next instruction in CS; current between blocks and whenever a fault or device is handled. */
export const EIP_I32 = 0xa8 >> 2;
/** Current privilege level. */
export const CPL_I32 = 0xb0 >> 2;

/** Segment n (SegmentIndex): 32 bytes from SEGMENT_OFFSET + 32n: selector u32, attributes u32, limit u32, pad, base u64, pad. */
export const SEGMENT_OFFSET = 0x100;
export const SEGMENT_STRIDE = 32;

export const GDTR_OFFSET = 0x200; // base u64, limit u32
export const IDTR_OFFSET = 0x210;
export const CR0_I32 = 0x220 >> 2;
export const CR2_I32 = 0x228 >> 2;
export const CR3_I32 = 0x230 >> 2;
export const CR4_I32 = 0x238 >> 2;
export const EFER_I32 = 0x240 >> 2;
export const DR_OFFSET = 0x280; // DR0..DR7, 8 bytes each
/** The four page-directory-pointer entries that PAE paging loads with CR3, 8 bytes each. */
export const PDPTE_OFFSET = 0x2c0;

/**
 * What {@link ../cpu/state.ts} derives from the segment registers, here so that compiled code reaches it: per
 * segment how many offsets are valid starts of a read and of a write with nothing left to check, eight words
 * each, and the last offset that can be fetched.
 */
export const READ_SPAN_OFFSET = 0x400;
export const WRITE_SPAN_OFFSET = 0x420;
export const CODE_LIMIT_I32 = 0x440 >> 2;
/** A performance counter: near jumps through a register or memory that were executed, modulo 2^32. */
export const INDIRECT_JUMPS_I32 = 0x448 >> 2;

/**
 * The x87 coprocessor: R0 to R7, 16 bytes each (64 bits of significand, then sign and exponent), and after them its
 * other registers. Offsets of these count from {@link X87_OFFSET}.
 */
export const X87_OFFSET = 0x500;
export const X87_REGISTER_STRIDE = 16;
export const X87_CONTROL_OFFSET = 0x80;
export const X87_STATUS_OFFSET = 0x88;
/** A bit for each register that is empty. */
export const X87_EMPTY_OFFSET = 0x90;
/** Offset and selector of the last instruction with an unmasked exception, and of its operand; u32 each. */
export const X87_POINTER_OFFSET = 0x98;
export const X87_BYTES = 0xa8;

/** A processor's whole state area. */
export const STATE_BYTES = 0x1000;
