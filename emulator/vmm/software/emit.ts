import {
  ENTRY_CALLOUT,
  ENTRY_LINEAR,
  GS_INTERRUPT_FLAG,
  GS_PENDING,
  GS_SITE,
  GS_SPILL_ECX,
  GS_TARGET,
  GS_TARGETS,
} from './area.js';
import type { Emitter } from './emitter.js';
import { JUMP_BYTES } from './emitter.js';
import type { GuestPoint } from './point.js';
import type { GuestInstruction, TranslationUnit } from './unit.js';

/** What emission needs of the cache. */
export interface Linker {
  /**
   * Where a jump to guest `eip` shall go: a translation, a continuation or the lookup.
   * @param fieldLinear the jump's rel32 field, for chaining it later.
   */
  link(eip: number, fieldLinear: number): number;
  /** Registers a callout. @returns its site number. */
  callout(instruction: GuestInstruction): number;
}

/** At least as many bytes as any unit's translation has: the longest form is sti with 60 bytes. */
export const MAX_FRAGMENT_BYTES = 1024;

const exact = (eip: number): GuestPoint => ({ kind: 'exact', eip });
const spilled = (eip: number): GuestPoint => ({ kind: 'spilled', eip });
const TARGET_IN_ECX: GuestPoint = { kind: 'target-in-ecx', eip: 0 };
const TARGET_IN_SLOT: GuestPoint = { kind: 'target-in-slot', eip: 0 };

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
  switch (form.kind) {
    case 'ident':
      emitter.copy(exact(eip), bytes);
      break;
    case 'jump':
      // The jump itself is nothing but the way to its target, so the guest may already stand there.
      emitJump(emitter, form.target, linker);
      break;
    case 'branch':
      emitter.jumpIf(exact(eip), form.condition, linker.link(form.target, emitter.linear + 2));
      emitJump(emitter, next, linker);
      break;
    case 'loop': // only reaches 127 bytes, so it jumps to a jump
      emitter.copy(exact(eip), [...form.head, 2]);
      emitter.skip(exact(next), JUMP_BYTES);
      emitJump(emitter, form.target, linker);
      emitJump(emitter, next, linker);
      break;
    case 'call':
      emitter.pushImmediate(exact(eip), next);
      emitJump(emitter, form.target, linker);
      break;
    case 'indirect-jump':
      emitter.storeEcx(exact(eip), GS_SPILL_ECX);
      emitter.copy(spilled(eip), form.load);
      emitLookup(emitter);
      break;
    case 'indirect-call':
      emitter.storeEcx(exact(eip), GS_SPILL_ECX);
      emitter.copy(spilled(eip), form.load);
      emitter.pushImmediate(spilled(eip), next);
      emitLookup(emitter);
      break;
    case 'return':
      emitter.storeEcx(exact(eip), GS_SPILL_ECX);
      if (form.popBytes === 0) emitter.popEcx(spilled(eip));
      else {
        emitter.loadEcxFromStack(spilled(eip));
        emitter.addToEsp(spilled(eip), 4 + form.popBytes);
      }
      emitLookup(emitter);
      break;
    case 'cli':
      emitter.storeImmediate(exact(eip), GS_INTERRUPT_FLAG, 0);
      break;
    case 'sti':
      emitSetInterruptFlag(emitter, instruction, linker);
      break;
    case 'callout':
      emitCallout(emitter, instruction, linker);
      break;
    default:
      form satisfies never;
  }
}

/** With the target in ecx and the guest's ecx spilled: through the table, keyed by the low 8 bits; the target verifies the rest. */
function emitLookup(emitter: Emitter): void {
  emitter.storeEcx(TARGET_IN_ECX, GS_TARGET);
  emitter.zeroExtendCl(TARGET_IN_SLOT);
  emitter.jumpThroughTable(TARGET_IN_SLOT, GS_TARGETS);
}

/** The virtual flag is set last, so that an interrupt that finds the guest before it finds it at the sti. */
function emitSetInterruptFlag(emitter: Emitter, instruction: GuestInstruction, linker: Linker): void {
  const { eip } = instruction;
  const restoreBytes = 7;
  const calloutBytes = 16;
  emitter.storeEcx(exact(eip), GS_SPILL_ECX);
  emitter.loadEcx(spilled(eip), GS_PENDING);
  emitter.skipIfEcxZero(spilled(eip), restoreBytes + calloutBytes);
  emitter.loadEcx(spilled(eip), GS_SPILL_ECX);
  emitCallout(emitter, instruction, linker);
  emitter.loadEcx(spilled(eip), GS_SPILL_ECX);
  emitter.storeImmediate(exact(eip), GS_INTERRUPT_FLAG, 1);
}

function emitCallout(emitter: Emitter, instruction: GuestInstruction, linker: Linker): void {
  emitter.storeImmediate(exact(instruction.eip), GS_SITE, linker.callout(instruction));
  emitter.jump(exact(instruction.eip), ENTRY_LINEAR + ENTRY_CALLOUT);
}
