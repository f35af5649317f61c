/*
 * Local variables of a compiled region. The parameters come first; in the order of `RegionFunction`.
 */
/** Index of the block to begin with, and of the next one that a backward jump goes to. */
export const ENTRY = 0;
/** Offset in CS of the page's first byte. */
export const EIP_BASE = 1;
/** Instructions and ticks that may still pass; they are counted down by the block. */
export const INSTRUCTIONS = 2;
export const TICKS = 3;
/** What a fast TLB entry must have for a read and a write at the current privilege. */
export const READ_BIT = 4;
export const WRITE_BIT = 5;
export const PARAMETERS = 6;

/** General register n. */
export const REGISTERS = 6;
/** The words of the lazy flags (isa/semantics/flags.ts). */
export const FLAG_RESULT = 14;
export const FLAG_CARRY = 15;
/** What the last flag-writing operation left for {@link Flags} to make those words of. */
export const LEFT = 16;
export const RIGHT = 17;
export const RESULT = 18;
/** The exit taken, and the offset in CS of what comes after it. */
export const EXIT = 19;
export const EIP = 20;
/** An access under way: offset in its segment, linear address, fast TLB entry, host address, marks of the page. */
export const OFFSET = 21;
export const LINEAR = 22;
export const TLB_ENTRY = 23;
export const HOST = 24;
export const MARKS = 25;
/** A store of this operation has made the region stale. */
export const STALE = 26;
/** Free for use within one operation. */
export const VALUE = 27;
export const SCRATCH = 28;
export const SCRATCH2 = 29;
/** Six of each, by segment. */
export const SEGMENT_BASE = 30;
export const READ_SPAN = 36;
export const WRITE_SPAN = 42;
export const CODE_LIMIT = 48;
export const PREVIOUS_CARRY = 49;
/** The operand of a bit test. */
export const TESTED = 50;
/** Instructions left when an IRET had set RF; never equal before. */
export const RESUMED = 51;
export const I32_LOCALS = 52 - PARAMETERS;
/** 64-bit values, for products and quotients. */
export const WIDE = 52;
export const WIDE2 = 53;
export const I64_LOCALS = 2;
