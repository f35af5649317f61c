/** Page-table entry bits, legacy 32-bit format (AMD64 APM vol. 2, rev. 3.44, section 5.2 "Legacy-Mode Page Translation"). */

export const PAGE_BYTES = 4096;
export const LARGE_PAGE_BYTES = 4 << 20;

export const PTE_P = 1 << 0;
export const PTE_W = 1 << 1;
export const PTE_U = 1 << 2;
export const PTE_PWT = 1 << 3;
export const PTE_PCD = 1 << 4;
export const PTE_A = 1 << 5;
export const PTE_D = 1 << 6;
/** In a page-directory entry: maps a 4 MB page (needs CR4.PSE). */
export const PTE_PS = 1 << 7;
export const PTE_G = 1 << 8;
/** Page frame of a 4 KB entry. */
export const PTE_FRAME = 0xffff_f000 | 0;
/** Page frame of a 4 MB entry. */
export const PDE_LARGE_FRAME = 0xffc0_0000 | 0;
