import type { Operation } from '../../isa/operation.js';
import type { Processor } from '../../machine.js';

/** Offset in its segment of an instruction's memory operand, by the registers as they are. */
export function operandOffset(cpu: Processor, op: Operation): number {
  const base = op.base >= 0 ? cpu.gpr(op.base) : 0;
  const index = op.index >= 0 ? cpu.gpr(op.index) << op.scale : 0;
  const sum = base + index + op.displacement;
  return op.addressBytes === 2 ? sum & 0xffff : sum >>> 0;
}

/** Linear address of an instruction's memory operand. */
export function operandLinear(cpu: Processor, op: Operation): number {
  return (cpu.segment(op.segment).base + operandOffset(cpu, op)) >>> 0;
}
