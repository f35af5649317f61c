import { EAX, EDX } from '../../arch/registers.js';
import type { Operation } from '../../isa/operation.js';
import type { FlagState } from './flags.js';
import type { Frame } from './frame.js';
import * as local from './locals.js';
import * as op from './opcodes.js';
import { Destination, notation, push, setProductFlags, shiftOf, signExtend } from './operands.js';

/** Writes the code of one operation. */
export type Emit = (f: Frame, operation: Operation) => void;

const SIGN = 0x8000_0000 | 0;
const CARRY_IN = 0x4000_0000;

interface Binary {
  opcode: number;
  flags: 'add' | 'subtract' | 'logic';
  writes: boolean;
}

const BINARY: Readonly<Record<string, Binary>> = {
  add: { opcode: op.I32_ADD, flags: 'add', writes: true },
  sub: { opcode: op.I32_SUB, flags: 'subtract', writes: true },
  cmp: { opcode: op.I32_SUB, flags: 'subtract', writes: false },
  and: { opcode: op.I32_AND, flags: 'logic', writes: true },
  or: { opcode: op.I32_OR, flags: 'logic', writes: true },
  xor: { opcode: op.I32_XOR, flags: 'logic', writes: true },
  test: { opcode: op.I32_AND, flags: 'logic', writes: false },
};

/** Pops a value and pushes it shifted up, its sign at bit 31. */
function shiftUp(f: Frame, bytes: number): void {
  if (bytes === 4) return;
  f.w.const(shiftOf(bytes));
  f.w.op(op.I32_SHL);
}

/** Pushes the result in its own width. */
function pushResult(f: Frame, bytes: number): void {
  f.w.get(local.RESULT);
  if (bytes === 4) return;
  f.w.const(shiftOf(bytes));
  f.w.op(op.I32_SHR_U);
}

function setState(f: Frame, kind: Exclude<FlagState['kind'], 'words'>, bytes: number): void {
  f.flags.state = { kind, shift: shiftOf(bytes) };
}

function binary({ opcode, flags, writes }: Binary): Emit {
  return (f, operation) => {
    const [first, second] = notation(operation.row);
    const bytes = operation.operandBytes;
    const { w } = f;
    const destination = new Destination(f, operation, first, bytes);
    if (writes) {
      destination.begin();
      destination.push();
    } else push(f, operation, first, bytes);
    shiftUp(f, bytes);
    push(f, operation, second, bytes);
    shiftUp(f, bytes);
    w.set(local.RIGHT);
    w.tee(local.LEFT);
    w.get(local.RIGHT);
    w.op(opcode);
    w.set(local.RESULT);
    setState(f, flags, bytes);
    if (!writes) return;
    pushResult(f, bytes);
    destination.write();
  };
}

/** ADC and SBB: the flag words are made at once. */
function binaryWithCarry(isAdd: boolean): Emit {
  return (f, operation) => {
    const [first, second] = notation(operation.row);
    const bytes = operation.operandBytes;
    const { w } = f;
    const destination = new Destination(f, operation, first, bytes);
    destination.begin();
    destination.push();
    push(f, operation, second, bytes);
    f.flags.carry();
    w.set(local.SCRATCH);
    w.set(local.RIGHT);
    w.tee(local.LEFT);
    w.get(local.RIGHT);
    w.op(isAdd ? op.I32_ADD : op.I32_SUB);
    w.get(local.SCRATCH);
    w.op(isAdd ? op.I32_ADD : op.I32_SUB);
    w.set(local.RESULT);
    // As isa/semantics/flags.ts does: operands in their width, then the carries moved up.
    f.flags.state = { kind: isAdd ? 'add' : 'subtract', shift: 0 };
    f.flags.writeCarries(bytes);
    w.get(local.RESULT);
    signExtend(f, bytes);
    w.set(local.FLAG_RESULT);
    f.flags.state = { kind: 'words' };
    w.get(local.RESULT);
    destination.write();
  };
}

