import type { Operation } from '../isa/operation.js';
import type { Cpu } from './cpu.js';

/**
 * For a processor whose `sensitiveTraps` can be on: an instruction that is sensitive without being privileged gets
 * the check that a privileged one has. Software interrupts need none: they reach the monitor anyway.
 */
export function guardSensitive(cpu: Cpu, op: Operation): void {
  if (op.row.sensitivity !== 'silent' || op.row.cost === 'software.interrupt') return;
  const { handler } = op;
  op.handler = (context, operation) => {
    if (cpu.sensitiveTraps) cpu.requireCpl0();
    handler(context, operation);
  };
}
