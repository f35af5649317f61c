import {
  ATTR_ACCESSED,
  ATTR_CODE,
  ATTR_DC,
  ATTR_DPL,
  ATTR_DPL_SHIFT,
  ATTR_G,
  ATTR_P,
  ATTR_RW,
  ATTR_S,
} from '../../arch/descriptors.js';
import {
  FLAGS_ARITHMETIC,
  FLAG_AC,
  FLAG_NT,
  FLAG_ONE,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
} from '../../arch/flags.js';
import { DS, ES, FS, GS, SS } from '../../arch/registers.js';
import * as state from '../../arch/state.js';
import { FAST_READ_SUPERVISOR } from '../tlb.js';
import type { Label } from './code-writer.js';
import * as e from './expressions.js';
import type { Value } from './expressions.js';
import { Flags } from './flags.js';
import { CONTROL, MEMOS, MEMO_BYTES } from './layout.js';
import type { CompiledLayout, Memo } from './layout.js';
import * as local from './locals.js';
import type { ImportedFunction } from './module-writer.js';
import * as op from './opcodes.js';
import { Routine } from './routine.js';

/** Flags with consequences beyond the flags word. */
export const UNUSUAL_FLAGS = FLAG_TF | FLAG_NT | FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP;
export const CODE_WANTED = ATTR_P | ATTR_S | ATTR_CODE | ATTR_ACCESSED;
export const STACK_WANTED = ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED;
export const STACK_MASK = CODE_WANTED | ATTR_RW | ATTR_DC;
/** Of the keys of memos: selector, privilege, and a bit that tells them from 0. */
const KEY_IS_SET = 1 << 16;
const KEY_DPL_SHIFT = 17;
const SELECTOR_TI = 4;
const RPL = 3;
const WORD = 4;
const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
/** From a table register's base, and from a segment's start, to their fields, in bytes. */
const TABLE_LIMIT = 8;
const ATTRIBUTES = 4;
const LIMIT = 8;
const BASE = 16;

const { add, and, get, isZero, load, or, shl, shr, sub } = e;

/** A routine that works on the processor's state as interrupts and their returns do. */
export class TransferRoutine extends Routine {
  private readonly failed: Label;

  constructor(
    readonly layout: CompiledLayout,
    parameters: number,
  ) {
    super(parameters);
    this.failed = this.w.open(op.BLOCK);
  }

  finish(imports: readonly ImportedFunction[] = []): Uint8Array<ArrayBuffer> {
    this.w.end();
    return this.module(0, { imports });
  }

  /** The processor has to do it. */
  failIf(condition: Value): void {
    this.leaveIf(this.failed, condition);
  }

  /** A word of the state area. */
  state(offset: number): Value {
    return load(0, this.layout.stateBytes + offset);
  }
  setState(offset: number, value: Value): void {
    this.store(0, this.layout.stateBytes + offset, value);
  }
  segment(segment: number, field = 0): Value {
    return this.state(state.SEGMENT_OFFSET + segment * state.SEGMENT_STRIDE + field);
  }
  setSegment(segment: number, selector: Value, attributes: Value): void {
    const offset = state.SEGMENT_OFFSET + segment * state.SEGMENT_STRIDE;
    this.setState(offset, selector);
    this.setState(offset + ATTRIBUTES, attributes);
  }
  setPrivilege(cpl: Value): void {
    this.setState(state.CPL_I32 * WORD, cpl);
    this.store(0, this.layout.arenaBytes + CONTROL.refetch, 1);
  }

  /** @returns a local with where the bytes at a linear address are; fails unless the fast TLB entry answers for all. */
  host(linear: Value, bytes: Value, bit: number): number {
    const at = this.local(linear);
    const entry = this.local(load(shl(shr(get(at), 12), 2), this.layout.tlb.fast));
    const offset = this.local(and(get(at), PAGE_MASK));
    this.failIf(or(isZero(and(get(entry), bit)), e.above(get(offset), sub(PAGE_BYTES, bytes))));
    return this.local(or(and(get(entry), ~PAGE_MASK), get(offset)));
  }

  isMarked(host: number): Value {
    return load(shr(get(host), 12), this.layout.marksBytes, op.I32_LOAD8_U);
  }

  requireUsualFlags(): void {
    this.failIf(and(this.state(state.EFLAGS_I32 * WORD), UNUSUAL_FLAGS));
  }

  /** The current stack segment grows down from inside its limit; compiled code knows that it has 32 bits. */
  requirePlainStack(): void {
    const attributes = and(this.segment(SS, ATTRIBUTES), STACK_MASK & ~ATTR_ACCESSED);
    this.failIf(e.differ(attributes, STACK_WANTED & ~ATTR_ACCESSED));
  }

