import { CS, ESP } from '../../arch/registers.js';
import {
  CODE_LIMIT_I32,
  CPL_I32,
  EIP_I32,
  LAZY_CARRY_I32,
  LAZY_RESULT_I32,
  READ_SPAN_OFFSET,
  SEGMENT_OFFSET,
  SEGMENT_STRIDE,
  WRITE_SPAN_OFFSET,
} from '../../arch/state.js';
import type { Operation } from '../../isa/operation.js';
import { FAST_FETCH_SUPERVISOR } from '../tlb.js';
import type { CodeWriter, Label } from './code-writer.js';
import { Flags } from './flags.js';
import * as local from './locals.js';
import { EXIT_CHAINS } from './dispatch-code.js';
import { ALLOWED, CONTROL, DONE_SHORT, SHORT_WAYS } from './layout.js';
import type { CompiledLayout } from './layout.js';
import * as op from './opcodes.js';

const SEGMENT_BASE_OFFSET = 16;
const BYTES_PER_WORD = 4;

/** Functions that a region calls, by index. */
export const FILL_TLB = 0;
export const STORE_MARKED = 1;
export const DELIVER = 2;
export const INTERRUPT_RETURN = 3;
export const INVALIDATE = 4;

/** Where a region was left: after `completed` operations of a block. */
export interface RegionExit {
  block: number;
  completed: number;
}

/** What is known while one region is compiled: the code so far, registers and segments in use, exits. */
export class Frame {
  readonly flags: Flags;
  readonly exits: RegionExit[] = [];
  readonly registersUsed = new Set<number>();
  readonly registersWritten = new Set<number>();
  /** Locals to be loaded at the start, with their addresses. */
  private readonly preloads = new Map<number, number>();
  /** The end of the region's code: where every exit goes. */
  exitLabel: Label = { depth: 0 };

  /** Of the operation under compilation: its block, its index there, and it. */
  block = 0;
  index = 0;
  operation: Operation;
  /** It contains a store that may have made the region stale. */
  stores = false;
  /** Whether anything may look at the flags that the operation leaves. */
  needsFlags = true;

  constructor(
    readonly w: CodeWriter,
    readonly layout: CompiledLayout,
    operation: Operation,
  ) {
    this.flags = new Flags(w);
    this.operation = operation;
  }

  // --- registers

  /** Pushes a register: 32 bits, or zero-extended. For single bytes 4 to 7 are AH to BH. */
  getRegister(register: number, bytes: number): void {
    const { w } = this;
    const number = bytes === 1 ? register & 3 : register;
    this.registersUsed.add(number);
    w.get(local.REGISTERS + number);
    if (bytes === 4) return;
    if (bytes === 1 && register >= 4) {
      w.const(8);
      w.op(op.I32_SHR_U);
    }
    w.const(bytes === 2 ? 0xffff : 0xff);
    w.op(op.I32_AND);
  }

  /** Pops into a register; only the low bytes of the value count, and only they change. */
  setRegister(register: number, bytes: number): void {
    const { w } = this;
    const number = bytes === 1 ? register & 3 : register;
    this.registersUsed.add(number);
    this.registersWritten.add(number);
    const target = local.REGISTERS + number;
    if (bytes !== 4) {
      const shift = bytes === 1 && register >= 4 ? 8 : 0;
      const mask = bytes === 2 ? 0xffff : 0xff;
      w.const(mask);
      w.op(op.I32_AND);
      if (shift > 0) {
        w.const(shift);
        w.op(op.I32_SHL);
      }
      w.get(target);
      w.const(~(mask << shift));
      w.op(op.I32_AND, op.I32_OR);
    }
    w.set(target);
  }

  /** Pushes the offset of the memory operand; addresses have 32 bits. */
  address({ base, index, scale, displacement }: Operation): void {
    const { w } = this;
    w.const(displacement);
    if (base >= 0) {
      this.getRegister(base, 4);
      w.op(op.I32_ADD);
    }
    if (index < 0) return;
    this.getRegister(index, 4);
    if (scale > 0) {
      w.const(scale);
      w.op(op.I32_SHL);
    }
    w.op(op.I32_ADD);
  }

  // --- memory

  /** Pops an offset in a segment and pushes what is there, zero-extended; leaves the region when it cannot. */
  load(segment: number, bytes: number): void {
    this.translate(segment, bytes, false);
    this.pushHost();
    this.w.memory(bytes === 4 ? op.I32_LOAD : bytes === 2 ? op.I32_LOAD16_U : op.I32_LOAD8_U);
  }

  /** Pops an offset and makes its place ready for {@link finishStore} and {@link loadStored}; leaves the region when it cannot. */
  beginStore(segment: number, bytes: number): void {
    const { w } = this;
    this.translate(segment, bytes, true);
    this.pushHost();
    w.tee(local.HOST);
    w.const(12);
    w.op(op.I32_SHR_U);
    w.memory(op.I32_LOAD8_U, this.layout.marksBytes);
    w.tee(local.MARKS);
    // Traces of a monitor are for the interpreter; pages of code are common.
    w.const(1);
    w.op(op.I32_GT_U);
    w.open(op.IF);
    this.exitBefore();
    w.end();
    this.stores = true;
  }

