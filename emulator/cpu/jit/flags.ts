import type { CodeWriter } from './code-writer.js';
import * as local from './locals.js';
import * as op from './opcodes.js';

/*
 * The arithmetic flags at compile time. After an addition, subtraction or logical operation the operands and the
 * result stay in locals, and the words that the processor's state keeps (isa/semantics/flags.ts) are made of
 * them only where something may look: at an exit, at the end of a block whose successor does not overwrite them.
 * Operands narrower than 32 bits are held shifted up, so that comparisons of them are those of 32 bits.
 */
export type FlagState =
  /** The two words are in their locals. */
  { kind: 'words' } | { kind: 'add' | 'subtract' | 'logic' | 'increment' | 'decrement'; shift: number };

const SIGN = 0x8000_0000 | 0;
const CARRY_IN = 0x4000_0000;
const CARRIES = SIGN | CARRY_IN;
const HALF_CARRY = 8;

/** Numbers of conditions, without the bit that negates. */
const OVERFLOW = 0;
const BELOW = 1;
const ZERO = 2;
const BELOW_OR_EQUAL = 3;
const SIGNED = 4;
const PARITY = 5;
const LESS = 6;

export class Flags {
  state: FlagState = { kind: 'words' };

  constructor(private readonly w: CodeWriter) {}

  /** Makes the two words current in their locals; what the state is at compile time stays. */
  writeWords(): void {
    const { w, state } = this;
    switch (state.kind) {
      case 'words':
        return;
      case 'logic':
        this.writeResultWord(state.shift);
        w.const(0);
        w.set(local.FLAG_CARRY);
        return;
      case 'add':
      case 'subtract':
        this.writeResultWord(state.shift);
        this.carries(state.kind);
        w.tee(local.FLAG_CARRY);
        if (state.shift === 0) {
          w.const(CARRIES | HALF_CARRY);
          w.op(op.I32_AND);
        } else {
          w.const(CARRIES);
          w.op(op.I32_AND);
          w.get(local.FLAG_CARRY);
          w.const(state.shift);
          w.op(op.I32_SHR_U);
          w.const(HALF_CARRY);
          w.op(op.I32_AND, op.I32_OR);
        }
        w.set(local.FLAG_CARRY);
        return;
      case 'increment':
      case 'decrement':
        this.writeResultWord(state.shift);
        w.get(local.PREVIOUS_CARRY);
        w.get(local.PREVIOUS_CARRY);
        w.const(1);
        w.op(op.I32_SHR_U);
        this.stepOverflow(state.kind);
        w.const(30);
        w.op(op.I32_SHL, op.I32_XOR, op.I32_OR);
        w.get(local.FLAG_RESULT);
        w.const(15);
        w.op(op.I32_AND);
        w.const(state.kind === 'increment' ? 0 : 15);
        w.op(op.I32_EQ);
        w.const(3);
        w.op(op.I32_SHL, op.I32_OR);
        w.set(local.FLAG_CARRY);
    }
  }

  /** For an addition or subtraction with carry of unshifted operands: makes the carry word. */
  writeCarries(bytes: number): void {
    const { w, state } = this;
    const shift = 32 - bytes * 8;
    this.carries(state.kind === 'add' ? 'add' : 'subtract');
    w.tee(local.FLAG_CARRY);
    w.const(shift);
    w.op(op.I32_SHL);
    w.const(CARRIES);
    w.op(op.I32_AND);
    w.get(local.FLAG_CARRY);
    w.const(HALF_CARRY);
    w.op(op.I32_AND, op.I32_OR);
    w.set(local.FLAG_CARRY);
  }

  /** The words are current from here on, on this path. */
  settle(): void {
    this.writeWords();
    this.state = { kind: 'words' };
  }

  /** Before INC and DEC, which leave CF: keeps it, at bit 31. */
  keepCarry(): void {
    const { w, state } = this;
    if (state.kind === 'increment' || state.kind === 'decrement') return;
    if (state.kind === 'words') {
      w.get(local.FLAG_CARRY);
      w.const(SIGN);
      w.op(op.I32_AND);
    } else {
      this.carry();
      w.const(31);
      w.op(op.I32_SHL);
    }
    w.set(local.PREVIOUS_CARRY);
  }

  /** Pushes CF as 0 or 1. */
  carry(): void {
    const { w, state } = this;
    switch (state.kind) {
      case 'words':
        w.get(local.FLAG_CARRY);
        w.const(31);
        w.op(op.I32_SHR_U);
        return;
      case 'add':
        this.compare(local.RESULT, local.LEFT, op.I32_LT_U);
        return;
      case 'subtract':
        this.compare(local.LEFT, local.RIGHT, op.I32_LT_U);
        return;
      case 'logic':
        w.const(0);
        return;
      case 'increment':
      case 'decrement':
        w.get(local.PREVIOUS_CARRY);
        w.const(31);
        w.op(op.I32_SHR_U);
    }
  }