function step(isIncrement: boolean): Emit {
  return (f, operation) => {
    const [first] = notation(operation.row);
    const bytes = operation.operandBytes;
    const { w } = f;
    const destination = new Destination(f, operation, first, bytes);
    destination.begin();
    f.flags.keepCarry();
    destination.push();
    shiftUp(f, bytes);
    w.const(1 << shiftOf(bytes));
    w.op(isIncrement ? op.I32_ADD : op.I32_SUB);
    w.set(local.RESULT);
    setState(f, isIncrement ? 'increment' : 'decrement', bytes);
    pushResult(f, bytes);
    destination.write();
  };
}

const negate: Emit = (f, operation) => {
  const [first] = notation(operation.row);
  const bytes = operation.operandBytes;
  const { w } = f;
  const destination = new Destination(f, operation, first, bytes);
  destination.begin();
  destination.push();
  shiftUp(f, bytes);
  w.set(local.RIGHT);
  w.const(0);
  w.tee(local.LEFT);
  w.get(local.RIGHT);
  w.op(op.I32_SUB);
  w.set(local.RESULT);
  setState(f, 'subtract', bytes);
  pushResult(f, bytes);
  destination.write();
};

const not: Emit = (f, operation) => {
  const [first] = notation(operation.row);
  const destination = new Destination(f, operation, first, operation.operandBytes);
  destination.begin();
  destination.push();
  f.w.const(-1);
  f.w.op(op.I32_XOR);
  destination.write();
};

/** `imul G,E` and `imul G,E,I` */
const multiplyInto: Emit = (f, operation) => {
  const [target, first, second] = notation(operation.row);
  const bytes = operation.operandBytes;
  const { w } = f;
  push(f, operation, first, bytes);
  signExtend(f, bytes);
  w.op(op.I64_EXTEND_I32_S);
  push(f, operation, second ?? target, bytes);
  signExtend(f, bytes);
  w.op(op.I64_EXTEND_I32_S, op.I64_MUL);
  w.tee(local.WIDE);
  w.op(op.I32_WRAP_I64);
  signExtend(f, bytes);
  w.tee(local.RESULT);
  w.op(op.I64_EXTEND_I32_S);
  w.get(local.WIDE);
  w.op(op.I64_NE);
  setProductFlags(f);
  w.get(local.RESULT);
  f.setRegister(operation.reg, bytes);
};

/** `mul E` and `imul E` of 32 bits. */
function multiplyAccumulator(signed: boolean): Emit {
  const extend = signed ? op.I64_EXTEND_I32_S : op.I64_EXTEND_I32_U;
  return (f, operation) => {
    const { w } = f;
    push(f, operation, notation(operation.row)[0], 4);
    w.op(extend);
    f.getRegister(EAX, 4);
    w.op(extend, op.I64_MUL);
    w.tee(local.WIDE);
    w.op(op.I32_WRAP_I64);
    w.set(local.RESULT);
    w.get(local.RESULT);
    w.op(extend);
    w.get(local.WIDE);
    w.op(op.I64_NE);
    setProductFlags(f);
    w.get(local.RESULT);
    f.setRegister(EAX, 4);
    w.get(local.WIDE);
    w.const64(32);
    w.op(op.I64_SHR_U, op.I32_WRAP_I64);
    f.setRegister(EDX, 4);
  };
}

/** `div E` of 32 bits; a quotient that does not fit is left to the interpreter. */
const divide: Emit = (f, operation) => {
  const { w } = f;
  push(f, operation, notation(operation.row)[0], 4);
  w.set(local.SCRATCH);
  f.getRegister(EDX, 4);
  w.get(local.SCRATCH);
  w.op(op.I32_GE_U);
  w.open(op.IF);
  f.exitBefore();
  w.end();
  f.getRegister(EDX, 4);
  w.op(op.I64_EXTEND_I32_U);
  w.const64(32);
  w.op(op.I64_SHL);
  f.getRegister(EAX, 4);
  w.op(op.I64_EXTEND_I32_U, op.I64_OR);
  w.set(local.WIDE);
  w.get(local.SCRATCH);
  w.op(op.I64_EXTEND_I32_U);
  w.set(local.WIDE2);
  for (const [opcode, register] of [
    [op.I64_DIV_U, EAX],
    [op.I64_REM_U, EDX],
  ]) {
    w.get(local.WIDE);
    w.get(local.WIDE2);
    w.op(opcode, op.I32_WRAP_I64);
    f.setRegister(register, 4);
  }
};

