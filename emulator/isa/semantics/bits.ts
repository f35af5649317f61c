import type { ExecutionContext } from '../context.js';
import type { Handler, Operation } from '../operation.js';
import { CONDITIONS, setCarry, setLogic, zeroFlag } from './flags.js';
import {
  advance,
  effectiveAddress,
  modifyMemory,
  readMemory,
  readRegister,
  readRm,
  signShift,
  writeBack,
  writeRegister,
  writeRm,
} from './operands.js';

/** What becomes of the tested bit, given as a mask. */
type BitUpdate = (value: number, mask: number) => number;

const UPDATES: Readonly<Record<string, BitUpdate | null>> = {
  bt: null,
  bts: (value, mask) => value | mask,
  btr: (value, mask) => value & ~mask,
  btc: (value, mask) => value ^ mask,
};

function testBit(
  cpu: ExecutionContext,
  op: Operation,
  update: BitUpdate | null,
  position: number,
  offset: number,
): void {
  const bytes = op.operandBytes;
  const mask = 1 << (position & ((bytes << 3) - 1));
  if (op.rm >= 0) {
    const value = readRegister(cpu, op.rm, bytes);
    if (update) writeRegister(cpu, op.rm, bytes, update(value, mask));
    setCarry(cpu.s32, (value & mask) !== 0);
  } else if (update) {
    const value = modifyMemory(cpu, op, op.segment, offset);
    writeBack(cpu, op, update(value, mask));
    setCarry(cpu.s32, (value & mask) !== 0);
  } else {
    setCarry(cpu.s32, (readMemory(cpu, op.segment, offset, bytes) & mask) !== 0);
  }
}

/** `bt E,I`: the position is taken modulo the operand's width. */
export function bitTestImmediate(mnemonic: string): Handler {
  const update = UPDATES[mnemonic];
  return (cpu, op) => testBit(cpu, op, update, op.immediate, op.rm >= 0 ? 0 : effectiveAddress(cpu, op));
}

/** `bt E,G`: with memory the position is a signed distance in bits from the operand's address. */
export function bitTestRegister(mnemonic: string): Handler {
  const update = UPDATES[mnemonic];
  return (cpu, op) => {
    const bytes = op.operandBytes;
    const shift = signShift(bytes);
    const position = (readRegister(cpu, op.reg, bytes) << shift) >> shift;
    if (op.rm >= 0) {
      testBit(cpu, op, update, position, 0);
      return;
    }
    const elements = position >> (bytes === 4 ? 5 : 4);
    testBit(cpu, op, update, position, advance(op, effectiveAddress(cpu, op), elements * bytes));
  };
}

/** BSF and BSR. A source of 0 sets ZF and leaves the destination, as processors do (undefined by the manual). */
function bitScan(find: (value: number) => number): Handler {
  return (cpu, op) => {
    const bytes = op.operandBytes;
    const value = readRm(cpu, op, bytes);
    setLogic(cpu.s32, value, signShift(bytes));
    if (!zeroFlag(cpu.s32)) writeRegister(cpu, op.reg, bytes, find(value));
  };
}

export const bsf = bitScan((value) => 31 - Math.clz32(value & -value));
export const bsr = bitScan((value) => 31 - Math.clz32(value));

export const setcc: Handler = (cpu, op) => {
  writeRm(cpu, op, 1, CONDITIONS[op.opcodeByte & 15](cpu.s32) ? 1 : 0);
};

/** The source is read, and may fault, whatever the condition. */
export const cmovcc: Handler = (cpu, op) => {
  const value = readRm(cpu, op, op.operandBytes);
  if (CONDITIONS[op.opcodeByte & 15](cpu.s32)) writeRegister(cpu, op.reg, op.operandBytes, value);
};
