import { EAX, ECX } from '../../arch/registers.js';
import {
  ENTRY_CALLOUT,
  ENTRY_CONTINUATION,
  ENTRY_LINEAR,
  ENTRY_TARGET_MISS,
  GS_SITE,
  GS_SPILL_EAX,
  GS_SPILL_ECX,
  GS_TARGET,
  GS_TARGETS,
  TARGET_SLOTS,
  TARGET_SLOT_BYTES,
} from './area.js';
import { Emitter, JUMP_BYTES } from './emitter.js';
import { HELD_EAX, HELD_ECX, TARGET_IN_SLOT, exact } from './point.js';
import type { Point } from './point.js';

/** Code off the hot path, at the far end of the translation cache: continuations, lookup prologues, jumps to other pages. */
export interface ColdBlock {
  /** For people. */
  what: string;
  bytes: readonly number[];
  points: readonly Point[];
}

/** Cold code is laid out in units of this size. */
export const COLD_UNIT_BYTES = 16;

/** Enters the monitor to have guest `eip` translated. One unit. */
export function continuationStub(linear: number, site: number, eip: number): ColdBlock {
  const emitter = new Emitter(linear);
  const at = exact(eip);
  emitter.storeImmediate(at, GS_SITE, site);
  emitter.jump(at, ENTRY_LINEAR + ENTRY_CONTINUATION);
  return block(emitter, `continuation 0x${eip.toString(16)}`);
}

/**
 * Where the target table leads for `eip`: verifies the whole address, restores ecx, goes to the translation.
 * Touches no flags. Two units.
 */
export function targetPrologue(linear: number, eip: number, translationLinear: number): ColdBlock {
  const emitter = new Emitter(linear);
  const at = TARGET_IN_SLOT;
  emitter.load(at, ECX, GS_TARGET);
  emitter.subtractFromEcx(at, eip);
  emitter.skipIfEcxZero(at, JUMP_BYTES);
  emitter.jump(at, ENTRY_LINEAR + ENTRY_TARGET_MISS);
  emitter.load(at, ECX, GS_SPILL_ECX);
  emitter.jump(exact(eip), translationLinear);
  return block(emitter, `prologue 0x${eip.toString(16)}`);
}

/** A direct transfer to guest `eip` on another page than its source, through a slot of the target table. Two units. */
export function crossPageLink(linear: number, eip: number, slot: number): ColdBlock {
  const emitter = new Emitter(linear);
  const at = exact(eip);
  emitter.store(at, GS_SPILL_ECX, ECX);
  emitter.storeImmediate(at, GS_TARGET, eip);
  emitter.jumpThroughSlot(at, slot);
  return block(emitter, `lookup 0x${eip.toString(16)}`);
}

/** Gives back the registers `held` and calls out for the instruction at `eip`. Two units. */
export function coldCallout(linear: number, site: number, eip: number, held: number): ColdBlock {
  const emitter = new Emitter(linear);
  if (held & HELD_ECX) emitter.load(exact(eip, held), ECX, GS_SPILL_ECX);
  if (held & HELD_EAX) emitter.load(exact(eip, held & ~HELD_ECX), EAX, GS_SPILL_EAX);
  emitter.storeImmediate(exact(eip), GS_SITE, site);
  emitter.jump(exact(eip), ENTRY_LINEAR + ENTRY_CALLOUT);
  return block(emitter, `callout 0x${eip.toString(16)}`);
}

/** Offset in the data page of the target-table slot for guest `eip`. */
export function targetSlot(eip: number): number {
  return GS_TARGETS + (eip & (TARGET_SLOTS - 1)) * TARGET_SLOT_BYTES;
}

function block({ bytes, points }: Emitter, what: string): ColdBlock {
  return { bytes, points, what };
}
