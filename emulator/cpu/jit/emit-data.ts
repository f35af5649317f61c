import { EAX, EBP, EDX, ESP, SS } from '../../arch/registers.js';
import { CONDITION_NAMES } from '../../isa/semantics/flags.js';
import type { Emit } from './emit-arithmetic.js';
import type { Frame } from './frame.js';
import * as local from './locals.js';
import * as op from './opcodes.js';
import { Destination, notation, push, signExtend } from './operands.js';

const SLOT_BYTES = 4;

const move: Emit = (f, operation) => {
  const [first, second] = notation(operation.row);
  const bytes = operation.operandBytes;
  const destination = new Destination(f, operation, first, bytes);
  destination.begin();
  push(f, operation, second, bytes);
  destination.write();
};

/** MOVZX and MOVSX: the source's width is in the notation. */
function moveExtended(signed: boolean): Emit {
  return (f, operation) => {
    const [, source] = notation(operation.row);
    const sourceBytes = source[1] === 'b' ? 1 : 2;
    push(f, operation, source, sourceBytes);
    if (signed) signExtend(f, sourceBytes);
    f.setRegister(operation.reg, operation.operandBytes);
  };
}

const loadEffectiveAddress: Emit = (f, operation) => {
  f.address(operation);
  f.setRegister(operation.reg, operation.operandBytes);
};

const exchange: Emit = (f, operation) => {
  const [first, second] = notation(operation.row);
  const bytes = operation.operandBytes;
  const destination = new Destination(f, operation, first, bytes);
  destination.begin();
  destination.push();
  f.w.set(local.SCRATCH);
  // Accumulator and register, or r/m and register.
  const register = second === 'eAX' ? EAX : operation.reg;
  f.getRegister(register, bytes);
  destination.write();
  f.w.get(local.SCRATCH);
  f.setRegister(register, bytes);
};

/** The source is read whatever the condition. */
const moveConditionally: Emit = (f, operation) => {
  const { w } = f;
  const bytes = operation.operandBytes;
  push(f, operation, notation(operation.row)[1], bytes);
  w.set(local.SCRATCH);
  f.flags.condition(operation.opcodeByte & 15);
  w.open(op.IF);
  w.get(local.SCRATCH);
  f.setRegister(operation.reg, bytes);
  w.end();
};

const setConditionally: Emit = (f, operation) => {
  const destination = new Destination(f, operation, notation(operation.row)[0], 1);
  destination.begin();
  f.flags.condition(operation.opcodeByte & 15);
  destination.write();
};

/** CBW, CWDE */
const extendAccumulator: Emit = (f, operation) => {
  const half = operation.operandBytes >> 1;
  f.getRegister(EAX, half);
  signExtend(f, half);
  f.setRegister(EAX, operation.operandBytes);
};

/** CWD, CDQ */
const fillHigh: Emit = (f, operation) => {
  const bytes = operation.operandBytes;
  f.getRegister(EAX, bytes);
  signExtend(f, bytes);
  f.w.const(31);
  f.w.op(op.I32_SHR_S);
  f.setRegister(EDX, bytes);
};

const swapBytes: Emit = (f, operation) => {
  const { w } = f;
  for (const [rotation, mask] of [
    [8, 0x00ff_00ff],
    [24, 0xff00_ff00 | 0],
  ]) {
    f.getRegister(operation.reg, 4);
    w.const(rotation);
    w.op(op.I32_ROTL);
    w.const(mask);
    w.op(op.I32_AND);
  }
  w.op(op.I32_OR);
  f.setRegister(operation.reg, 4);
};

/** Pushes ESP moved by `distance`. */
export function stackPointer(f: Frame, distance: number): void {
  f.getRegister(ESP, SLOT_BYTES);
  if (distance === 0) return;
  f.w.const(distance);
  f.w.op(op.I32_ADD);
}

export function moveStackPointer(f: Frame, distance: number): void {
  stackPointer(f, distance);
  f.setRegister(ESP, SLOT_BYTES);
}

/** Pushes on the guest's stack what `value` pushes on the host's. */
export function pushOnStack(f: Frame, value: () => void): void {
  stackPointer(f, -SLOT_BYTES);
  f.beginStore(SS, SLOT_BYTES);
  value();
  f.finishStore(SLOT_BYTES);
  moveStackPointer(f, -SLOT_BYTES);
}

const pushValue: Emit = (f, operation) =>
  pushOnStack(f, () => push(f, operation, notation(operation.row)[0], SLOT_BYTES));

const pop: Emit = (f, operation) => {
  stackPointer(f, 0);
  f.load(SS, SLOT_BYTES);
  f.w.set(local.SCRATCH);
  moveStackPointer(f, SLOT_BYTES);
  f.w.get(local.SCRATCH);
  f.setRegister(operation.row.operands[0] === 'E' ? operation.rm : operation.reg, SLOT_BYTES);
};

const leave: Emit = (f) => {
  f.getRegister(EBP, SLOT_BYTES);
  f.load(SS, SLOT_BYTES);
  f.w.set(local.SCRATCH);
  f.getRegister(EBP, SLOT_BYTES);
  f.w.const(SLOT_BYTES);
  f.w.op(op.I32_ADD);
  f.setRegister(ESP, SLOT_BYTES);
  f.w.get(local.SCRATCH);
  f.setRegister(EBP, SLOT_BYTES);
};

/** By mnemonic. */
export const DATA: Readonly<Record<string, Emit>> = {
  mov: move,
  movzx: moveExtended(false),
  movsx: moveExtended(true),
  lea: loadEffectiveAddress,
  xchg: exchange,
  cbw: extendAccumulator,
  cwd: fillHigh,
  bswap: swapBytes,
  push: pushValue,
  pop,
  leave,
  nop: () => {},
  ...Object.fromEntries(
    CONDITION_NAMES.flatMap((name) => [
      [`cmov${name}`, moveConditionally],
      [`set${name}`, setConditionally],
    ]),
  ),
};
