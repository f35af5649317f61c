import { CR0_PE } from '../../arch/control.js';
import { FLAG_VM } from '../../arch/flags.js';
import { CR0_I32 } from '../../arch/state.js';
import type { ExecutionContext } from '../context.js';
import type { Operation } from '../operation.js';
import { pack, unpack } from './extended.js';
import { readOperand, writeOperand } from './memory.js';
import type { X87Unit } from './unit.js';

const REGISTER_BYTES = 10;
const SELECTOR_MASK = 0xffff;

/** The environment in memory has seven words or doublewords (SDM vol. 1, figures 8-9 to 8-12). */
export function environmentBytes(op: Operation): number {
  return 7 * op.operandBytes;
}

function isProtected(cpu: ExecutionContext): boolean {
  return (cpu.s32[CR0_I32] & CR0_PE) !== 0 && (cpu.readEflags() & FLAG_VM) === 0;
}

/** FNSTENV's image. */
export function environmentImage(cpu: ExecutionContext, op: Operation, unit: X87Unit): bigint {
  const { instruction, codeSelector, data, dataSelector } = unit.pointers;
  const words = [unit.control, unit.status, unit.tags];
  if (isProtected(cpu)) words.push(instruction, codeSelector, data, dataSelector);
  else {
    // Real mode has linear addresses of 20 or 32 bits in place of selectors, above the opcode's eleven bits.
    const linear = (selector: number, offset: number): number => selector * 16 + offset;
    for (const address of [linear(codeSelector, instruction), linear(dataSelector, data)]) {
      words.push(op.operandBytes === 2 ? address & 0xffff : address & 0xffff);
      words.push(op.operandBytes === 2 ? ((address >> 16) & 0xf) << 12 : (address >>> 16) << 12);
    }
  }
  const bits = BigInt(op.operandBytes * 8);
  const mask = (1n << bits) - 1n;
  // The upper halves of the first three doublewords are reserved, and ones.
  const reserved = op.operandBytes === 4 ? 0xffff_0000n : 0n;
  return words.reduce(
    (image, word, index) =>
      image | (((BigInt(word >>> 0) & mask) | (index < 3 ? reserved : 0n)) << (bits * BigInt(index))),
    0n,
  );
}

export function loadEnvironment(cpu: ExecutionContext, op: Operation, unit: X87Unit, image: bigint): void {
  const bits = BigInt(op.operandBytes * 8);
  const word = (index: number): number => Number((image >> (bits * BigInt(index))) & ((1n << bits) - 1n));
  unit.tags = word(2) & 0xffff;
  if (isProtected(cpu)) {
    unit.pointers = {
      instruction: word(3),
      codeSelector: word(4) & SELECTOR_MASK,
      data: word(5),
      dataSelector: word(6) & SELECTOR_MASK,
    };
  } else {
    const linear = (index: number): number =>
      (word(index) & 0xffff) |
      (op.operandBytes === 2 ? (word(index + 1) >> 12) << 16 : (word(index + 1) >>> 12) << 16);
    unit.pointers = { instruction: linear(3), codeSelector: 0, data: linear(5), dataSelector: 0 };
  }
  unit.setStatus(word(1) & 0xffff);
  unit.setControl(word(0) & 0xffff);
}

/** FNSAVE: environment and registers, then as FNINIT. */
export function save(cpu: ExecutionContext, op: Operation, unit: X87Unit): void {
  const head = environmentBytes(op);
  let image = environmentImage(cpu, op, unit);
  for (let index = 0; index < 8; index++) {
    image |= pack(unit.get(index)) << BigInt((head + index * REGISTER_BYTES) * 8);
  }
  writeOperand(cpu, op, head + 8 * REGISTER_BYTES, image);
  unit.initialise();
}

export function restore(cpu: ExecutionContext, op: Operation, unit: X87Unit): void {
  const head = environmentBytes(op);
  const image = readOperand(cpu, op, head + 8 * REGISTER_BYTES);
  loadEnvironment(cpu, op, unit, image & ((1n << BigInt(head * 8)) - 1n));
  const { tags } = unit;
  for (let index = 0; index < 8; index++) {
    const bits = image >> BigInt((head + index * REGISTER_BYTES) * 8);
    unit.set(index, unpack(bits & ((1n << 80n) - 1n)));
  }
  unit.tags = tags;
}
