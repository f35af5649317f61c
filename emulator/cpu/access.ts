import { ATTR_CODE, ATTR_DB, ATTR_DC, ATTR_P, ATTR_RW } from '../arch/descriptors.js';
import { ESP, SS } from '../arch/registers.js';
import type { SegmentIndex } from '../arch/registers.js';
import { VECTOR_AC, VECTOR_GP, VECTOR_SS } from '../arch/vectors.js';
import type { Ledger } from '../cost/ledger.js';
import type { CpuProfile } from '../cost/profile.js';
import type { PhysicalMemory } from '../platform/memory.js';
import { Fault } from './fault.js';
import { Mmu } from './mmu.js';
import { BASE_I32, BASE_STRIDE_I32, StateArea } from './state.js';
import {
  FAST_FETCH_SUPERVISOR,
  FAST_FETCH_USER,
  FAST_READ_SUPERVISOR,
  FAST_READ_USER,
  FAST_WRITE_SUPERVISOR,
  FAST_WRITE_USER,
} from './tlb.js';
import type { TlbArea } from './tlb-area.js';

const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
const ESP_I32 = ESP * 2;

/** Who watches data (debug-unit.ts). */
export interface DataWatch {
  /** @throws Restart when the instruction has to be executed alone. */
  noteData(linear: number, byteCount: number, write: boolean): void;
}

/**
 * Memory as instructions see it: through segmentation, the TLB and paging. Each access has a short path for
 * the usual case (a segment with nothing to check, a page the TLB answers for, within one page) and one slow
 * path that does everything.
 */
export class SegmentedMemory extends StateArea {
  readonly fault: Fault = new Fault();
  readonly mmu: Mmu;
  /** The whole host buffer: fast TLB entries hold addresses in it. */
  readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly fast: Int32Array;
  private readonly codePages: Uint8Array;
  /** What a fast entry must have for the current privilege. */
  readBit = FAST_READ_SUPERVISOR;
  writeBit = FAST_WRITE_SUPERVISOR;
  /** CPL is 3. */
  user = false;
  protected alignmentChecks = false;
  /** Told of accesses that have no short path, while data is watched. */
  private watch: DataWatch | null = null;

  /** Host address of the last modify, or 0 when it is split or outside memory (address 0 is never a page of memory). */
  private modifyHost = 0;
  private modifyPhysical = 0;
  private modifyPhysicalNext = 0;
  /** Bytes of it in the first page. */
  private modifyInPage = 0;

  constructor(
    readonly memory: PhysicalMemory,
    stateOffsetBytes: number,
    ledger: Ledger,
    profile: CpuProfile,
    area?: TlbArea,
  ) {
    const { buffer } = memory.u8;
    super(buffer, stateOffsetBytes);
    this.mmu = new Mmu(this, memory, ledger, this.fault, profile, area);
    this.view = new DataView(buffer);
    this.bytes = new Uint8Array(buffer);
    this.fast = this.mmu.tlb.fast;
    this.codePages = memory.codePages;
  }

