import type { ExecutionContext } from '../context.js';
import type { Operation } from '../operation.js';

/** Places of general registers in the state area's views: 32-bit at n * 2 (`n << 1`), 16-bit at n * 4, 8-bit here. */
export function byteIndex(register: number): number {
  return ((register & 3) << 3) | (register >> 2);
}

/** 32 less the operand's width in bits: moves its sign to bit 31. */
export function signShift(bytes: number): number {
  return 32 - (bytes << 3);
}

/** Offset of the memory operand in its segment, wrapped to the address size. Signed when 32 bits. */
export function effectiveAddress(cpu: ExecutionContext, op: Operation): number {
  const { s32 } = cpu;
  let offset = op.displacement;
  if (op.base >= 0) offset = (offset + s32[op.base << 1]) | 0;
  if (op.index >= 0) offset = (offset + (s32[op.index << 1] << op.scale)) | 0;
  return op.addressBytes === 4 ? offset : offset & 0xffff;
}

/** An offset moved by a constant, wrapped to the address size of `op`. */
export function advance(op: Operation, offset: number, bytes: number): number {
  return op.addressBytes === 4 ? (offset + bytes) | 0 : (offset + bytes) & 0xffff;
}

export function readRegister(cpu: ExecutionContext, register: number, bytes: number): number {
  if (bytes === 4) return cpu.s32[register << 1];
  return bytes === 2 ? cpu.u16[register << 2] : cpu.u8[byteIndex(register)];
}

/** Writes the low `bytes` of `value`; the register's other bits stay. */
export function writeRegister(cpu: ExecutionContext, register: number, bytes: number, value: number): void {
  if (bytes === 4) cpu.s32[register << 1] = value;
  else if (bytes === 2) cpu.u16[register << 2] = value;
  else cpu.u8[byteIndex(register)] = value;
}

export function readMemory(
  cpu: ExecutionContext,
  segment: Operation['segment'],
  offset: number,
  bytes: number,
): number {
  if (bytes === 4) return cpu.read32(segment, offset);
  return bytes === 2 ? cpu.read16(segment, offset) : cpu.read8(segment, offset);
}

/** Writes the low `bytes` of `value`. */
export function writeMemory(
  cpu: ExecutionContext,
  segment: Operation['segment'],
  offset: number,
  bytes: number,
  value: number,
): void {
  if (bytes === 4) cpu.write32(segment, offset, value | 0);
  else if (bytes === 2) cpu.write16(segment, offset, value & 0xffff);
  else cpu.write8(segment, offset, value & 0xff);
}

/** The r/m operand, register or memory. */
export function readRm(cpu: ExecutionContext, op: Operation, bytes: number): number {
  if (op.rm >= 0) return readRegister(cpu, op.rm, bytes);
  return readMemory(cpu, op.segment, effectiveAddress(cpu, op), bytes);
}

export function writeRm(cpu: ExecutionContext, op: Operation, bytes: number, value: number): void {
  if (op.rm >= 0) writeRegister(cpu, op.rm, bytes, value);
  else writeMemory(cpu, op.segment, effectiveAddress(cpu, op), bytes, value);
}

/** Reads memory for a read-modify-write that {@link writeBack} ends. */
export function modifyMemory(
  cpu: ExecutionContext,
  op: Operation,
  segment: Operation['segment'],
  offset: number,
): number {
  if (op.operandBytes === 4) return cpu.modify32(segment, offset);
  return op.operandBytes === 2 ? cpu.modify16(segment, offset) : cpu.modify8(segment, offset);
}

export function writeBack(cpu: ExecutionContext, op: Operation, value: number): void {
  if (op.operandBytes === 4) cpu.modifyWrite32(value | 0);
  else if (op.operandBytes === 2) cpu.modifyWrite16(value & 0xffff);
  else cpu.modifyWrite8(value & 0xff);
}

/** Reads the r/m operand for a read-modify-write; after it {@link writeModified} cannot fault. */
export function modifyRm(cpu: ExecutionContext, op: Operation): number {
  if (op.rm >= 0) return readRegister(cpu, op.rm, op.operandBytes);
  return modifyMemory(cpu, op, op.segment, effectiveAddress(cpu, op));
}

export function writeModified(cpu: ExecutionContext, op: Operation, value: number): void {
  if (op.rm >= 0) writeRegister(cpu, op.rm, op.operandBytes, value);
  else writeBack(cpu, op, value);
}
