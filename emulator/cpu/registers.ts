import { CR0_AM, CR0_PE } from '../arch/control.js';
import type { SegmentState, TableState } from '../arch/descriptors.js';
import {
  FLAGS_ARITHMETIC,
  FLAGS_DEFINED,
  FLAG_AC,
  FLAG_ONE,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
} from '../arch/flags.js';
import type { SegmentIndex } from '../arch/registers.js';
import {
  CPL_I32,
  CR0_I32,
  CR2_I32,
  CR3_I32,
  CR4_I32,
  DR_OFFSET,
  EFER_I32,
  EFLAGS_I32,
  EIP_I32,
  INDIRECT_JUMPS_I32,
} from '../arch/state.js';
import { VECTOR_GP, VECTOR_UD } from '../arch/vectors.js';
import { readArithmeticFlags, setArithmeticFlags } from '../isa/semantics/flags.js';
import { SegmentedMemory } from './access.js';
import * as attention from './attention.js';

/**
 * The registers as their owner reads and sets them, each change followed by what depends on it; the reasons to
 * leave the straight path; the faults.
 */
export abstract class Registers extends SegmentedMemory {
  /** Bits of attention.ts, looked at before each block. */
  attention = 0;
  /** An NMI is being handled: others wait for IRET. */
  nmiBlocked = false;
  /** Bits of attention.ts, looked at at each poll. */
  pollAttention = 0;
  /** The byte written to the exit port, while ATTENTION_EXIT is set. */
  exitCode = 0;
  instructions = 0;
  /** What software attempted that this processor does not offer yet, by name. */
  readonly missing = new Map<string, number>();

  /** The instruction fetcher forgets where it is: the next fetch goes through TLB and rights anew. */
  abstract restartFetch(): void;
  /** Follows a change of DR0 to DR3, DR7 or CR4.DE. */
  abstract debugRegistersChanged(): void;

  gpr(register: number): number {
    return this.u32[register * 2];
  }
  setGpr(register: number, value: number): void {
    this.u32[register * 2] = value;
  }

  countInstructions(count: number): void {
    this.instructions += count;
  }

  get indirectJumps(): number {
    return this.u32[INDIRECT_JUMPS_I32];
  }

  get eip(): number {
    return this.u32[EIP_I32];
  }
  set eip(value: number) {
    this.u32[EIP_I32] = value;
  }
  get cpl(): number {
    return this.s32[CPL_I32];
  }
  set cpl(value: number) {
    this.setCpl(value);
  }
  protected setCpl(cpl: number): void {
    this.s32[CPL_I32] = cpl;
    const user = cpl === 3;
    if (user === this.user) return;
    this.setPrivilege(user);
    this.restartFetch();
    this.flagsChanged();
  }

  get eflags(): number {
    return this.readEflags();
  }
  set eflags(value: number) {
    this.writeEflags(value, FLAGS_DEFINED);
  }
  readEflags(): number {
    return (this.s32[EFLAGS_I32] & ~FLAGS_ARITHMETIC) | FLAG_ONE | readArithmeticFlags(this.s32);
  }
  writeEflags(value: number, mask: number): void {
    if (mask & FLAGS_ARITHMETIC) {
      setArithmeticFlags(this.s32, (this.readEflags() & ~mask) | (value & mask));
    }
    this.s32[EFLAGS_I32] = (this.s32[EFLAGS_I32] & ~mask) | (value & mask & ~FLAGS_ARITHMETIC) | FLAG_ONE;
    this.flagsChanged();
  }
  /** Follows a change of TF, RF, AC, CR0.AM or CPL. */
  flagsChanged(): void {
    const flags = this.s32[EFLAGS_I32];
    this.setAttention(attention.ATTENTION_TRAP, (flags & FLAG_TF) !== 0);
    this.setAttention(attention.ATTENTION_RESUME, (flags & FLAG_RF) !== 0);
    const checks = this.user && (flags & FLAG_AC) !== 0 && (this.s32[CR0_I32] & CR0_AM) !== 0;
    if (checks === this.alignmentChecks) return;
    this.alignmentChecks = checks;
    this.deriveSegments(checks);
  }
  get cr0(): number {
    return this.u32[CR0_I32];
  }
  set cr0(value: number) {
    this.loadPagingRegister(CR0_I32, value);
    this.rightsChanged();
    this.flagsChanged();
  }
  get cr2(): number {
    return this.u32[CR2_I32];
  }
  set cr2(value: number) {
    this.u32[CR2_I32] = value;
  }
  get cr3(): number {
    return this.u32[CR3_I32];
  }
  set cr3(value: number) {
    this.loadPagingRegister(CR3_I32, value);
  }
  get cr4(): number {
    return this.u32[CR4_I32];
  }
  set cr4(value: number) {
    this.loadPagingRegister(CR4_I32, value);
    this.rightsChanged();
    this.debugRegistersChanged();
  }
  get efer(): number {
    return this.u32[EFER_I32];
  }
  set efer(value: number) {
    this.u32[EFER_I32] = value;
    this.rightsChanged();
  }
  debug(register: number): number {
    return this.u32[(DR_OFFSET >> 2) + register * 2];
  }
  setDebug(register: number, value: number): void {
    this.u32[(DR_OFFSET >> 2) + register * 2] = value;
    this.debugRegistersChanged();
  }
  /** Under PAE paging a change brings the PDPTE registers with it; an owner who loads bad ones keeps the old. */
  private loadPagingRegister(slot: number, value: number): void {
    if (this.u32[slot] === value >>> 0) return;
    this.u32[slot] = value;
    this.mmu.modeChanged();
    if (this.mmu.usesPointers) this.mmu.loadPointers(this.cr3);
  }
  /** Paging or what its rights mean has changed: the TLB's short path starts over; its entries stay. */
  rightsChanged(): void {
    this.mmu.modeChanged();
    this.mmu.tlb.dropFast();
    this.restartFetch();
  }