  /**
   * The GDT's descriptor of a selector, which must have `wanted` under `mask` in its access byte and a DPL of `dpl`;
   * but for its DPL it must be what `segment` holds now. @returns a local with its attributes.
   */
  sameSegment(
    segment: number,
    selector: Value,
    { wanted, mask, dpl, memo }: { wanted: number; mask: number; dpl: Value; memo: Memo },
  ): number {
    const attributes = this.local();
    const key = this.local(or(selector, KEY_IS_SET, shl(dpl, KEY_DPL_SHIFT)));
    const at = this.layout.arenaBytes + CONTROL.memos + MEMOS.indexOf(memo) * MEMO_BYTES;
    const remembered = (word: number): Value => load(0, at + word * WORD);
    this.block((known) => {
      this.block((unknown) => {
        this.leaveIf(unknown, e.differ(get(key), this.memoKey(memo)));
        const linear = this.local(remembered(0));
        const entry = this.local(load(shl(shr(get(linear), 12), 2), this.layout.tlb.fast));
        this.leaveIf(unknown, isZero(and(get(entry), FAST_READ_SUPERVISOR)));
        const place = this.local(or(and(get(entry), ~PAGE_MASK), and(get(linear), PAGE_MASK)));
        const changed = or(
          e.xor(load(get(place)), remembered(1)),
          e.xor(load(get(place), WORD), remembered(2)),
        );
        this.leaveIf(unknown, changed);
        this.set(attributes, remembered(3));
        this.leaveIf(known, 1);
      });
      const { linear, low, high } = this.descriptor(segment, selector, { wanted, mask, dpl, attributes });
      [linear, low, high, attributes].forEach((local, word) => this.store(0, at + word * WORD, get(local)));
      this.setMemoKey(memo, get(key));
    });
    return attributes;
  }

  memoKey(memo: Memo): Value {
    return load(0, this.memoKeyAt(memo));
  }
  setMemoKey(memo: Memo, value: Value): void {
    this.store(0, this.memoKeyAt(memo), value);
  }
  private memoKeyAt(memo: Memo): number {
    return this.layout.arenaBytes + CONTROL.memoKeys + MEMOS.indexOf(memo) * WORD;
  }

  /** The long way of {@link sameSegment}. @param attributes local that gets them. @returns locals with where it is and its halves. */
  private descriptor(
    segment: number,
    selector: Value,
    { wanted, mask, dpl, attributes }: { wanted: number; mask: number; dpl: Value; attributes: number },
  ): { linear: number; low: number; high: number } {
    const offset = this.local(and(selector, 0xfff8));
    const isLocal = and(selector, SELECTOR_TI);
    const beyond = e.above(or(get(offset), 7), this.state(state.GDTR_OFFSET + TABLE_LIMIT));
    this.failIf(or(isLocal, isZero(get(offset)), beyond));
    const linear = this.local(add(this.state(state.GDTR_OFFSET), get(offset)));
    const at = this.host(get(linear), 8, FAST_READ_SUPERVISOR);
    const low = this.local(load(get(at)));
    const high = this.local(load(get(at), WORD));
    this.set(attributes, or(and(shr(get(high), 8), 0xff), and(shr(get(high), 12), 0xf00)));
    const limit = this.local(or(and(get(low), 0xffff), and(get(high), 0xf_0000)));
    this.if(and(get(attributes), ATTR_G), () => this.set(limit, or(shl(get(limit), 12), 0xfff)));
    const base = or(shr(get(low), 16), shl(and(get(high), 0xff), 16), and(get(high), 0xff00_0000 | 0));
    const otherwise = and(e.xor(get(attributes), this.segment(segment, ATTRIBUTES)), ~ATTR_DPL);
    this.failIf(
      or(
        e.differ(and(get(attributes), mask), wanted),
        e.differ(and(shr(get(attributes), ATTR_DPL_SHIFT), RPL), dpl),
        otherwise,
        e.differ(get(limit), this.segment(segment, LIMIT)),
        e.differ(base, this.segment(segment, BASE)),
      ),
    );
    return { linear, low, high };
  }

  /** Fails if one of the data segments would be lost in ring 3, which may keep it, or it is null already. */
  requireOuterData(): void {
    this.if(isZero(this.memoKey('dataSegments')), () => {
      for (const segment of [ES, DS, FS, GS]) {
        const isInner = e.differ(and(this.segment(segment, ATTRIBUTES), ATTR_DPL), ATTR_DPL);
        const [first, ...others] = [0, ATTRIBUTES, LIMIT, BASE].map((field) => this.segment(segment, field));
        this.failIf(and(isInner, e.differ(or(first, ...others), 0)));
      }
      this.setMemoKey('dataSegments', 1);
    });
  }

  /** Fails unless an offset lies within the current limit of a segment. */
  requireWithin(segment: number, offset: Value): void {
    this.failIf(e.above(offset, this.segment(segment, LIMIT)));
  }

  /** As setArithmeticFlags of isa/semantics/flags.ts has it. */
  setArithmeticFlags(image: Value): void {
    const bit = (from: number, to: number): Value => shl(and(shr(image, from), 1), to);
    this.setState(state.LAZY_RESULT_I32 * WORD, isZero(bit(6, 0)));
    this.setState(
      state.LAZY_CARRY_I32 * WORD,
      or(bit(0, 31), e.xor(bit(0, 30), bit(11, 30)), bit(4, 3), e.xor(bit(2, 8), bit(6, 8)), bit(7, 0)),
    );
  }

  /** EFLAGS as it is pushed on the guest's stack. */
  flagsImage(): Value {
    this.set(local.FLAG_RESULT, this.state(state.LAZY_RESULT_I32 * WORD));
    this.set(local.FLAG_CARRY, this.state(state.LAZY_CARRY_I32 * WORD));
    const flags = new Flags(this.w);
    const condition =
      (number: number): Value =>
      () =>
        flags.condition(number);
    const others = and(this.state(state.EFLAGS_I32 * WORD), ~FLAGS_ARITHMETIC);
    // Conditions by number (o, b, e, s, p) and the places of their flags.
    const arithmetic = [
      [0, 11],
      [2, 0],
      [4, 6],
      [8, 7],
      [10, 2],
    ].map(([number, position]) => shl(condition(number), position));
    // AF is bit 3 of the carries.
    const half = shl(and(get(local.FLAG_CARRY), 8), 1);
    return or(others, FLAG_ONE, ...arithmetic, half);
  }
}
