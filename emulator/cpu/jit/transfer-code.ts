import {
  ATTR_ACCESSED,
  ATTR_CODE,
  ATTR_DC,
  ATTR_DPL,
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
import { CodeWriter } from './code-writer.js';
import type { Label } from './code-writer.js';
import { Flags } from './flags.js';
import type { CompiledLayout } from './layout.js';
import * as local from './locals.js';
import { encodeModule } from './module-writer.js';
import * as op from './opcodes.js';

/*
 * INT n from ring 3 to ring 0, and IRETD from ring 0 to ring 0 or 3, for compiled code: quick-transfer.ts once more,
 * narrowed to segments that differ from the current ones in their privilege only, so that nothing derived from them
 * changes. All is looked at first; with 0 nothing has changed and the interpreter does it.
 */

/** Flags with consequences beyond the flags word. */
const UNUSUAL_FLAGS = FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC | FLAG_VIF | FLAG_VIP;
const CODE_WANTED = ATTR_P | ATTR_S | ATTR_CODE | ATTR_ACCESSED;
const STACK_WANTED = ATTR_P | ATTR_S | ATTR_RW | ATTR_ACCESSED;
const STACK_MASK = CODE_WANTED | ATTR_RW | ATTR_DC;
const GATE_MASK = ATTR_P | ATTR_S | 0xe;
const GATE_WANTED = ATTR_P | SYS_INTERRUPT_GATE32;
const TRAP_GATE = 1;
const SELECTOR_TI = 4;
const TSS_IS_32 = 8;
const USER = 3;
const WORD = 4;
/** From a table register's base, and from a segment's start, to their fields, in bytes. */
const TABLE_LIMIT = 8;
const ATTRIBUTES = 4;
const LIMIT = 8;
const BASE = 16;
/** ESP0 in a 32-bit TSS. */
const TSS_ESP0 = 4;

/** Locals, beyond those of locals.ts that Flags uses; parameters first. */
const VECTOR = 0;
const RETURN_EIP = 1;
const SELECTOR = local.SCRATCH;
const LOW = local.SCRATCH2;
const HIGH = local.VALUE;
const GATE_HIGH = local.SEGMENT_BASE;
const TARGET = local.SEGMENT_BASE + 1;
const NEW_ESP = local.SEGMENT_BASE + 2;
const TOP = local.SEGMENT_BASE + 3;
const CODE_ATTRIBUTES = local.SEGMENT_BASE + 4;
const STACK_ATTRIBUTES = local.SEGMENT_BASE + 5;
const STACK_SELECTOR = local.READ_SPAN;
const CODE_SELECTOR = local.READ_SPAN + 1;
const IMAGE = local.READ_SPAN + 2;
const NEW_CPL = local.READ_SPAN + 3;
const LIMIT_FOUND = local.READ_SPAN + 4;

function segmentAt(segment: number): number {
  return state.SEGMENT_OFFSET + segment * state.SEGMENT_STRIDE;
}

class TransferWriter {
  readonly w = new CodeWriter();
  private readonly failed: Label;

  constructor(
    private readonly layout: CompiledLayout,
    private readonly parameters: number,
  ) {
    this.failed = this.w.open(op.BLOCK);
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.w.end();
    this.w.const(0);
    return encodeModule({
      imports: [],
      // The numbers of the locals stay whatever part of them are parameters.
      parameters: this.parameters,
      i32Locals: local.I32_LOCALS + local.PARAMETERS - this.parameters,
      i64Locals: local.I64_LOCALS,
      body: this.w.bytes,
    });
  }

  /** Pops; goes the long way if it is not 0. */
  failIf(): void {
    this.w.brIf(this.failed);
  }

  /** Pushes a word of the state area. */
  load(offset: number): void {
    this.w.const(0);
    this.w.memory(op.I32_LOAD, this.layout.stateBytes + offset);
  }

  store(offset: number, value: () => void): void {
    this.w.const(0);
    value();
    this.w.memory(op.I32_STORE, this.layout.stateBytes + offset);
  }

  /** Pops a linear address and puts where its bytes are into `target`; fails unless the fast TLB entry answers. */
  host(bytes: number, bit: number, target: number): void {
    const { w } = this;
    w.tee(local.LINEAR);
    w.const(10);
    w.op(op.I32_SHR_U);
    w.const(0x3f_fffc);
    w.op(op.I32_AND);
    w.memory(op.I32_LOAD, this.layout.fastBytes);
    w.tee(local.TLB_ENTRY);
    w.const(bit);
    w.op(op.I32_AND, op.I32_EQZ);
    w.get(local.LINEAR);
    w.const(0xfff);
    w.op(op.I32_AND);
    w.const(0x1000 - bytes);
    w.op(op.I32_GT_U, op.I32_OR);
    this.failIf();
    w.get(local.TLB_ENTRY);
    w.const(~0xfff);
    w.op(op.I32_AND);
    w.get(local.LINEAR);
    w.const(0xfff);
    w.op(op.I32_AND, op.I32_OR);
    w.set(target);
  }

  requireFlags(): void {
    const { w } = this;
    this.load(state.EFLAGS_I32 * WORD);
    w.const(UNUSUAL_FLAGS);
    w.op(op.I32_AND);
    this.failIf();
  }

  requireCpl(cpl: number): void {
    this.load(state.CPL_I32 * WORD);
    this.w.const(cpl);
    this.w.op(op.I32_NE);
    this.failIf();
  }

  /**
   * The GDT's descriptor of the selector in SELECTOR, which must have `wanted` under `mask` in its access byte, and a
   * DPL that is 0 or, with `dpl`, what that local holds; but for its DPL it must be what `segment` holds now. Its attributes go to `target`.
   */
  sameSegment(segment: number, wanted: number, mask: number, target: number, dpl: number | null): void {
    const { w } = this;
    w.get(SELECTOR);
    w.const(SELECTOR_TI);
    w.op(op.I32_AND);
    w.get(SELECTOR);
    w.const(0xfff8);
    w.op(op.I32_AND, op.I32_EQZ, op.I32_OR);
    w.get(SELECTOR);
    w.const(7);
    w.op(op.I32_OR);
    this.load(state.GDTR_OFFSET + TABLE_LIMIT);
    w.op(op.I32_GT_U, op.I32_OR);
    this.failIf();
    this.load(state.GDTR_OFFSET);
    w.get(SELECTOR);
    w.const(0xfff8);
    w.op(op.I32_AND, op.I32_ADD);
    this.host(8, FAST_READ_SUPERVISOR, local.HOST);
    w.get(local.HOST);
    w.memory(op.I32_LOAD);
    w.set(LOW);
    w.get(local.HOST);
    w.memory(op.I32_LOAD, WORD);
    w.set(HIGH);
    // attributes
    this.highBits(8, 0xff);
    this.highBits(12, 0xf00);
    w.op(op.I32_OR);
    w.tee(target);
    w.const(mask);
    w.op(op.I32_AND);
    w.const(wanted);
    w.op(op.I32_NE);
    w.get(target);
    w.const(5);
    w.op(op.I32_SHR_U);
    w.const(3);
    w.op(op.I32_AND);
    if (dpl === null) w.const(0);
    else w.get(dpl);
    w.op(op.I32_NE, op.I32_OR);
    w.get(target);
    this.load(segmentAt(segment) + ATTRIBUTES);
    w.op(op.I32_XOR);
    w.const(~ATTR_DPL);
    w.op(op.I32_AND, op.I32_OR);
    this.failIf();
    // limit
    w.get(LOW);
    w.const(0xffff);
    w.op(op.I32_AND);
    w.get(HIGH);
    w.const(0xf_0000);
    w.op(op.I32_AND, op.I32_OR);
    w.set(LIMIT_FOUND);
    w.get(target);
    w.const(ATTR_G);
    w.op(op.I32_AND);
    w.open(op.IF);
    w.get(LIMIT_FOUND);
    w.const(12);
    w.op(op.I32_SHL);
    w.const(0xfff);
    w.op(op.I32_OR);
    w.set(LIMIT_FOUND);
    w.end();
    w.get(LIMIT_FOUND);
    this.load(segmentAt(segment) + LIMIT);
    w.op(op.I32_NE);
    // base
    w.get(LOW);
    w.const(16);
    w.op(op.I32_SHR_U);
    w.get(HIGH);
    w.const(0xff);
    w.op(op.I32_AND);
    w.const(16);
    w.op(op.I32_SHL, op.I32_OR);
    w.get(HIGH);
    w.const(0xff00_0000 | 0);
    w.op(op.I32_AND, op.I32_OR);
    this.load(segmentAt(segment) + BASE);
    w.op(op.I32_NE, op.I32_OR);
    this.failIf();
  }

  private highBits(shift: number, mask: number): void {
    const { w } = this;
    w.get(HIGH);
    w.const(shift);
    w.op(op.I32_SHR_U);
    w.const(mask);
    w.op(op.I32_AND);
  }

  /** Fails unless the offset in `offset` lies within the current limit of a segment. */
  requireWithin(segment: number, offset: () => void): void {
    offset();
    this.load(segmentAt(segment) + LIMIT);
    this.w.op(op.I32_GT_U);
    this.failIf();
  }

  /** Pushes EFLAGS as it is pushed on the guest's stack. */
  flagsImage(): void {
    const { w } = this;
    for (const [index, target] of [
      [state.LAZY_RESULT_I32, local.FLAG_RESULT],
      [state.LAZY_CARRY_I32, local.FLAG_CARRY],
    ]) {
      this.load(index * WORD);
      w.set(target);
    }
    const flags = new Flags(w);
    this.load(state.EFLAGS_I32 * WORD);
    w.const(~FLAGS_ARITHMETIC);
    w.op(op.I32_AND);
    w.const(FLAG_ONE);
    w.op(op.I32_OR);
    // Conditions by number (o, b, e, s, p) and the places of their flags.
    for (const [condition, position] of [
      [0, 11],
      [2, 0],
      [4, 6],
      [8, 7],
      [10, 2],
    ]) {
      flags.condition(condition);
      w.const(position);
      w.op(op.I32_SHL, op.I32_OR);
    }
    // AF is bit 3 of the carries.
    w.get(local.FLAG_CARRY);
    w.const(8);
    w.op(op.I32_AND);
    w.const(1);
    w.op(op.I32_SHL, op.I32_OR);
  }

  /** Pushes one bit of the flags image at another place. */
  imageBit(from: number, to: number): void {
    const { w } = this;
    w.get(IMAGE);
    w.const(from);
    w.op(op.I32_SHR_U);
    w.const(1);
    w.op(op.I32_AND);
    w.const(to);
    w.op(op.I32_SHL);
  }
}

/** `run(vector, eip of the next instruction)` delivers INT n. @returns a module whose function gives 1 when it is done. */
export function deliverModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const t = new TransferWriter(layout, 2);
  const { w } = t;
  const FRAME_BYTES = 5 * WORD;
  t.requireFlags();
  t.requireCpl(USER);
  // The gate.
  w.get(VECTOR);
  w.const(8);
  w.op(op.I32_MUL);
  w.const(7);
  w.op(op.I32_ADD);
  t.load(state.IDTR_OFFSET + TABLE_LIMIT);
  w.op(op.I32_GT_U);
  t.failIf();
  t.load(state.IDTR_OFFSET);
  w.get(VECTOR);
  w.const(8);
  w.op(op.I32_MUL, op.I32_ADD);
  t.host(8, FAST_READ_SUPERVISOR, local.HOST);
  w.get(local.HOST);
  w.memory(op.I32_LOAD, WORD);
  w.tee(GATE_HIGH);
  w.const(((GATE_MASK | ATTR_DPL) << 8) | 0);
  w.op(op.I32_AND);
  // Software at CPL 3 may use gates of DPL 3 only.
  w.const(((GATE_WANTED | ATTR_DPL) << 8) | 0);
  w.op(op.I32_NE);
  t.failIf();
  w.get(local.HOST);
  w.memory(op.I32_LOAD);
  w.tee(LOW);
  w.const(16);
  w.op(op.I32_SHR_U);
  w.set(SELECTOR);
  w.get(LOW);
  w.const(0xffff);
  w.op(op.I32_AND);
  w.get(GATE_HIGH);
  w.const(0xffff_0000 | 0);
  w.op(op.I32_AND, op.I32_OR);
  w.set(TARGET);
  // The code segment, of ring 0.
  w.get(SELECTOR);
  w.const(0xfffc);
  w.op(op.I32_AND);
  w.set(CODE_SELECTOR);
  t.sameSegment(CS, CODE_WANTED, CODE_WANTED | ATTR_DC, CODE_ATTRIBUTES, null);
  t.requireWithin(CS, () => w.get(TARGET));
  // The stack that the TSS names.
  t.load(segmentAt(TR) + ATTRIBUTES);
  w.const(TSS_IS_32);
  w.op(op.I32_AND, op.I32_EQZ);
  t.load(segmentAt(TR) + LIMIT);
  w.const(TSS_ESP0 + WORD + 1);
  w.op(op.I32_LT_U, op.I32_OR);
  t.failIf();
  t.load(segmentAt(TR) + BASE);
  w.const(TSS_ESP0);
  w.op(op.I32_ADD);
  t.host(2 * WORD, FAST_READ_SUPERVISOR, local.HOST);
  w.get(local.HOST);
  w.memory(op.I32_LOAD);
  w.set(NEW_ESP);
  w.get(local.HOST);
  w.memory(op.I32_LOAD16_U, WORD);
  w.tee(SELECTOR);
  w.tee(STACK_SELECTOR);
  w.const(3);
  w.op(op.I32_AND);
  t.failIf();
  t.sameSegment(SS, STACK_WANTED, STACK_MASK, STACK_ATTRIBUTES, null);
  w.get(NEW_ESP);
  w.const(FRAME_BYTES);
  w.op(op.I32_LT_U);
  t.failIf();
  t.requireWithin(SS, () => {
    w.get(NEW_ESP);
    w.const(1);
    w.op(op.I32_SUB);
  });
  w.get(NEW_ESP);
  w.const(FRAME_BYTES);
  w.op(op.I32_SUB);
  w.tee(NEW_ESP);
  t.load(segmentAt(SS) + BASE);
  w.op(op.I32_ADD);
  t.host(FRAME_BYTES, FAST_WRITE_SUPERVISOR, TOP);
  w.get(TOP);
  w.const(12);
  w.op(op.I32_SHR_U);
  w.memory(op.I32_LOAD8_U, layout.marksBytes);
  t.failIf();
  // Nothing can fail any more.
  const slots: (() => void)[] = [
    () => w.get(RETURN_EIP),
    () => t.load(segmentAt(CS)),
    () => t.flagsImage(),
    () => t.load(ESP * 2 * WORD),
    () => t.load(segmentAt(SS)),
  ];
  slots.forEach((push, index) => {
    w.get(TOP);
    push();
    w.memory(op.I32_STORE, index * WORD);
  });
  t.store(segmentAt(CS), () => w.get(CODE_SELECTOR));
  t.store(segmentAt(CS) + ATTRIBUTES, () => w.get(CODE_ATTRIBUTES));
  t.store(segmentAt(SS), () => w.get(STACK_SELECTOR));
  t.store(segmentAt(SS) + ATTRIBUTES, () => w.get(STACK_ATTRIBUTES));
  t.store(state.CPL_I32 * WORD, () => w.const(0));
  t.store(ESP * 2 * WORD, () => w.get(NEW_ESP));
  t.store(state.EIP_I32 * WORD, () => w.get(TARGET));
  w.get(GATE_HIGH);
  w.const(TRAP_GATE << 8);
  w.op(op.I32_AND, op.I32_EQZ);
  w.open(op.IF);
  t.store(state.EFLAGS_I32 * WORD, () => {
    t.load(state.EFLAGS_I32 * WORD);
    w.const(~FLAG_IF);
    w.op(op.I32_AND);
  });
  w.end();
  w.const(1);
  w.op(op.RETURN);
  return t.finish();
}

