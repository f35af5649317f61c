import type { ExecutionContext } from '../context.js';
import type { Operation } from '../operation.js';
import { advance, effectiveAddress } from '../semantics/operands.js';

/** Reads `bytes` bytes, an even number, at the memory operand. @returns them as one integer. */
export function readOperand(cpu: ExecutionContext, op: Operation, bytes: number): bigint {
  const start = effectiveAddress(cpu, op);
  let value = 0n;
  for (let at = 0; at < bytes; at += bytes - at >= 4 ? 4 : 2) {
    const offset = advance(op, start, at);
    const part = bytes - at >= 4 ? cpu.read32(op.segment, offset) >>> 0 : cpu.read16(op.segment, offset);
    value |= BigInt(part) << BigInt(at * 8);
  }
  return value;
}

/** Writes the low `bytes` bytes of `value`, an even number; a fault leaves all of them as they were. */
export function writeOperand(cpu: ExecutionContext, op: Operation, bytes: number, value: bigint): void {
  const start = effectiveAddress(cpu, op);
  // Both ends are checked for writing before a byte is written; between them lie at most 108 bytes.
  if (bytes > 4) {
    cpu.modify8(op.segment, advance(op, start, bytes - 1));
    cpu.modify8(op.segment, start);
  }
  for (let at = 0; at < bytes; at += bytes - at >= 4 ? 4 : 2) {
    const offset = advance(op, start, at);
    const part = Number((value >> BigInt(at * 8)) & 0xffff_ffffn);
    if (bytes - at >= 4) cpu.write32(op.segment, offset, part | 0);
    else cpu.write16(op.segment, offset, part & 0xffff);
  }
}
