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
  SYS_INTERRUPT_GATE32,
} from '../../arch/descriptors.js';
import {
  FLAGS_ARITHMETIC,
  FLAG_AC,
  FLAG_IF,
  FLAG_NT,
  FLAG_ONE,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
} from '../../arch/flags.js';
import { CS, DS, ES, ESP, FS, GS, SS, TR } from '../../arch/registers.js';
import * as state from '../../arch/state.js';
import { KERNEL_FLAGS } from '../flag-control.js';
import { FAST_READ_SUPERVISOR, FAST_WRITE_SUPERVISOR } from '../tlb.js';
import type { Label } from './code-writer.js';
import * as e from './expressions.js';
import type { Value } from './expressions.js';
import { Flags } from './flags.js';
import { CONTROL, MEMOS, MEMO_BYTES } from './layout.js';
import type { CompiledLayout, Memo } from './layout.js';
import * as local from './locals.js';
import * as op from './opcodes.js';
import { Routine } from './routine.js';

/*
 * Interrupts and page faults from ring 0 or 3 to ring 0, and IRETD from ring 0 to ring 0 or 3, for compiled code:
 * quick-transfer.ts once more, narrowed to segments that differ from the current ones in their privilege only, so that
 * nothing derived from them changes. All is looked at first; with 0 nothing has changed and the processor does it.
 */

/** Flags with consequences beyond the flags word. */
const UNUSUAL_FLAGS = FLAG_TF | FLAG_NT | FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP;
const CODE_WANTED = ATTR_P | ATTR_S | ATTR_CODE | ATTR_ACCESSED;
const CODE = { wanted: CODE_WANTED, mask: CODE_WANTED | ATTR_DC };
const STACK_WANTED = ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED;
const STACK_MASK = CODE_WANTED | ATTR_RW | ATTR_DC;
const STACK = { wanted: STACK_WANTED, mask: STACK_MASK };
const GATE_MASK = ATTR_P | ATTR_S | 0xe;
const GATE_WANTED = ATTR_P | SYS_INTERRUPT_GATE32;
const TRAP_GATE = 1;
/** In the high half of a descriptor, whose second byte is that of its attributes. */
const GATE_SHIFT = 8;
const DPL_SHIFT = ATTR_DPL_SHIFT + GATE_SHIFT;
/** Of the keys of memos: selector, privilege, and a bit that tells them from 0. */
const KEY_IS_SET = 1 << 16;
const KEY_DPL_SHIFT = 17;
const SELECTOR_TI = 4;
const RPL = 3;
const TSS_IS_32 = 8;
const USER = 3;
const WORD = 4;
const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
/** From a table register's base, and from a segment's start, to their fields, in bytes. */
const TABLE_LIMIT = 8;
const ATTRIBUTES = 4;
const LIMIT = 8;
const BASE = 16;
/** ESP0 in a 32-bit TSS. */
const TSS_ESP0 = 4;
const ESP_OFFSET = ESP * 2 * WORD;

const { add, and, get, isZero, load, or, shl, shr, sub } = e;

class TransferRoutine extends Routine {
  private readonly failed: Label;