  /** For a read-modify-write: pushes what the place of {@link beginStore} holds. */
  loadStored(bytes: number): void {
    this.w.get(local.HOST);
    this.w.memory(bytes === 4 ? op.I32_LOAD : bytes === 2 ? op.I32_LOAD16_U : op.I32_LOAD8_U);
  }

  /** Pops a value and stores its low bytes. */
  finishStore(bytes: number): void {
    const { w } = this;
    w.set(local.VALUE);
    w.get(local.MARKS);
    w.open(op.IF);
    w.get(local.HOST);
    w.const(bytes);
    w.get(local.VALUE);
    w.call(STORE_MARKED);
    w.set(local.STALE);
    w.else();
    w.get(local.HOST);
    w.get(local.VALUE);
    w.memory(bytes === 4 ? op.I32_STORE : bytes === 2 ? op.I32_STORE16 : op.I32_STORE8);
    w.end();
  }

  /** Pops an offset; leaves the fast TLB entry and the linear address in their locals. */
  private translate(segment: number, bytes: number, write: boolean): void {
    const { w } = this;
    const span = (write ? local.WRITE_SPAN : local.READ_SPAN) + segment;
    const spans = write ? WRITE_SPAN_OFFSET : READ_SPAN_OFFSET;
    this.preload(span, spans + segment * BYTES_PER_WORD);
    const base = this.segmentBase(segment);
    w.tee(local.OFFSET);
    w.get(base);
    w.op(op.I32_ADD);
    w.tee(local.LINEAR);
    w.const(10);
    w.op(op.I32_SHR_U);
    w.const(0x3f_fffc);
    w.op(op.I32_AND);
    w.memory(op.I32_LOAD, this.layout.tlb.fast);
    w.tee(local.TLB_ENTRY);
    w.get(write ? local.WRITE_BIT : local.READ_BIT);
    w.op(op.I32_AND, op.I32_EQZ);
    this.pushUnusual(span, bytes);
    w.op(op.I32_OR);
    const answered = w.open(op.IF);
    const unusual = w.open(op.BLOCK);
    this.pushUnusual(span, bytes);
    w.brIf(unusual);
    w.get(local.LINEAR);
    w.const(write ? 1 : 0);
    w.call(FILL_TLB);
    w.set(local.TLB_ENTRY);
    w.get(local.TICKS);
    this.pushControl(CONTROL.helperTicks);
    w.op(op.I32_SUB);
    w.set(local.TICKS);
    w.get(local.TLB_ENTRY);
    w.brIf(answered);
    w.end();
    this.exitBefore();
    w.end();
  }

  /** Pushes whether the access needs the full segment check or lies in two pages. */
  private pushUnusual(span: number, bytes: number): void {
    const { w } = this;
    w.get(local.OFFSET);
    w.get(span);
    w.op(op.I32_GE_U);
    if (bytes === 1) return;
    w.get(local.LINEAR);
    w.const(0xfff);
    w.op(op.I32_AND);
    w.const(0x1000 - bytes);
    w.op(op.I32_GT_U, op.I32_OR);
  }

  private pushHost(): void {
    const { w } = this;
    w.get(local.TLB_ENTRY);
    w.const(~0xfff);
    w.op(op.I32_AND);
    w.get(local.LINEAR);
    w.const(0xfff);
    w.op(op.I32_AND, op.I32_OR);
  }

  // --- exits

  /** Leaves the region with nothing of the current operation done: the interpreter goes on with it. */
  exitBefore(): void {
    this.pushEip(this.operation.pageOffset);
    this.w.set(local.EIP);
    this.exit(this.index);
  }

  /** After an operation with stores: leaves the region if one of them has made it stale. */
  exitIfStale(): void {
    if (!this.stores) return;
    const { w, operation } = this;
    w.get(local.STALE);
    w.open(op.IF);
    this.pushEip(operation.pageOffset + operation.lengthBytes);
    w.set(local.EIP);
    this.exit(this.index + 1);
    w.end();
  }

  /**
   * Leaves the region after `completed` operations of the block; the local EIP says where to.
   * @param chains what comes there may be another region's.
   */
  exit(completed: number, chains = false): void {
    const { w } = this;
    this.flags.writeWords();
    w.const(this.exits.length | (chains ? EXIT_CHAINS : 0));
    w.set(local.EXIT);
    w.br(this.exitLabel);
    this.exits.push({ block: this.block, completed });
  }

  /** Pushes the offset in CS of a place in (or relative to) the page. */
  pushEip(pageOffset: number): void {
    const { w } = this;
    w.get(local.EIP_BASE);
    w.const(pageOffset);
    w.op(op.I32_ADD);
  }

  /** Leaves the region before the current operation if the offset in local EIP cannot be jumped to. */
  exitBeyondLimit(): void {
    const { w } = this;
    this.preload(local.CODE_LIMIT, CODE_LIMIT_I32 * BYTES_PER_WORD);
    w.get(local.EIP);
    w.get(local.CODE_LIMIT);
    w.op(op.I32_GT_U);
    w.open(op.IF);
    this.exitBefore();
    w.end();
  }

