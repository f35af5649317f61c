import { ECX } from '../../arch/registers.js';
import {
  ENTRY_CALLOUT,
  ENTRY_LINEAR,
  GS_INTERRUPT_FLAG,
  GS_SITE,
  GS_SPILL_ECX,
  GS_TARGET,
  GS_TARGETS,
} from './area.js';
import type { Emitter } from './emitter.js';
import { JUMP_BYTES } from './emitter.js';
import {
  emitPopFlags,
  emitPushFlags,
  emitReadTimeStamp,
  emitSetInterruptFlag,
  emitWriteTaskPriority,
} from './in-cache.js';
import type { GuestPoint } from './point.js';
import { HELD_ECX, TARGET_IN_ECX, TARGET_IN_SLOT, exact } from './point.js';
import type { Form, GuestInstruction, TranslationUnit } from './unit.js';

/** What emission needs of the cache. */
export interface Linker {
  /**
   * Where a jump to guest `eip` shall go: a translation, a continuation or the lookup.
   * @param fieldLinear the jump's rel32 field, for chaining it later.
   */
  link(eip: number, fieldLinear: number): number;
  /** Registers a callout. @returns its site number. */
  callout(instruction: GuestInstruction): number;
  /** Code off the hot path that gives back the registers `held` (of eax and ecx) and then calls out. @returns where it lies. */
  coldCallout(instruction: GuestInstruction, held: number): number;
}

/** More bytes than the translation of any one instruction has; popf with its refusals is the longest. */
export const MAX_INSTRUCTION_BYTES = 160;

/**
 * Writes the translation of a unit.
 * @returns where that of each instruction begins, and at last where that of the last one ends.
 */
export function emitUnit(emitter: Emitter, unit: TranslationUnit, linker: Linker): number[] {
  const starts = unit.instructions.map((instruction) => {
    const start = emitter.linear;
    emitInstruction(emitter, instruction, linker);
    return start;
  });
  starts.push(emitter.linear);
  if (unit.fallThrough !== null) emitJump(emitter, unit.fallThrough, linker);
  return starts;
}

function emitJump(emitter: Emitter, eip: number, linker: Linker): void {
  emitter.jump(exact(eip), linker.link(eip, emitter.linear + 1));
}

function emitInstruction(emitter: Emitter, instruction: GuestInstruction, linker: Linker): void {
  const { eip, bytes, form } = instruction;
  const next = (eip + bytes.length) >>> 0;
  const at = exact(eip);
  const spilled = exact(eip, HELD_ECX);
  switch (form.kind) {
    case 'ident':
      emitter.copy(at, bytes);
      break;
    case 'rewritten':
      emitter.copy(at, form.bytes);
      break;
    case 'jump':
      // The jump itself is nothing but the way to its target, so the guest may already stand there.
      emitJump(emitter, form.target, linker);
      break;
    case 'branch':
      emitter.jumpIf(at, form.condition, linker.link(form.target, emitter.linear + 2));
      emitJump(emitter, next, linker);
      break;
    case 'loop': // only reaches 127 bytes, so it jumps to a jump
      emitter.copy(at, [...form.head, 2]);
      emitter.skip(exact(next), JUMP_BYTES);
      emitJump(emitter, form.target, linker);
      emitJump(emitter, next, linker);
      break;
    case 'call':
      emitter.pushImmediate(at, next, form.wordBytes);
      emitJump(emitter, form.target, linker);
      break;
    case 'indirect-jump':
      emitter.store(at, GS_SPILL_ECX, ECX);
      emitter.copy(spilled, form.load);
      emitLookup(emitter);
      break;
    case 'indirect-call':
      emitter.store(at, GS_SPILL_ECX, ECX);
      emitter.copy(spilled, form.load);
      emitter.pushImmediate(spilled, next, form.wordBytes);
      emitLookup(emitter);
      break;
    case 'return':
      emitter.store(at, GS_SPILL_ECX, ECX);
      emitPopTarget(emitter, spilled, form);
      emitLookup(emitter);
      break;
    case 'cli':
      emitter.storeImmediate(at, GS_INTERRUPT_FLAG, 0);
      break;
    case 'sti':
      emitSetInterruptFlag(emitter, instruction, linker);
      break;
    case 'pushf':
      emitPushFlags(emitter, instruction);
      break;
    case 'popf':
      emitPopFlags(emitter, instruction, linker);
      break;
    case 'rdtsc':
      emitReadTimeStamp(emitter, instruction);
      break;
    case 'write-task-priority':
      emitWriteTaskPriority(emitter, instruction, form.register, linker);
      break;
    case 'read-state':
      emitter.load(at, form.register, form.slot, form.wordBytes);
      break;
    case 'push-state':
      emitter.pushSlot(at, form.slot, form.wordBytes);
      break;
    case 'callout':
    case 'simulate':
      emitter.storeImmediate(at, GS_SITE, linker.callout(instruction));
      emitter.jump(at, ENTRY_LINEAR + ENTRY_CALLOUT);
      break;
    default:
      form satisfies never;
  }
}

/** Return address to ecx, and off the stack. The instruction that moves the stack pointer is the last. */
function emitPopTarget(emitter: Emitter, at: GuestPoint, form: Extract<Form, { kind: 'return' }>): void {
  const { popBytes, wordBytes, stack32 } = form;
  if (popBytes === 0) {
    if (wordBytes === 2) emitter.clearEcx(at);
    emitter.popEcx(at, wordBytes);
    return;
  }
  if (stack32) emitter.loadEcxFromStack(at, wordBytes);
  else emitter.loadEcxFromStack16(at, wordBytes);
  emitter.addToStackPointer(at, wordBytes + popBytes, stack32 ? 4 : 2);
}

/** With the target in ecx and the guest's ecx spilled: through the table, keyed by the low 8 bits; the target verifies the rest. */
function emitLookup(emitter: Emitter): void {
  emitter.store(TARGET_IN_ECX, GS_TARGET, ECX);
  emitter.zeroExtendCl(TARGET_IN_SLOT);
  emitter.jumpThroughTable(TARGET_IN_SLOT, GS_TARGETS);
}
