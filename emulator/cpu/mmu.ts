import { CR0_PG, CR0_WP, CR4_PGE, CR4_PSE } from '../arch/control.js';
import {
  PDE_LARGE_FRAME,
  PTE_A,
  PTE_D,
  PTE_FRAME,
  PTE_G,
  PTE_P,
  PTE_PS,
  PTE_U,
  PTE_W,
} from '../arch/paging.js';
import { CR0_I32, CR3_I32, CR4_I32 } from '../arch/state.js';
import { PF_PRESENT, PF_RESERVED, PF_USER, PF_WRITE, VECTOR_PF } from '../arch/vectors.js';
import type { Ledger } from '../cost/ledger.js';
import type { PhysicalMemory } from '../platform/memory.js';
import type { Fault } from './fault.js';
import type { StateArea } from './state.js';
import * as tlb from './tlb.js';
import { Tlb } from './tlb.js';

const PAGE_MASK = 0xfff;
const LARGE_MASK = 0x3f_ffff;
/** Bits 21:13 of a 4 MB entry must be zero: no PSE-36; bit 12 too: no PAT. */
const PDE_LARGE_RESERVED = 0x003f_f000;

/** Linear to physical: 32-bit paging with 4 KB and 4 MB pages, through the modelled TLB. */
export class Mmu {
  readonly tlb: Tlb;
  /** What every physical address is ANDed with: all ones while the A20 gate is open; signed. */
  addressMask = -1;

  constructor(
    private readonly state: StateArea,
    readonly memory: PhysicalMemory,
    private readonly ledger: Ledger,
    private readonly fault: Fault,
    tlbShape: { entries: number; ways: number },
  ) {
    this.tlb = new Tlb(tlbShape);
  }

  /**
   * Translates one access within a page, filling the TLB and setting A and D as hardware does.
   * @returns the physical address, unsigned, maybe beyond memory. @throws Fault #PF.
   */
  access(linear: number, write: boolean, user: boolean): number {
    const cr0 = this.state.s32[CR0_I32];
    if ((cr0 & CR0_PG) === 0) {
      const all =
        tlb.FAST_READ_SUPERVISOR | tlb.FAST_READ_USER | tlb.FAST_WRITE_SUPERVISOR | tlb.FAST_WRITE_USER;
      const physical = linear & this.addressMask;
      this.fillFast(linear, physical & ~PAGE_MASK, all);
      return physical >>> 0;
    }
    let entry = this.tlb.lookup(linear);
    // An entry that denies the access, or a first write, makes the processor walk the tables as they are now.
    if (entry < 0 || !permits(this.tlb.flags[entry], cr0, write, user)) {
      entry = this.walk(linear, cr0, write, user);
    }
    const flags = this.tlb.flags[entry];
    const frame = this.tlb.frames[entry];
    const offsetMask = flags & tlb.TLB_LARGE ? LARGE_MASK : PAGE_MASK;
    const physical = (frame | (linear & offsetMask)) & this.addressMask;
    this.fillFast(linear, physical & ~PAGE_MASK, fastBits(flags, cr0));
    return physical >>> 0;
  }

  /** Walks without side effects. @returns the physical address or null. */
  probe(linear: number, write: boolean, user: boolean): number | null {
    const cr0 = this.state.s32[CR0_I32];
    if ((cr0 & CR0_PG) === 0) return (linear & this.addressMask) >>> 0;
    const directoryEntry = this.memory.read32(this.directoryAddress(linear));
    if ((directoryEntry & PTE_P) === 0) return null;
    const isLarge = this.isLarge(directoryEntry);
    if (isLarge && directoryEntry & PDE_LARGE_RESERVED) return null;
    const pageEntry = isLarge
      ? directoryEntry
      : this.memory.read32(this.tableAddress(directoryEntry, linear));
    if ((pageEntry & PTE_P) === 0) return null;
    // As if dirty: a probe asks for the right only.
    if (!permits((directoryEntry & pageEntry) | PTE_D, cr0, write, user)) return null;
    const physical = isLarge
      ? (directoryEntry & PDE_LARGE_FRAME) | (linear & LARGE_MASK)
      : (pageEntry & PTE_FRAME) | (linear & PAGE_MASK);
    return (physical & this.addressMask) >>> 0;
  }

  /** What a CR3 write does: global entries stay when CR4.PGE is set. */
  flushNonGlobal(): void {
    this.tlb.flushAsid(this.tlb.asid, (this.state.s32[CR4_I32] & CR4_PGE) !== 0);
  }

  flushAll(): void {
    this.tlb.flushAll();
  }

  flushAsid(asid: number): void {
    this.tlb.flushAsid(asid, false);
  }