  read8(segment: SegmentIndex, offset: number): number {
    if (offset >>> 0 < this.readSpan[segment]) {
      const linear = (offset + this.s32[BASE_I32 + BASE_STRIDE_I32 * segment]) | 0;
      const entry = this.fast[linear >>> 12];
      if ((entry & this.readBit) !== 0) {
        return this.bytes[((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0];
      }
    }
    return this.readSlow(segment, offset >>> 0, 1);
  }

  read16(segment: SegmentIndex, offset: number): number {
    if (offset >>> 0 < this.readSpan[segment]) {
      const linear = (offset + this.s32[BASE_I32 + BASE_STRIDE_I32 * segment]) | 0;
      const entry = this.fast[linear >>> 12];
      if ((entry & this.readBit) !== 0 && (linear & PAGE_MASK) <= PAGE_BYTES - 2) {
        return this.view.getUint16(((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0, true);
      }
    }
    return this.readSlow(segment, offset >>> 0, 2);
  }

  read32(segment: SegmentIndex, offset: number): number {
    if (offset >>> 0 < this.readSpan[segment]) {
      const linear = (offset + this.s32[BASE_I32 + BASE_STRIDE_I32 * segment]) | 0;
      const entry = this.fast[linear >>> 12];
      if ((entry & this.readBit) !== 0 && (linear & PAGE_MASK) <= PAGE_BYTES - 4) {
        return this.view.getInt32(((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0, true);
      }
    }
    return this.readSlow(segment, offset >>> 0, 4);
  }

  write8(segment: SegmentIndex, offset: number, value: number): void {
    if (offset >>> 0 < this.writeSpan[segment]) {
      const linear = (offset + this.s32[BASE_I32 + BASE_STRIDE_I32 * segment]) | 0;
      const entry = this.fast[linear >>> 12];
      if ((entry & this.writeBit) !== 0) {
        const host = ((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0;
        this.bytes[host] = value;
        if (this.codePages[host >>> 12] !== 0) this.noteWrite(host, 1);
        return;
      }
    }
    this.writeSlow(segment, offset >>> 0, 1, value);
  }

  write16(segment: SegmentIndex, offset: number, value: number): void {
    if (offset >>> 0 < this.writeSpan[segment]) {
      const linear = (offset + this.s32[BASE_I32 + BASE_STRIDE_I32 * segment]) | 0;
      const entry = this.fast[linear >>> 12];
      if ((entry & this.writeBit) !== 0 && (linear & PAGE_MASK) <= PAGE_BYTES - 2) {
        const host = ((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0;
        this.view.setInt16(host, value, true);
        if (this.codePages[host >>> 12] !== 0) this.noteWrite(host, 2);
        return;
      }
    }
    this.writeSlow(segment, offset >>> 0, 2, value);
  }

  write32(segment: SegmentIndex, offset: number, value: number): void {
    if (offset >>> 0 < this.writeSpan[segment]) {
      const linear = (offset + this.s32[BASE_I32 + BASE_STRIDE_I32 * segment]) | 0;
      const entry = this.fast[linear >>> 12];
      if ((entry & this.writeBit) !== 0 && (linear & PAGE_MASK) <= PAGE_BYTES - 4) {
        const host = ((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0;
        this.view.setInt32(host, value, true);
        if (this.codePages[host >>> 12] !== 0) this.noteWrite(host, 4);
        return;
      }
    }
    this.writeSlow(segment, offset >>> 0, 4, value);
  }

  modify8(segment: SegmentIndex, offset: number): number {
    const host = this.modifyStart(segment, offset, 1);
    return host === 0 ? this.modifyRead(1) : this.bytes[host];
  }

  modify16(segment: SegmentIndex, offset: number): number {
    const host = this.modifyStart(segment, offset, 2);
    return host === 0 ? this.modifyRead(2) : this.view.getUint16(host, true);
  }

  modify32(segment: SegmentIndex, offset: number): number {
    const host = this.modifyStart(segment, offset, 4);
    return host === 0 ? this.modifyRead(4) : this.view.getInt32(host, true);
  }

  modifyWrite8(value: number): void {
    const host = this.modifyHost;
    if (host === 0) this.modifyWriteSlow(1, value);
    else {
      this.bytes[host] = value;
      if (this.codePages[host >>> 12] !== 0) this.noteWrite(host, 1);
    }
  }

  modifyWrite16(value: number): void {
    const host = this.modifyHost;
    if (host === 0) this.modifyWriteSlow(2, value);
    else {
      this.view.setInt16(host, value, true);
      if (this.codePages[host >>> 12] !== 0) this.noteWrite(host, 2);
    }
  }

  modifyWrite32(value: number): void {
    const host = this.modifyHost;
    if (host === 0) this.modifyWriteSlow(4, value);
    else {
      this.view.setInt32(host, value, true);
      if (this.codePages[host >>> 12] !== 0) this.noteWrite(host, 4);
    }
  }

  push16(value: number): void {
    const esp = this.s32[ESP_I32];
    const mask = this.stackMask;
    this.write16(SS, (esp - 2) & mask, value);
    this.s32[ESP_I32] = (esp & ~mask) | ((esp - 2) & mask);
  }

  push32(value: number): void {
    const esp = this.s32[ESP_I32];
    const mask = this.stackMask;
    this.write32(SS, (esp - 4) & mask, value);
    this.s32[ESP_I32] = (esp & ~mask) | ((esp - 4) & mask);
  }

  pop16(): number {
    const esp = this.s32[ESP_I32];
    const mask = this.stackMask;
    const value = this.read16(SS, esp & mask);
    this.s32[ESP_I32] = (esp & ~mask) | ((esp + 2) & mask);
    return value;
  }

  pop32(): number {
    const esp = this.s32[ESP_I32];
    const mask = this.stackMask;
    const value = this.read32(SS, esp & mask);
    this.s32[ESP_I32] = (esp & ~mask) | ((esp + 4) & mask);
    return value;
  }

  /**
   * Where bytes at a linear address are in {@link view}, for who wants to look before anything changes.
   * @param bit of the fast TLB entry: the access and the privilege.
   * @returns -1 when the fast TLB entry does not answer for all of them.
   */
  hostAddress(linear: number, byteCount: number, bit: number): number {
    const entry = this.fast[linear >>> 12];
    const inPage = linear & PAGE_MASK;
    if ((entry & bit) === 0 || inPage > PAGE_BYTES - byteCount) return -1;
    return ((entry & ~PAGE_MASK) | inPage) >>> 0;
  }

  /** Whether somebody has to be told of writes to the page at this host address. */
  isMarked(host: number): boolean {
    return this.codePages[host >>> 12] !== 0;
  }

  /** Translates for an instruction fetch at the current privilege. @returns the physical address. @throws Fault #PF. */
  fetchPhysical(linear: number): number {
    const entry = this.fast[linear >>> 12];
    const fetchBit = this.user ? FAST_FETCH_USER : FAST_FETCH_SUPERVISOR;
    if ((entry & fetchBit) === 0) return this.mmu.access(linear, false, this.user, true);
    return (((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0) - this.memory.baseBytes;
  }

  /** Reads by linear address, with user or supervisor rights. 4 bytes come signed. @throws Fault #PF. */
  readLinear(linear: number, byteCount: 1 | 2 | 4, user: boolean): number {
    const inPage = PAGE_BYTES - (linear & PAGE_MASK);
    const entry = this.fast[linear >>> 12];
    if (byteCount === 4 && inPage >= 4 && (entry & (user ? FAST_READ_USER : FAST_READ_SUPERVISOR)) !== 0) {
      return this.view.getInt32(((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0, true);
    }
    const { memory } = this;
    const physical = this.mmu.access(linear | 0, false, user);
    if (byteCount <= inPage) {
      if (this.watch !== null) this.watch.noteData(linear, byteCount, false);
      if (byteCount === 4) return memory.read32(physical) | 0;
      return byteCount === 2 ? memory.read16(physical) : memory.read8(physical);
    }
    const next = this.mmu.access((linear + inPage) | 0, false, user);
    if (this.watch !== null) this.watch.noteData(linear, byteCount, false);
    let value = 0;
    for (let at = 0; at < byteCount; at++) {
      value |= memory.read8(at < inPage ? physical + at : next + at - inPage) << (8 * at);
    }
    return value;
  }

  /** Writes by linear address; both pages of a split access are checked before a byte is written. @throws Fault #PF. */
  writeLinear(linear: number, byteCount: 1 | 2 | 4, value: number, user: boolean): void {
    const inPage = PAGE_BYTES - (linear & PAGE_MASK);
    const entry = this.fast[linear >>> 12];
    if (byteCount === 4 && inPage >= 4 && (entry & (user ? FAST_WRITE_USER : FAST_WRITE_SUPERVISOR)) !== 0) {
      const host = ((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0;
      this.view.setInt32(host, value, true);
      if (this.codePages[host >>> 12] !== 0) this.noteWrite(host, 4);
      return;
    }
    const physical = this.mmu.access(linear | 0, true, user);
    const next = byteCount > inPage ? this.mmu.access((linear + inPage) | 0, true, user) : 0;
    if (this.watch !== null) this.watch.noteData(linear, byteCount, true);
    this.writePhysical(physical, next, inPage, byteCount, value);
  }

  /** Makes sure that supervisor accesses to these bytes will not fault. @throws Fault #PF. */
  requireLinear(linear: number, byteCount: number, write: boolean): void {
    this.mmu.access(linear | 0, write, false);
    for (let at = PAGE_BYTES - (linear & PAGE_MASK); at < byteCount; at += PAGE_BYTES) {
      this.mmu.access((linear + at) | 0, write, false);
    }
  }

  /** @throws Fault #AC(0) for a linear address that is not a multiple of the width, while alignment checks are on. */
  requireAligned(linear: number, byteCount: number): void {
    if (this.alignmentChecks && (linear & (byteCount - 1)) !== 0) this.fault.raise(VECTOR_AC, 0);
  }

  /** For an operand that is read in parts: {@link requireAligned} for the whole of it. */
  requireOperandAligned(segment: SegmentIndex, offset: number, byteCount: number): void {
    this.requireAligned((this.base(segment) + offset) | 0, byteCount);
  }

  /** Has accesses to these linear pages told to `watch`, or with null to nobody. */
  setDataWatch(watch: DataWatch | null, linearPages: ReadonlySet<number>): void {
    this.watch = watch;
    this.mmu.setSlowPages(linearPages);
  }

  /** Sets what depends on the privilege level. Called by the owner of CPL on each change. */
  protected setPrivilege(user: boolean): void {
    this.user = user;
    this.readBit = user ? FAST_READ_USER : FAST_READ_SUPERVISOR;
    this.writeBit = user ? FAST_WRITE_USER : FAST_WRITE_SUPERVISOR;
  }

  /**
   * The segment checks of one access. @returns the linear address, signed.
   * @throws Fault #GP(0), for the stack segment #SS(0); #AC(0) when alignment checks are on.
   */
  private checkSegment(segment: SegmentIndex, offset: number, byteCount: number, write: boolean): number {
    const attributes = this.attributes(segment);
    const limit = this.limit(segment);
    const isCode = (attributes & ATTR_CODE) !== 0;
    // Only writable data can be written; only execute-only code cannot be read.
    const allowed = write ? !isCode && (attributes & ATTR_RW) !== 0 : !isCode || (attributes & ATTR_RW) !== 0;
    if ((attributes & ATTR_P) === 0 || !allowed || !inLimit(attributes, limit, offset, byteCount)) {
      this.fault.raise(segment === SS ? VECTOR_SS : VECTOR_GP, 0);
    }
    const linear = (this.base(segment) + offset) | 0;
    this.requireAligned(linear, byteCount);
    return linear;
  }

  private readSlow(segment: SegmentIndex, offset: number, byteCount: 1 | 2 | 4): number {
    return this.readLinear(this.checkSegment(segment, offset, byteCount, false), byteCount, this.user);
  }

  private writeSlow(segment: SegmentIndex, offset: number, byteCount: 1 | 2 | 4, value: number): void {
    this.writeLinear(this.checkSegment(segment, offset, byteCount, true), byteCount, value, this.user);
  }

  /** Host address to modify, or 0: use modifyRead. */
  private modifyStart(segment: SegmentIndex, offset: number, byteCount: 1 | 2 | 4): number {
    if (offset >>> 0 < this.writeSpan[segment]) {
      const linear = (offset + this.s32[BASE_I32 + BASE_STRIDE_I32 * segment]) | 0;
      const entry = this.fast[linear >>> 12];
      if ((entry & this.writeBit) !== 0 && (linear & PAGE_MASK) <= PAGE_BYTES - byteCount) {
        return (this.modifyHost = ((entry & ~PAGE_MASK) | (linear & PAGE_MASK)) >>> 0);
      }
    }
    return this.modifyStartSlow(this.checkSegment(segment, offset >>> 0, byteCount, true), byteCount);
  }

  private modifyStartSlow(linear: number, byteCount: number): number {
    this.modifyHost = 0;
    this.modifyPhysical = this.mmu.access(linear, true, this.user);
    this.modifyInPage = PAGE_BYTES - (linear & PAGE_MASK);
    if (byteCount > this.modifyInPage) {
      this.modifyPhysicalNext = this.mmu.access((linear + this.modifyInPage) | 0, true, this.user);
    }
    if (this.watch !== null) this.watch.noteData(linear, byteCount, true);
    return 0;
  }

  private modifyRead(byteCount: number): number {
    let value = 0;
    for (let at = 0; at < byteCount; at++) {
      const address =
        at < this.modifyInPage ? this.modifyPhysical + at : this.modifyPhysicalNext + at - this.modifyInPage;
      value |= this.memory.read8(address) << (8 * at);
    }
    return value;
  }

  private modifyWriteSlow(byteCount: number, value: number): void {
    this.writePhysical(this.modifyPhysical, this.modifyPhysicalNext, this.modifyInPage, byteCount, value);
  }

  private writePhysical(first: number, next: number, inPage: number, byteCount: number, value: number): void {
    const { memory } = this;
    if (byteCount <= inPage) {
      if (byteCount === 4) memory.write32(first, value);
      else if (byteCount === 2) memory.write16(first, value);
      else memory.write8(first, value);
      return;
    }
    for (let at = 0; at < byteCount; at++) {
      memory.write8(at < inPage ? first + at : next + at - inPage, (value >>> (8 * at)) & 0xff);
    }
  }

  private noteWrite(host: number, byteCount: number): void {
    this.memory.noteWrite(host - this.memory.baseBytes, byteCount);
  }
}

/** Whether [offset, offset + byteCount) lies in a segment of these attributes and limit. `offset` is unsigned. */
export function inLimit(attributes: number, limit: number, offset: number, byteCount: number): boolean {
  const last = offset + byteCount - 1;
  const isExpandDown = (attributes & (ATTR_CODE | ATTR_DC)) === ATTR_DC;
  if (isExpandDown) return offset > limit && last <= (attributes & ATTR_DB ? 0xffff_ffff : 0xffff);
  // A 4 GB segment has no end to run over: its addresses wrap.
  return last <= limit || limit === 0xffff_ffff;
}
