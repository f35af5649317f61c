import type { Operation } from '../../isa/operation.js';
import type { Processor } from '../../machine.js';

/** Linear address of an instruction's memory operand, by the registers as they are. */
export function operandLinear(cpu: Processor, op: Operation): number {
  const base = op.base >= 0 ? cpu.gpr(op.base) : 0;
  const index = op.index >= 0 ? cpu.gpr(op.index) << op.scale : 0;
  const sum = base + index + op.displacement;
  const offset = op.addressBytes === 2 ? sum & 0xffff : sum >>> 0;
  return (cpu.segment(op.segment).base + offset) >>> 0;
}