  /** Pushes 1 if the condition, numbered as in jcc, holds, else 0. */
  condition(number: number): void {
    this.basicCondition(number >> 1);
    if (number & 1) this.w.op(op.I32_EQZ);
  }

  private basicCondition(number: number): void {
    const { w, state } = this;
    switch (number) {
      case OVERFLOW:
        this.overflow();
        return;
      case BELOW:
        this.carry();
        return;
      case ZERO:
        w.get(state.kind === 'words' ? local.FLAG_RESULT : local.RESULT);
        w.op(op.I32_EQZ);
        return;
      case BELOW_OR_EQUAL:
        if (state.kind === 'subtract') this.compare(local.LEFT, local.RIGHT, op.I32_LE_U);
        else this.either(BELOW, ZERO);
        return;
      case SIGNED:
        this.sign();
        return;
      case PARITY:
        this.parity();
        return;
      case LESS:
        if (state.kind === 'subtract') this.compare(local.LEFT, local.RIGHT, op.I32_LT_S);
        else {
          this.sign();
          this.overflow();
          w.op(op.I32_XOR);
        }
        return;
      default:
        if (state.kind === 'subtract') this.compare(local.LEFT, local.RIGHT, op.I32_LE_S);
        else this.either(LESS, ZERO);
    }
  }

  private either(first: number, second: number): void {
    this.basicCondition(first);
    this.basicCondition(second);
    this.w.op(op.I32_OR);
  }

  private compare(left: number, right: number, opcode: number): void {
    this.w.get(left);
    this.w.get(right);
    this.w.op(opcode);
  }

  private overflow(): void {
    const { w, state } = this;
    switch (state.kind) {
      case 'words':
        w.get(local.FLAG_CARRY);
        w.get(local.FLAG_CARRY);
        w.const(1);
        w.op(op.I32_SHL, op.I32_XOR);
        break;
      case 'logic':
        w.const(0);
        return;
      case 'increment':
      case 'decrement':
        this.stepOverflow(state.kind);
        return;
      case 'add':
      case 'subtract':
        this.compare(local.LEFT, local.RESULT, op.I32_XOR);
        if (state.kind === 'add') this.compare(local.RIGHT, local.RESULT, op.I32_XOR);
        else this.compare(local.LEFT, local.RIGHT, op.I32_XOR);
        w.op(op.I32_AND);
    }
    w.const(31);
    w.op(op.I32_SHR_U);
  }

  private sign(): void {
    const { w, state } = this;
    if (state.kind === 'words') {
      w.get(local.FLAG_RESULT);
      w.get(local.FLAG_CARRY);
      w.const(31);
      w.op(op.I32_SHL, op.I32_XOR);
    } else w.get(local.RESULT);
    w.const(31);
    w.op(op.I32_SHR_U);
  }

  private parity(): void {
    const { w, state } = this;
    if (state.kind === 'words') {
      w.get(local.FLAG_RESULT);
      w.get(local.FLAG_CARRY);
      w.const(8);
      w.op(op.I32_SHR_S, op.I32_XOR);
    } else {
      w.get(local.RESULT);
      w.const(state.shift);
      w.op(op.I32_SHR_U);
    }
    w.const(0xff);
    w.op(op.I32_AND, op.I32_POPCNT);
    w.const(1);
    w.op(op.I32_AND, op.I32_EQZ);
  }

  /** Pushes 1 if INC or DEC has overflowed, else 0. */
  private stepOverflow(kind: 'increment' | 'decrement'): void {
    const { w, state } = this;
    const shift = state.kind === 'words' ? 0 : state.shift;
    w.get(local.RESULT);
    w.const(kind === 'increment' ? SIGN : ~(SIGN >> shift) << shift);
    w.op(op.I32_EQ);
  }

  private writeResultWord(shift: number): void {
    const { w } = this;
    w.get(local.RESULT);
    if (shift > 0) {
      w.const(shift);
      w.op(op.I32_SHR_S);
    }
    w.set(local.FLAG_RESULT);
  }

  /** Pushes the carries (borrows) out of all bit positions. */
  private carries(kind: 'add' | 'subtract'): void {
    const { w } = this;
    if (kind === 'add') {
      // (left & right) | ((left | right) & ~result)
      this.compare(local.LEFT, local.RIGHT, op.I32_AND);
      this.compare(local.LEFT, local.RIGHT, op.I32_OR);
      w.get(local.RESULT);
      w.const(-1);
      w.op(op.I32_XOR, op.I32_AND, op.I32_OR);
      return;
    }
    // (~left & right) | (~(left ^ right) & result)
    w.get(local.LEFT);
    w.const(-1);
    w.op(op.I32_XOR);
    w.get(local.RIGHT);
    w.op(op.I32_AND);
    this.compare(local.LEFT, local.RIGHT, op.I32_XOR);
    w.const(-1);
    w.op(op.I32_XOR);
    w.get(local.RESULT);
    w.op(op.I32_AND, op.I32_OR);
  }
}