  // --- what the helpers do

  private pushControl(offset: number): void {
    this.w.const(0);
    this.w.memory(op.I32_LOAD, this.layout.arenaBytes + offset);
  }

  /** Leaves the current operation to the processor unless it is one of those that may be done here. */
  exitUnlessAllowed(what: number): void {
    const { w } = this;
    this.pushControl(CONTROL.allowed);
    w.const(what);
    w.op(op.I32_AND, op.I32_EQZ);
    w.open(op.IF);
    this.exitBefore();
    w.end();
  }

  /** INVLPG. */
  invalidatePage(): void {
    const { w } = this;
    const { segment } = this.operation;
    this.exitUnlessAllowed(ALLOWED.invalidations);
    w.const(0);
    w.memory(op.I32_LOAD, this.layout.stateBytes + CPL_I32 * BYTES_PER_WORD);
    w.open(op.IF);
    this.exitBefore();
    w.end();
    this.address(this.operation);
    w.get(this.segmentBase(segment));
    w.op(op.I32_ADD);
    w.call(INVALIDATE);
    w.op(op.DROP);
  }

  /** After INVLPG in ring 0: has `otherwise` executed unless the TLB still leads the next fetch to the page under execution. */
  unlessFetched(otherwise: () => void): void {
    const { w } = this;
    w.get(local.EIP_BASE);
    w.get(this.segmentBase(CS));
    w.op(op.I32_ADD);
    w.const(10);
    w.op(op.I32_SHR_U);
    w.const(0x3f_fffc);
    w.op(op.I32_AND);
    w.memory(op.I32_LOAD, this.layout.tlb.fast);
    w.const(~0xfff | FAST_FETCH_SUPERVISOR);
    w.op(op.I32_AND);
    this.pushControl(CONTROL.hostPage);
    w.const(FAST_FETCH_SUPERVISOR);
    w.op(op.I32_OR, op.I32_NE);
    w.open(op.IF);
    otherwise();
    w.end();
    w.const(0);
    w.const(0);
    w.memory(op.I32_STORE, this.layout.arenaBytes + CONTROL.refetch);
  }

  /**
   * Has INT n or IRETD executed on the state area by `call`, which pushes what the function gave: not 0 when it is
   * done. What it changes comes back to the locals. Otherwise the region is left.
   */
  executeOnState(call: () => void): void {
    const { w } = this;
    const { stateBytes } = this.layout;
    const espBytes = stateBytes + ESP * 2 * BYTES_PER_WORD;
    const inArea = [
      [LAZY_RESULT_I32, local.FLAG_RESULT],
      [LAZY_CARRY_I32, local.FLAG_CARRY],
    ];
    this.flags.settle();
    this.exitUnlessAllowed(ALLOWED.transfers);
    w.const(0);
    this.getRegister(ESP, BYTES_PER_WORD);
    w.memory(op.I32_STORE, espBytes);
    for (const [index, source] of inArea) {
      w.const(0);
      w.get(source);
      w.memory(op.I32_STORE, stateBytes + index * BYTES_PER_WORD);
    }
    call();
    w.op(op.I32_EQZ);
    w.open(op.IF);
    this.exitBefore();
    w.end();
    w.const(0);
    w.memory(op.I32_LOAD, espBytes);
    this.setRegister(ESP, BYTES_PER_WORD);
    for (const [index, target] of [...inArea, [EIP_I32, local.EIP]]) {
      w.const(0);
      w.memory(op.I32_LOAD, stateBytes + index * BYTES_PER_WORD);
      w.set(target);
    }
  }

  /** SCRATCH holds what DELIVER gave: of a short way the unit counts down the time, and the instruction that was emulated. */
  countShortWay(): void {
    const { w } = this;
    w.get(local.SCRATCH);
    w.const(DONE_SHORT);
    w.op(op.I32_EQ);
    w.open(op.IF);
    w.get(local.INSTRUCTIONS);
    w.const(1);
    w.op(op.I32_SUB);
    w.set(local.INSTRUCTIONS);
    w.get(local.TICKS);
    this.pushControl(SHORT_WAYS.ticks);
    w.op(op.I32_SUB);
    w.set(local.TICKS);
    w.end();
  }

  /** Makes a segment's base available. @returns its local. */
  segmentBase(segment: number): number {
    const base = local.SEGMENT_BASE + segment;
    this.preload(base, SEGMENT_OFFSET + segment * SEGMENT_STRIDE + SEGMENT_BASE_OFFSET);
    return base;
  }

  // --- the region's start

  private preload(target: number, stateOffset: number): void {
    this.preloads.set(target, stateOffset);
  }

  /** Writes what must run before the region's code: loads of registers and segments. */
  writePrologue(w: CodeWriter): void {
    const { stateBytes } = this.layout;
    for (const [target, offset] of this.preloads) {
      w.const(0);
      w.memory(op.I32_LOAD, stateBytes + offset);
      w.set(target);
    }
  }
}