/** `run()` executes IRETD. @returns a module whose function gives the new CPL plus 1 when it is done. */
export function returnModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const t = new TransferWriter(layout, 0);
  const { w } = t;
  t.requireFlags();
  t.requireCpl(0);
  t.load(segmentAt(SS) + ATTRIBUTES);
  w.const(STACK_MASK & ~ATTR_ACCESSED);
  w.op(op.I32_AND);
  w.const(STACK_WANTED & ~ATTR_ACCESSED);
  w.op(op.I32_NE);
  t.failIf();
  t.load(ESP * 2 * WORD);
  w.tee(NEW_ESP);
  // Five words, also where three are popped: who is so near to the end goes the long way.
  w.const(-6 * WORD);
  w.op(op.I32_GT_U);
  t.failIf();
  t.requireWithin(SS, () => {
    w.get(NEW_ESP);
    w.const(5 * WORD - 1);
    w.op(op.I32_ADD);
  });
  w.get(NEW_ESP);
  t.load(segmentAt(SS) + BASE);
  w.op(op.I32_ADD);
  t.host(5 * WORD, FAST_READ_SUPERVISOR, TOP);
  w.get(TOP);
  w.memory(op.I32_LOAD);
  w.set(TARGET);
  w.get(TOP);
  w.memory(op.I32_LOAD16_U, WORD);
  w.tee(SELECTOR);
  w.tee(CODE_SELECTOR);
  w.const(3);
  w.op(op.I32_AND);
  w.tee(NEW_CPL);
  w.const(1);
  w.op(op.I32_SUB);
  w.const(2);
  // Rings 1 and 2.
  w.op(op.I32_LT_U);
  t.failIf();
  w.get(TOP);
  w.memory(op.I32_LOAD, 2 * WORD);
  w.tee(IMAGE);
  w.const(UNUSUAL_FLAGS);
  w.op(op.I32_AND);
  t.failIf();
  t.sameSegment(CS, CODE_WANTED, CODE_WANTED | ATTR_DC, CODE_ATTRIBUTES, NEW_CPL);
  t.requireWithin(CS, () => w.get(TARGET));
  w.get(NEW_CPL);
  w.open(op.IF);
  w.get(TOP);
  w.memory(op.I32_LOAD16_U, 4 * WORD);
  w.tee(SELECTOR);
  w.tee(STACK_SELECTOR);
  w.const(3);
  w.op(op.I32_AND);
  w.const(USER);
  w.op(op.I32_NE);
  t.failIf();
  t.sameSegment(SS, STACK_WANTED, STACK_MASK, STACK_ATTRIBUTES, NEW_CPL);
  for (const segment of [ES, DS, FS, GS]) {
    // Ring 3 may keep it, or it is null already.
    t.load(segmentAt(segment) + ATTRIBUTES);
    w.const(ATTR_DPL);
    w.op(op.I32_AND);
    w.const(ATTR_DPL);
    w.op(op.I32_NE);
    for (const field of [0, ATTRIBUTES, LIMIT, BASE]) t.load(segmentAt(segment) + field);
    w.op(op.I32_OR, op.I32_OR, op.I32_OR);
    w.const(0);
    w.op(op.I32_NE, op.I32_AND);
    t.failIf();
  }
  t.store(segmentAt(SS), () => w.get(STACK_SELECTOR));
  t.store(segmentAt(SS) + ATTRIBUTES, () => w.get(STACK_ATTRIBUTES));
  w.get(TOP);
  w.memory(op.I32_LOAD, 3 * WORD);
  w.set(NEW_ESP);
  w.else();
  w.get(NEW_ESP);
  w.const(3 * WORD);
  w.op(op.I32_ADD);
  w.set(NEW_ESP);
  w.end();
  t.store(ESP * 2 * WORD, () => w.get(NEW_ESP));
  t.store(segmentAt(CS), () => w.get(CODE_SELECTOR));
  t.store(segmentAt(CS) + ATTRIBUTES, () => w.get(CODE_ATTRIBUTES));
  t.store(state.CPL_I32 * WORD, () => w.get(NEW_CPL));
  t.store(state.EIP_I32 * WORD, () => w.get(TARGET));
  t.store(state.EFLAGS_I32 * WORD, () => {
    t.load(state.EFLAGS_I32 * WORD);
    w.const(~KERNEL_FLAGS);
    w.op(op.I32_AND);
    w.get(IMAGE);
    w.const(KERNEL_FLAGS & ~FLAGS_ARITHMETIC);
    w.op(op.I32_AND, op.I32_OR);
    w.const(FLAG_ONE);
    w.op(op.I32_OR);
  });
  // As setArithmeticFlags of isa/semantics/flags.ts has it.
  t.store(state.LAZY_RESULT_I32 * WORD, () => {
    t.imageBit(6, 0);
    w.op(op.I32_EQZ);
  });
  t.store(state.LAZY_CARRY_I32 * WORD, () => {
    t.imageBit(0, 31);
    t.imageBit(0, 30);
    t.imageBit(11, 30);
    w.op(op.I32_XOR, op.I32_OR);
    t.imageBit(4, 3);
    w.op(op.I32_OR);
    t.imageBit(2, 8);
    t.imageBit(6, 8);
    w.op(op.I32_XOR, op.I32_OR);
    t.imageBit(7, 0);
    w.op(op.I32_OR);
  });
  w.get(NEW_CPL);
  w.const(1);
  w.op(op.I32_ADD, op.RETURN);
  return t.finish();
}