  /** Switches the address space that lookups and fills belong to. */
  setAsid(asid: number): void {
    this.tlb.asid = asid;
    this.tlb.dropFast();
  }

  /** Reads the tables for one access. @returns the TLB entry that it filled. */
  private walk(linear: number, cr0: number, write: boolean, user: boolean): number {
    const { memory, ledger } = this;
    const directoryAddress = this.directoryAddress(linear);
    ledger.charge('walk', 'walk.reference');
    const directoryEntry = memory.read32(directoryAddress);
    if ((directoryEntry & PTE_P) === 0) this.pageFault(linear, 0, write, user);
    if (this.isLarge(directoryEntry)) {
      if (directoryEntry & PDE_LARGE_RESERVED) this.pageFault(linear, PF_PRESENT | PF_RESERVED, write, user);
      if (!permits(directoryEntry | PTE_D, cr0, write, user)) this.pageFault(linear, PF_PRESENT, write, user);
      const updated = this.markUsed(directoryAddress, directoryEntry, write ? PTE_A | PTE_D : PTE_A);
      const frame = (directoryEntry & PDE_LARGE_FRAME) >>> 0;
      return this.tlb.insert(linear, frame, this.entryFlags(updated) | tlb.TLB_LARGE);
    }
    const pageAddress = this.tableAddress(directoryEntry, linear);
    ledger.charge('walk', 'walk.reference');
    const pageEntry = memory.read32(pageAddress);
    if ((pageEntry & PTE_P) === 0) this.pageFault(linear, 0, write, user);
    const rights = (directoryEntry & pageEntry & (PTE_W | PTE_U)) | PTE_D;
    if (!permits(rights, cr0, write, user)) this.pageFault(linear, PF_PRESENT, write, user);
    this.markUsed(directoryAddress, directoryEntry, PTE_A);
    const updated = this.markUsed(pageAddress, pageEntry, write ? PTE_A | PTE_D : PTE_A);
    const flags = this.entryFlags(updated) & (directoryEntry | ~(PTE_W | PTE_U));
    return this.tlb.insert(linear, (pageEntry & PTE_FRAME) >>> 0, flags);
  }

  private entryFlags(entry: number): number {
    const global = this.state.s32[CR4_I32] & CR4_PGE ? PTE_G : 0;
    return entry & (PTE_W | PTE_U | PTE_D | global);
  }

  /** Sets `bits` in a table entry unless they are set. @returns the entry as it is then. */
  private markUsed(address: number, entry: number, bits: number): number {
    const updated = entry | bits;
    if (updated !== (entry | 0)) this.memory.write32(address, updated);
    return updated;
  }

  private directoryAddress(linear: number): number {
    return (((this.state.s32[CR3_I32] & PTE_FRAME) | ((linear >>> 20) & 0xffc)) & this.addressMask) >>> 0;
  }

  private tableAddress(directoryEntry: number, linear: number): number {
    return (((directoryEntry & PTE_FRAME) | ((linear >>> 10) & 0xffc)) & this.addressMask) >>> 0;
  }

  private isLarge(directoryEntry: number): boolean {
    return (directoryEntry & PTE_PS) !== 0 && (this.state.s32[CR4_I32] & CR4_PSE) !== 0;
  }

  private pageFault(linear: number, code: number, write: boolean, user: boolean): never {
    this.fault.cr2 = linear >>> 0;
    this.fault.raise(VECTOR_PF, code | (write ? PF_WRITE : 0) | (user ? PF_USER : 0));
  }

  private fillFast(linear: number, physicalPage: number, bits: number): void {
    const { memory } = this;
    if (physicalPage >>> 0 >= memory.sizeBytes) return;
    this.tlb.setFast(linear >>> 12, (memory.baseBytes + physicalPage) | bits);
  }
}

/** Whether rights `flags` (W, U, D) allow the access at once: a write also needs D set. */
function permits(flags: number, cr0: number, write: boolean, user: boolean): boolean {
  if (user && (flags & PTE_U) === 0) return false;
  if (!write) return true;
  if ((flags & PTE_W) === 0 && (user || (cr0 & CR0_WP) !== 0)) return false;
  return (flags & PTE_D) !== 0;
}

function fastBits(flags: number, cr0: number): number {
  const user = (flags & PTE_U) !== 0;
  const dirty = (flags & PTE_D) !== 0;
  const writable = dirty && (flags & PTE_W) !== 0;
  let bits = tlb.FAST_READ_SUPERVISOR;
  if (user) bits |= tlb.FAST_READ_USER;
  if (dirty && (writable || (cr0 & CR0_WP) === 0)) bits |= tlb.FAST_WRITE_SUPERVISOR;
  if (writable && user) bits |= tlb.FAST_WRITE_USER;
  return bits;
}
