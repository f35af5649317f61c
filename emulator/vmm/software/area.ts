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
export const GS_INTERRUPT_FLAG = 0x0c; // the virtual CPU's EFLAGS.IF, in its place: 0 or 0x200
export const GS_PENDING = 0x10; // 1: a virtual interrupt waits for the flag to be set
export const GS_SPILL_EAX = 0x14; // as GS_SPILL_ECX
export const GS_SPILL_EDX = 0x18;
export const GS_SPILL_FLAGS = 0x1c; // arithmetic flags while a sequence uses them: as LAHF in bits 15:8, OF in bit 0
export const GS_NEXT_INTERRUPT_FLAG = 0x20; // what GS_INTERRUPT_FLAG becomes with the popf under way
export const GS_RESULT = 0x24; // a value that waits for its register
/** The virtual CPU's registers that translated code reads: copies, which the monitor renews whenever it enters the cache. */
export const GS_SYSTEM_FLAGS = 0x40; // EFLAGS bits that the host's register does not hold for the guest, IF apart: IOPL, NT ...
export const GS_TSC_OFFSET = 0x44; // 64 bits: the guest's time-stamp counter less the host's
export const GS_CR0 = 0x50;
export const GS_CR2 = 0x54;
export const GS_CR3 = 0x58;
export const GS_CR4 = 0x5c;
export const GS_SELECTORS = 0x60; // of CS, SS, GS, LDTR and TR at four times their number (arch/registers.ts)
export const GS_CR8 = 0x80; // the task priority: translated code writes it too, and the monitor tells the guest's local APIC
export const GS_HELD_OFF = 0x84; // 1: a lower task priority may let an interrupt in
/** Where direct jumps find an instruction that lies in two pages: a cache address each, given out one by one. */
export const GS_EDGES = 0x100;
export const EDGE_SLOTS = 64;
export const EDGE_SLOT_BYTES = 4;
/** A table by the low byte of a value for CR8: a byte that is 0 when the register takes it. */
export const GS_CR8_REFUSED = 0x200;
/** Tables by bits 15:8 of a flags image: a byte that is 0 when popf can take them in the cache; a word, IF in its place. */
export const GS_POPF_REFUSED = 0x300;
export const GS_POPF_INTERRUPT_FLAG = 0x400;
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
