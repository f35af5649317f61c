import { CS, DS, ES, FS, GS, SEGMENT_NAMES } from '../../arch/registers.js';
import type { Operation } from '../../isa/operation.js';
import { prefixCount, throughDs } from './rewrite.js';
import type { CodeMode, TranslationUnit } from './unit.js';

/** A segment prefix names a register that the monitor keeps for itself while translated code runs. */
export function namesMonitorSegment({ segmentOverridden, segment }: Operation): boolean {
  return segmentOverridden && (segment === GS || segment === CS);
}

/** Whether the translation depends on what segments the guest has in GS, CS and DS, beyond the usual. */
export function dependsOnData({ instructions }: TranslationUnit): boolean {
  return instructions.some(({ operation }) => operation !== null && namesMonitorSegment(operation));
}

/** The instruction, as 32-bit code, with its operand in DS in place of GS or CS; null where there is none. */
export function inReach(operation: Operation, bytes: Uint8Array, mode: CodeMode): readonly number[] | null {
  const base = operation.segment === GS ? mode.gsThroughDs : mode.csThroughDs;
  // In protected mode a write through CS faults whatever the segment.
  const readOnly = operation.segment === CS && operation.row.memory !== 'read' && !mode.real;
  return base === null || readOnly ? null : throughDs(bytes, operation, base);
}

/** What is said of an instruction whose operand is moved to DS. */
export function whyMoved({ segment }: Operation): string {
  return `its %${SEGMENT_NAMES[segment]} is in use by the monitor, and %ds reaches the same bytes`;
}

/** What is said of one where that cannot be. */
export function whyOutOfReach({ segment }: Operation): string {
  return `its %${SEGMENT_NAMES[segment]} is in use by the monitor`;
}

/** A read of a selector that the host's register holds just as the guest loaded it: in protected mode, not CS, SS and GS. */
export function readsOwnSelector(operation: Operation, bytes: Uint8Array, mode: CodeMode): boolean {
  if (mode.real) return false;
  const at = prefixCount(bytes);
  const [opcode, second] = bytes.subarray(at);
  if (opcode === 0x8c) {
    const unchanged = operation.reg === ES || operation.reg === DS || operation.reg === FS;
    return unchanged && !namesMonitorSegment(operation);
  }
  return opcode === 0x06 || opcode === 0x1e || (opcode === 0x0f && second === 0xa0);
}
