import { PAGE_BYTES } from '../../arch/paging.js';

/**
 * The monitor's own part of every address space while translated code runs: the top 4 MB of linear space
 * (Bugnion et al., TOCS 2012), supervisor pages above the end of all truncated guest segments. Offsets are
 * from {@link AREA_LINEAR}. Translated code reaches the data page through %gs, whose offset 0 is its first byte.
 */
export const AREA_LINEAR = 0xffc0_0000;

/** Monitor data, the only thing that translated code reads and writes for itself. */
export const DATA_OFFSET = 0;
/** Control that arrives here is in the monitor: the offset within the page says why. */
export const ENTRY_OFFSET = PAGE_BYTES;
/** Shadow of the guest's global descriptor table: all 8192 slots, so that a selector index means the same in both. */
export const SHADOW_GDT_OFFSET = 0x1_0000;
export const SHADOW_GDT_BYTES = 0x1_0000;
/** The translation cache. */
export const CACHE_OFFSET = 0x2_0000;
export const MAX_CACHE_BYTES = (4 << 20) - CACHE_OFFSET;

/** Offsets in the data page. Each is a 32-bit word unless said otherwise. */
export const GS_SITE = 0x00; // which continuation or callout entered the monitor
export const GS_SPILL_ECX = 0x04; // the guest's %ecx while a sequence uses the register
export const GS_TARGET = 0x08; // where an indirect control transfer goes: a guest eip
export const GS_INTERRUPT_FLAG = 0x0c; // the virtual CPU's EFLAGS.IF: 0 or 1
export const GS_PENDING = 0x10; // 1: a virtual interrupt waits for the flag to be set
/** Return and indirect-jump targets by the low 8 bits of the guest eip: 256 slots of 8 bytes, the first 4 a cache address. */
export const GS_TARGETS = 0x800;
export const TARGET_SLOTS = 256;
export const TARGET_SLOT_BYTES = 8;

/** Offsets in the entry page, one for each way in. */
export const ENTRY_CONTINUATION = 0x00;
export const ENTRY_CALLOUT = 0x10;
export const ENTRY_TARGET_MISS = 0x20;

export const DATA_LINEAR = AREA_LINEAR + DATA_OFFSET;
export const ENTRY_LINEAR = AREA_LINEAR + ENTRY_OFFSET;
export const SHADOW_GDT_LINEAR = AREA_LINEAR + SHADOW_GDT_OFFSET;
export const CACHE_LINEAR = AREA_LINEAR + CACHE_OFFSET;
