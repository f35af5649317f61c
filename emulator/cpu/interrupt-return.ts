import { FLAGS_DEFINED, FLAG_NT, FLAG_VM } from '../arch/flags.js';
import { EFLAGS_I32 } from '../arch/state.js';
import { CS, DS, ES, ESP, FS, GS, SS } from '../arch/registers.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import { checkOffset, popOuterStack, returnOutward, returnTarget } from './far-transfer.js';
import { flagsThatMayChange } from './flag-control.js';
import { isReal, isVirtual8086, virtualSegment } from './modes.js';
import { setCode } from './segmentation.js';
import { StackFrame } from './stack-frame.js';
import { returnToTask } from './task-switch.js';
import { interruptReturnReal, interruptReturnVirtual } from './transfer-8086.js';

/** IRET and IRETD (APM vol. 3, "IRET"). */
export function interruptReturn(cpu: Cpu, operandBytes: 2 | 4): void {
  if (cpu.guestMode) cpu.svmUnit.interceptInstruction('iret');
  // Even an IRET that faults ends the blocking (APM vol. 2, section 8.1.5 "NMI").
  cpu.nmiBlocked = false;
  if (isReal(cpu)) {
    interruptReturnReal(cpu, operandBytes);
    return;
  }
  if (isVirtual8086(cpu)) {
    interruptReturnVirtual(cpu, operandBytes);
    return;
  }
  if (cpu.s32[EFLAGS_I32] & FLAG_NT) {
    returnToTask(cpu);
    return;
  }
  if (operandBytes === 4 && cpu.quickTransfer.interruptReturn()) return;
  const stack = StackFrame.current(cpu);
  const eip = stack.pop(operandBytes) >>> 0;
  const selector = stack.pop(operandBytes) & 0xffff;
  const flags = stack.pop(operandBytes);
  if (operandBytes === 4 && flags & FLAG_VM && cpu.cpl === 0) {
    enterVirtual8086(cpu, stack, eip, selector, flags);
    return;
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

/** The segment registers in the order of their selectors on the stack, after SS:ESP. */
const DATA_SEGMENTS = [ES, DS, FS, GS] as const;

/** The rest of an IRETD into virtual-8086 mode (APM vol. 3, "IRET", IRET_FROM_PROTECTED_TO_VIRTUAL: 16 bits of rIP). */
function enterVirtual8086(cpu: Cpu, stack: StackFrame, eip: number, selector: number, flags: number): void {
  const esp = stack.pop(4);
  const stackSelector = stack.pop(4) & 0xffff;
  const dataSelectors = DATA_SEGMENTS.map(() => stack.pop(4) & 0xffff);
  cpu.setSegment(CS, virtualSegment(selector));
  cpu.setSegment(SS, virtualSegment(stackSelector));
  DATA_SEGMENTS.forEach((segment, index) => {
    cpu.setSegment(segment, virtualSegment(dataSelectors[index]));
  });
  cpu.setGpr(ESP, esp);
  cpu.eip = eip & 0xffff;
  cpu.writeEflags(flags, FLAGS_DEFINED);
  cpu.cpl = 3;
}
