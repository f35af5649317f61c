import {
  ENTRY_CONTINUATION,
  ENTRY_LINEAR,
  ENTRY_TARGET_MISS,
  GS_SITE,
  GS_SPILL_ECX,
  GS_TARGET,
  GS_TARGETS,
  TARGET_SLOTS,
  TARGET_SLOT_BYTES,
} from './area.js';
import { Emitter, JUMP_BYTES } from './emitter.js';
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
  const at = { kind: 'exact', eip } as const;
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
  const at = { kind: 'target-in-slot', eip: 0 } as const;
  emitter.loadEcx(at, GS_TARGET);
  emitter.subtractFromEcx(at, eip);
  emitter.skipIfEcxZero(at, JUMP_BYTES);
  emitter.jump(at, ENTRY_LINEAR + ENTRY_TARGET_MISS);
  emitter.loadEcx(at, GS_SPILL_ECX);
  emitter.jump({ kind: 'exact', eip }, translationLinear);
  return block(emitter, `prologue 0x${eip.toString(16)}`);
}

/** A direct transfer to guest `eip` on another page than its source, through the target table. Two units. */
export function crossPageLink(linear: number, eip: number): ColdBlock {
  const emitter = new Emitter(linear);
  const at = { kind: 'exact', eip } as const;
  emitter.storeEcx(at, GS_SPILL_ECX);
  emitter.storeImmediate(at, GS_TARGET, eip);
  emitter.jumpThroughSlot(at, targetSlot(eip));
  return block(emitter, `lookup 0x${eip.toString(16)}`);
}

/** Offset in the data page of the target-table slot for guest `eip`. */
export function targetSlot(eip: number): number {
  return GS_TARGETS + (eip & (TARGET_SLOTS - 1)) * TARGET_SLOT_BYTES;
}

function block({ bytes, points }: Emitter, what: string): ColdBlock {
  return { bytes, points, what };
}
