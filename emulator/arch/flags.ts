/** EFLAGS bits (AMD64 APM vol. 2, rev. 3.44, section 3.1.6 "RFLAGS Register"). */

export const FLAG_CF = 1 << 0;
/** Bit 1 always reads as one. */
export const FLAG_ONE = 1 << 1;
export const FLAG_PF = 1 << 2;
export const FLAG_AF = 1 << 4;
export const FLAG_ZF = 1 << 6;
export const FLAG_SF = 1 << 7;
export const FLAG_TF = 1 << 8;
export const FLAG_IF = 1 << 9;
export const FLAG_DF = 1 << 10;
export const FLAG_OF = 1 << 11;
export const FLAG_IOPL = 3 << 12;
export const FLAG_NT = 1 << 14;
export const FLAG_RF = 1 << 16;
export const FLAG_VM = 1 << 17;
export const FLAG_AC = 1 << 18;
export const FLAG_VIF = 1 << 19;
export const FLAG_VIP = 1 << 20;
export const FLAG_ID = 1 << 21;

export const IOPL_SHIFT = 12;
/** The six flags that arithmetic writes. */
export const FLAGS_ARITHMETIC = FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF;
/** Every bit that exists; the others read as zero, bit 1 as one. */
export const FLAGS_DEFINED =
  FLAGS_ARITHMETIC |
  FLAG_TF |
  FLAG_IF |
  FLAG_DF |
  FLAG_IOPL |
  FLAG_NT |
  FLAG_RF |
  FLAG_VM |
  FLAG_AC |
  FLAG_VIF |
  FLAG_VIP |
  FLAG_ID;