  get gdtr(): TableState {
    return this.table('gdtr');
  }
  set gdtr(value: TableState) {
    this.setTable('gdtr', value);
  }
  get idtr(): TableState {
    return this.table('idtr');
  }
  set idtr(value: TableState) {
    this.setTable('idtr', value);
  }

  override setSegment(segment: SegmentIndex, state: SegmentState): void {
    const was32 = this.codeIs32;
    super.setSegment(segment, state);
    if (this.codeIs32 !== was32) this.restartFetch();
  }

  override loadSegmentWords(
    segment: SegmentIndex,
    selector: number,
    attributes: number,
    limit: number,
    base: number,
  ): void {
    const was32 = this.codeIs32;
    super.loadSegmentWords(segment, selector, attributes, limit, base);
    if (this.codeIs32 !== was32) this.restartFetch();
  }

  // --- reasons to leave the straight path

  get halted(): boolean {
    return (this.attention & attention.ATTENTION_HALT) !== 0;
  }
  set halted(value: boolean) {
    this.setAttention(attention.ATTENTION_HALT, value);
  }
  get interruptShadow(): boolean {
    return (this.attention & attention.ATTENTION_SHADOW) !== 0;
  }
  set interruptShadow(value: boolean) {
    this.setAttention(attention.ATTENTION_SHADOW, value);
    if (!value) this.setAttention(attention.ATTENTION_HOLDS_TRAPS, false);
  }
  get interruptLine(): boolean {
    return (this.pollAttention & attention.POLL_INTERRUPT) !== 0;
  }
  set interruptLine(value: boolean) {
    this.setPoll(attention.POLL_INTERRUPT, value);
  }
  setAttention(bits: number, on: boolean): void {
    this.attention = on ? this.attention | bits : this.attention & ~bits;
  }
  /** Holds interrupts off for the instruction after this one. @param traps #DB too, as a load of SS does. */
  beginShadow(traps = false): void {
    this.attention |= attention.ATTENTION_SHADOW | attention.ATTENTION_SHADOW_NEW;
    this.setAttention(attention.ATTENTION_HOLDS_TRAPS, traps);
  }
  setPoll(bits: number, on: boolean): void {
    this.pollAttention = on ? this.pollAttention | bits : this.pollAttention & ~bits;
  }

  // --- faults

  raise(vector: number): never {
    this.fault.raise(vector, -1);
  }
  raiseWithCode(vector: number, errorCode: number): never {
    this.fault.raise(vector, errorCode);
  }
  /** Counts an attempt at something not offered yet; the caller raises the fault that fits. */
  noteMissing(what: string): void {
    this.missing.set(what, (this.missing.get(what) ?? 0) + 1);
  }
  requireCpl0(): void {
    if (this.s32[CPL_I32] !== 0) this.fault.raise(VECTOR_GP, 0);
  }
  requireProtectedMode(): void {
    const isProtected = (this.s32[CR0_I32] & CR0_PE) !== 0 && (this.s32[EFLAGS_I32] & FLAG_VM) === 0;
    if (!isProtected) this.fault.raise(VECTOR_UD, -1);
  }
}
