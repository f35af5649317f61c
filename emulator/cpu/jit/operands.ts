import { ECX } from '../../arch/registers.js';
import type { InstructionRow, Operation } from '../../isa/operation.js';
import type { Frame } from './frame.js';
import * as local from './locals.js';
import * as op from './opcodes.js';

interface Notation {
  operands: readonly string[];
  areKnown: boolean;
}

const notations = new WeakMap<InstructionRow, Notation>();

function notationOf(row: InstructionRow): Notation {
  let found = notations.get(row);
  if (!found) {
    const operands = row.operands === '' ? [] : row.operands.split(',');
    found = { operands, areKnown: operands.every((operand) => KNOWN.test(operand)) };
    notations.set(row, found);
  }
  return found;
}

/** The operands of a row's notation (isa/encoding.ts), one string each. */
export function notation(row: InstructionRow): readonly string[] {
  return notationOf(row).operands;
}

const KNOWN = /^([EGZIJ][a-z]+|O[bv]|AL|eAX|CL|1)$/;

/** Whether {@link push} and {@link Destination} know all of a row's operands. */
export function areKnownOperands(row: InstructionRow): boolean {
  return notationOf(row).areKnown;
}

export function isMemory(operation: Operation, operand: string): boolean {
  return operand[0] === 'O' || operand[0] === 'M' || (operand[0] === 'E' && operation.rm < 0);
}

export function hasMemory(operation: Operation): boolean {
  return notation(operation.row).some((operand) => isMemory(operation, operand));
}

/** 32 less the operand's width in bits. */
export function shiftOf(bytes: number): number {
  return 32 - bytes * 8;
}

function registerOf(operation: Operation, operand: string): number {
  if (operand === 'CL') return ECX;
  if (operand[0] === 'E') return operation.rm;
  return operation.reg;
}

/** Pushes the value of an operand, narrow ones zero-extended. Memory is read. */
export function push(f: Frame, operation: Operation, operand: string, bytes: number): void {
  if (operand[0] === 'I' || operand === '1') f.w.const(operation.immediate);
  else if (isMemory(operation, operand)) {
    f.address(operation);
    f.load(operation.segment, bytes);
  } else f.getRegister(registerOf(operation, operand), operand === 'CL' ? 1 : bytes);
}

/** The first operand of an instruction, written or read and written. */
export class Destination {
  private readonly inMemory: boolean;
  constructor(
    private readonly f: Frame,
    private readonly operation: Operation,
    private readonly operand: string,
    private readonly bytes: number,
  ) {
    this.inMemory = isMemory(operation, operand);
  }

  /** Comes first: after it nothing can fault. */
  begin(): void {
    const { f, operation, bytes } = this;
    if (!this.inMemory) return;
    f.address(operation);
    f.beginStore(operation.segment, bytes);
  }

  /** Pushes what it holds. */
  push(): void {
    const { f, operation, bytes } = this;
    if (this.inMemory) f.loadStored(bytes);
    else f.getRegister(registerOf(operation, this.operand), bytes);
  }

  /** Pops a value into it. */
  write(): void {
    const { f, operation, bytes } = this;
    if (this.inMemory) f.finishStore(bytes);
    else f.setRegister(registerOf(operation, this.operand), bytes);
  }
}

/** Pops a value and pushes it sign-extended from `bytes`. */
export function signExtend(f: Frame, bytes: number): void {
  if (bytes === 1) f.w.op(op.I32_EXTEND8_S);
  else if (bytes === 2) f.w.op(op.I32_EXTEND16_S);
}

/** Pops a truth value (CF = OF) and makes the flag words of it and of the sign-extended result in {@link local.RESULT}. */
export function setProductFlags(f: Frame): void {
  const { w } = f;
  // Both carries set mean CF and not OF: with CF = OF only bit 31 is.
  w.const(31);
  w.op(op.I32_SHL);
  w.set(local.FLAG_CARRY);
  w.get(local.RESULT);
  w.set(local.FLAG_RESULT);
  f.flags.state = { kind: 'words' };
}