/** Pops CF and pushes the carry word's two upper bits for it and for OF in {@link local.SCRATCH2}. */
function joinCarries(f: Frame): void {
  const { w } = f;
  w.tee(local.SCRATCH);
  w.const(31);
  w.op(op.I32_SHL);
  w.get(local.SCRATCH);
  w.get(local.SCRATCH2);
  w.op(op.I32_XOR);
  w.const(30);
  w.op(op.I32_SHL, op.I32_OR);
}

/** Pops a value and pushes its bit at `position`. */
function bit(f: Frame, position: number): void {
  const { w } = f;
  w.const(position);
  w.op(op.I32_SHR_U);
  w.const(1);
  w.op(op.I32_AND);
}

type Shift = 'shl' | 'shr' | 'sar';

/** SHL, SHR and SAR by a constant count, as isa/semantics/shift.ts computes them. */
function shift(kind: Shift): Emit {
  return (f, operation) => {
    const [first] = notation(operation.row);
    const bytes = operation.operandBytes;
    const width = bytes * 8;
    const count = operation.immediate & 31;
    const { w } = f;
    const destination = new Destination(f, operation, first, bytes);
    destination.begin();
    destination.push();
    if (count === 0) {
      destination.write();
      return;
    }
    if (kind === 'sar') signExtend(f, bytes);
    w.tee(local.LEFT);
    w.const(count);
    w.op(kind === 'shl' ? op.I32_SHL : kind === 'shr' ? op.I32_SHR_U : op.I32_SHR_S);
    w.set(local.RESULT);
    if (f.needsFlags) {
      // OF
      if (kind === 'sar') w.const(0);
      else {
        w.get(local.RESULT);
        bit(f, width - 1);
        if (kind === 'shr') {
          w.get(local.RESULT);
          bit(f, width - 2);
        } else pushShiftedOut(f, count, width);
        w.op(op.I32_XOR);
      }
      w.set(local.SCRATCH2);
      // CF
      if (kind === 'shl') pushShiftedOut(f, count, width);
      else {
        w.get(local.LEFT);
        bit(f, count - 1);
      }
      joinCarries(f);
      w.set(local.FLAG_CARRY);
      w.get(local.RESULT);
      signExtend(f, bytes);
      w.set(local.FLAG_RESULT);
    }
    f.flags.state = { kind: 'words' };
    w.get(local.RESULT);
    destination.write();
  };
}

/** Pushes the last bit that SHL has moved out: of `value << (count - 1)` that at the top. */
function pushShiftedOut(f: Frame, count: number, width: number): void {
  f.w.get(local.LEFT);
  f.w.const(count - 1);
  f.w.op(op.I32_SHL);
  bit(f, width - 1);
}

/** ROL and ROR of 32 bits by a constant count: CF and OF only. */
function rotate(left: boolean): Emit {
  return (f, operation) => {
    const [first] = notation(operation.row);
    const count = operation.immediate & 31;
    const { w } = f;
    const destination = new Destination(f, operation, first, 4);
    destination.begin();
    if (count !== 0) f.flags.settle();
    destination.push();
    if (count !== 0) {
      w.const(count);
      w.op(left ? op.I32_ROTL : op.I32_ROTR);
      w.tee(local.RESULT);
      bit(f, 31);
      w.get(local.RESULT);
      bit(f, left ? 0 : 30);
      w.op(op.I32_XOR);
      w.set(local.SCRATCH2);
      w.get(local.RESULT);
      bit(f, left ? 0 : 31);
      joinCarries(f);
      w.get(local.FLAG_CARRY);
      w.const(~(SIGN | CARRY_IN));
      w.op(op.I32_AND, op.I32_OR);
      w.set(local.FLAG_CARRY);
      w.get(local.RESULT);
    }
    destination.write();
  };
}

