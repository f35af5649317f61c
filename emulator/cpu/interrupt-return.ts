import { FLAG_NT, FLAG_VM } from '../arch/flags.js';
import { EFLAGS_I32 } from '../arch/state.js';
import { VECTOR_GP, VECTOR_TS } from '../arch/vectors.js';
import { TR } from '../arch/registers.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import { checkOffset, popOuterStack, returnOutward, returnTarget } from './far-transfer.js';
import { flagsThatMayChange } from './flag-control.js';
import { setCode } from './segmentation.js';
import { StackFrame } from './stack-frame.js';

/** IRET and IRETD in protected mode (APM vol. 3, "IRET"). */
export function interruptReturn(cpu: Cpu, operandBytes: 2 | 4): void {
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('iret');
  // Even an IRET that faults ends the blocking (APM vol. 2, section 8.1.5 "NMI").
  cpu.nmiBlocked = false;
  if (cpu.s32[EFLAGS_I32] & FLAG_NT) {
    cpu.noteMissing('task switch by iret');
    cpu.fault.raise(VECTOR_TS, cpu.selector(TR) & ~3);
  }
  const stack = StackFrame.current(cpu);
  const eip = stack.pop(operandBytes) >>> 0;
  const selector = stack.pop(operandBytes) & 0xffff;
  const flags = stack.pop(operandBytes);
  if (operandBytes === 4 && flags & FLAG_VM && cpu.cpl === 0) {
    cpu.noteMissing('virtual-8086 mode');
    cpu.fault.raise(VECTOR_GP, 0);
  }
  const code = returnTarget(cpu, selector);
  // What may change is decided by the privilege before the return.
  const mask = flagsThatMayChange(cpu) & (operandBytes === 2 ? 0xffff : -1);
  const cpl = descriptors.rpl(selector);
  if (cpl === cpu.cpl) {
    checkOffset(cpu, code, eip);
    setCode(cpu, code, cpl);
    stack.commitPointer();
    cpu.eip = eip;
  } else {
    const outer = popOuterStack(cpu, stack, operandBytes, cpl);
    checkOffset(cpu, code, eip);
    returnOutward(cpu, code, eip, outer, cpl);
  }
  cpu.writeEflags(flags, mask);
}