  constructor(
    private readonly layout: CompiledLayout,
    parameters: number,
  ) {
    super(parameters);
    this.failed = this.w.open(op.BLOCK);
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.w.end();
    return this.module(0, { imports: [] });
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

/**
 * `run(vector, eip, isFault, errorCode)` delivers INT n, or with `isFault` an exception that pushes an error code.
 * @param eip offset to be pushed. @returns a module whose function gives 1 when it is done.
 */
export function deliverModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const r = new TransferRoutine(layout, 4);
  const [vector, eip, isFault, errorCode] = [0, 1, 2, 3];
  r.requireUsualFlags();
  const cpl = r.local(r.state(state.CPL_I32 * WORD));
  // Rings 1 and 2.
  r.failIf(e.below(sub(get(cpl), 1), 2));

  const at = r.local(shl(get(vector), 3));
  r.failIf(e.above(add(get(at), 7), r.state(state.IDTR_OFFSET + TABLE_LIMIT)));
  const gate = r.host(add(r.state(state.IDTR_OFFSET), get(at)), 8, FAST_READ_SUPERVISOR);
  const low = r.local(load(get(gate)));
  const high = r.local(load(get(gate), WORD));
  r.failIf(e.differ(and(get(high), (GATE_MASK << GATE_SHIFT) | 0), (GATE_WANTED << GATE_SHIFT) | 0));
  // Software may use gates of its own ring and outer ones only.
  const forbidden = e.below(and(shr(get(high), DPL_SHIFT), RPL), get(cpl));
  r.failIf(and(isZero(get(isFault)), forbidden));
  const selector = r.local(shr(get(low), 16));
  const target = r.local(or(and(get(low), 0xffff), and(get(high), 0xffff_0000 | 0)));
  const code = r.sameSegment(CS, get(selector), { ...CODE, dpl: 0, memo: 'enteredCode' });
  r.requireWithin(CS, get(target));

  const esp = r.local();
  const frameBytes = r.local();
  const stackSelector = r.local();
  const stack = r.local();
  r.if(
    get(cpl),
    () => {
      const is16 = isZero(and(r.segment(TR, ATTRIBUTES), TSS_IS_32));
      r.failIf(or(is16, e.below(r.segment(TR, LIMIT), TSS_ESP0 + WORD + 1)));
      const tss = r.host(add(r.segment(TR, BASE), TSS_ESP0), 2 * WORD, FAST_READ_SUPERVISOR);
      r.set(esp, load(get(tss)));
      r.set(stackSelector, load(get(tss), WORD, op.I32_LOAD16_U));
      r.failIf(and(get(stackSelector), RPL));
      r.set(stack, get(r.sameSegment(SS, get(stackSelector), { ...STACK, dpl: 0, memo: 'enteredStack' })));
      r.set(frameBytes, 5 * WORD);
    },
    () => {
      r.requirePlainStack();
      r.set(esp, r.state(ESP_OFFSET));
      r.set(frameBytes, 3 * WORD);
    },
  );
  r.if(get(isFault), () => r.set(frameBytes, add(get(frameBytes), WORD)));
  r.failIf(e.below(get(esp), get(frameBytes)));
  r.requireWithin(SS, sub(get(esp), 1));
  r.set(esp, sub(get(esp), get(frameBytes)));
  const top = r.host(add(get(esp), r.segment(SS, BASE)), get(frameBytes), FAST_WRITE_SUPERVISOR);
  r.failIf(r.isMarked(top));

  // Nothing can fail any more.
  r.if(get(isFault), () => {
    r.store(get(top), 0, get(errorCode));
    r.set(top, add(get(top), WORD));
  });
  r.store(get(top), 0, get(eip));
  r.store(get(top), WORD, r.segment(CS));
  // Faults push RF set, so that a breakpoint on the instruction does not fire again.
  r.store(get(top), 2 * WORD, or(r.flagsImage(), e.choose(get(isFault), FLAG_RF, 0)));
  r.setSegment(CS, and(get(selector), ~RPL), get(code));
  r.if(get(cpl), () => {
    r.store(get(top), 3 * WORD, r.state(ESP_OFFSET));
    r.store(get(top), 4 * WORD, r.segment(SS));
    r.setSegment(SS, get(stackSelector), get(stack));
    r.setPrivilege(0);
  });
  r.setState(ESP_OFFSET, get(esp));
  r.setState(state.EIP_I32 * WORD, get(target));
  r.if(isZero(and(get(high), TRAP_GATE << GATE_SHIFT)), () =>
    r.setState(state.EFLAGS_I32 * WORD, and(r.state(state.EFLAGS_I32 * WORD), ~FLAG_IF)),
  );
  r.setState(state.EFLAGS_I32 * WORD, and(r.state(state.EFLAGS_I32 * WORD), ~FLAG_RF));
  r.return(1);
  return r.finish();
}

/** `run()` executes IRETD. @returns a module whose function gives 1 when it is done. */
export function returnModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const r = new TransferRoutine(layout, 0);
  r.requireUsualFlags();
  r.failIf(r.state(state.CPL_I32 * WORD));
  r.requirePlainStack();
  const esp = r.local(r.state(ESP_OFFSET));
  const popped = (words: number): number => {
    r.failIf(e.above(get(esp), -(words + 1) * WORD));
    r.requireWithin(SS, add(get(esp), words * WORD - 1));
    return r.host(add(get(esp), r.segment(SS, BASE)), words * WORD, FAST_READ_SUPERVISOR);
  };
  const top = popped(3);
  const target = r.local(load(get(top)));
  const selector = r.local(load(get(top), WORD, op.I32_LOAD16_U));
  const image = r.local(load(get(top), 2 * WORD));
  const cpl = r.local(and(get(selector), RPL));
  // Rings 1 and 2.
  r.failIf(or(e.below(sub(get(cpl), 1), 2), and(get(image), UNUSUAL_FLAGS)));
  const code = r.sameSegment(CS, get(selector), { ...CODE, dpl: get(cpl), memo: 'returnedCode' });
  r.requireWithin(CS, get(target));
  r.if(
    get(cpl),
    () => {
      popped(5);
      const stackSelector = r.local(load(get(top), 4 * WORD, op.I32_LOAD16_U));
      r.failIf(e.differ(and(get(stackSelector), RPL), USER));
      const stack = r.sameSegment(SS, get(stackSelector), {
        ...STACK,
        dpl: get(cpl),
        memo: 'returnedStack',
      });
      r.requireOuterData();
      r.setSegment(SS, get(stackSelector), get(stack));
      r.setState(ESP_OFFSET, load(get(top), 3 * WORD));
      r.setPrivilege(get(cpl));
    },
    () => r.setState(ESP_OFFSET, add(get(esp), 3 * WORD)),
  );
  r.setSegment(CS, get(selector), get(code));
  r.setState(state.EIP_I32 * WORD, get(target));
  const kept = and(r.state(state.EFLAGS_I32 * WORD), ~KERNEL_FLAGS);
  r.setState(state.EFLAGS_I32 * WORD, or(kept, and(get(image), KERNEL_FLAGS & ~FLAGS_ARITHMETIC), FLAG_ONE));
  // As setArithmeticFlags of isa/semantics/flags.ts has it.
  const bit = (from: number, to: number): Value => shl(and(shr(get(image), from), 1), to);
  r.setState(state.LAZY_RESULT_I32 * WORD, isZero(bit(6, 0)));
  r.setState(
    state.LAZY_CARRY_I32 * WORD,
    or(bit(0, 31), e.xor(bit(0, 30), bit(11, 30)), bit(4, 3), e.xor(bit(2, 8), bit(6, 8)), bit(7, 0)),
  );
  r.return(1);
  return r.finish();
}