/** BSF and BSR: a source of 0 sets ZF and leaves the destination. */
function scan(forward: boolean): Emit {
  return (f, operation) => {
    const [, source] = notation(operation.row);
    const bytes = operation.operandBytes;
    const { w } = f;
    push(f, operation, source, bytes);
    w.tee(local.VALUE);
    shiftUp(f, bytes);
    w.set(local.RESULT);
    setState(f, 'logic', bytes);
    w.get(local.VALUE);
    w.open(op.IF);
    if (forward) {
      w.get(local.VALUE);
      w.op(op.I32_CTZ);
    } else {
      w.const(31);
      w.get(local.VALUE);
      w.op(op.I32_CLZ, op.I32_SUB);
    }
    f.setRegister(operation.reg, bytes);
    w.end();
  };
}

/** BT, BTS, BTR, BTC of a register, or by a constant of memory. CF only, at its place; OF keeps its value. */
function bitTest(opcode: number | null, invert: boolean): Emit {
  return (f, operation) => {
    const [first, second] = notation(operation.row);
    const bytes = operation.operandBytes;
    const { w } = f;
    const destination = new Destination(f, operation, first, bytes);
    if (opcode !== null) destination.begin();
    if (opcode !== null) destination.push();
    else push(f, operation, first, bytes);
    w.set(local.TESTED);
    f.flags.settle();
    push(f, operation, second, bytes);
    w.const(bytes * 8 - 1);
    w.op(op.I32_AND);
    w.set(local.SCRATCH);
    if (opcode !== null) {
      w.get(local.TESTED);
      w.const(1);
      w.get(local.SCRATCH);
      w.op(op.I32_SHL);
      if (invert) {
        w.const(-1);
        w.op(op.I32_XOR);
      }
      w.op(opcode);
      destination.write();
    }
    // setCarry: OF stays, so the carry into the top bit changes with CF.
    w.get(local.FLAG_CARRY);
    w.const(~(SIGN | CARRY_IN));
    w.op(op.I32_AND);
    w.get(local.FLAG_CARRY);
    w.get(local.FLAG_CARRY);
    w.const(1);
    w.op(op.I32_SHL, op.I32_XOR);
    w.const(31);
    w.op(op.I32_SHR_U);
    w.set(local.SCRATCH2);
    w.get(local.TESTED);
    w.get(local.SCRATCH);
    w.op(op.I32_SHR_U);
    w.const(1);
    w.op(op.I32_AND);
    joinCarries(f);
    w.op(op.I32_OR);
    w.set(local.FLAG_CARRY);
  };
}

/** By mnemonic. */
export const ARITHMETIC: Readonly<Record<string, Emit>> = {
  ...Object.fromEntries(Object.entries(BINARY).map(([mnemonic, row]) => [mnemonic, binary(row)])),
  adc: binaryWithCarry(true),
  sbb: binaryWithCarry(false),
  inc: step(true),
  dec: step(false),
  neg: negate,
  not,
  imul: (f, operation) =>
    (notation(operation.row).length === 1 ? multiplyAccumulator(true) : multiplyInto)(f, operation),
  mul: multiplyAccumulator(false),
  div: divide,
  shl: shift('shl'),
  shr: shift('shr'),
  sar: shift('sar'),
  rol: rotate(true),
  ror: rotate(false),
  bsf: scan(true),
  bsr: scan(false),
  bt: bitTest(null, false),
  bts: bitTest(op.I32_OR, false),
  btr: bitTest(op.I32_AND, true),
  btc: bitTest(op.I32_XOR, false),
};
