import { EAX, ECX, EDX } from '../../arch/registers.js';
import { FLAG_IF } from '../../arch/flags.js';
import {
  GS_CR8,
  GS_CR8_REFUSED,
  GS_HELD_OFF,
  GS_INTERRUPT_FLAG,
  GS_NEXT_INTERRUPT_FLAG,
  GS_PENDING,
  GS_POPF_INTERRUPT_FLAG,
  GS_POPF_REFUSED,
  GS_RESULT,
  GS_SPILL_EAX,
  GS_SPILL_ECX,
  GS_SPILL_EDX,
  GS_SPILL_FLAGS,
  GS_SYSTEM_FLAGS,
  GS_TSC_OFFSET,
} from './area.js';
import type { Linker } from './emit.js';
import type { Emitter } from './emitter.js';
import { JUMP_BYTES } from './emitter.js';
import { HELD_EAX, HELD_ECX, HELD_EDX, HELD_ESP, HELD_FLAGS, HELD_INTERRUPT_FLAG, exact } from './point.js';
import type { GuestInstruction } from './unit.js';

/**
 * Emulation without leaving the translation cache (the paper's section 3.2: "in-TC"). Each sequence can be left at
 * any of its instructions: until the one that commits, the guest stands at the emulated instruction and is
 * resumed at its beginning; from there on it stands behind it.
 */

/** Guest instructions with what their emulation needs to know: where they are, and where the next one is. */
function places({ eip, bytes }: GuestInstruction): { eip: number; next: number } {
  return { eip, next: (eip + bytes.length) >>> 0 };
}

/** To the cold callout unless ecx is 0. */
function refuseUnlessEcxZero(
  emitter: Emitter,
  instruction: GuestInstruction,
  held: number,
  linker: Linker,
): void {
  const at = exact(instruction.eip, held);
  emitter.skipIfEcxZero(at, JUMP_BYTES);
  emitter.jump(at, linker.coldCallout(instruction, held));
}

/** sti. With an interrupt waiting it is the monitor's. */
export function emitSetInterruptFlag(emitter: Emitter, instruction: GuestInstruction, linker: Linker): void {
  const { eip } = places(instruction);
  const held = exact(eip, HELD_ECX);
  emitter.store(exact(eip), GS_SPILL_ECX, ECX);
  emitter.load(held, ECX, GS_PENDING);
  refuseUnlessEcxZero(emitter, instruction, HELD_ECX, linker);
  emitter.load(held, ECX, GS_SPILL_ECX);
  // Last, so that an interrupt that finds the guest before it finds it at the sti.
  emitter.storeImmediate(exact(eip), GS_INTERRUPT_FLAG, FLAG_IF);
}

/** pushf: what the host pushes has IF set and IOPL and NT clear; the guest's own are added. */
export function emitPushFlags(emitter: Emitter, instruction: GuestInstruction): void {
  const { eip, next } = places(instruction);
  const held = HELD_EAX | HELD_ECX;
  const pushed = exact(eip, held | HELD_ESP);
  emitter.store(exact(eip), GS_SPILL_EAX, EAX);
  emitter.store(exact(eip, HELD_EAX), GS_SPILL_ECX, ECX);
  emitter.pushFlags(exact(eip, held));
  emitter.loadEaxFromStack(pushed);
  emitter.load(pushed, ECX, GS_INTERRUPT_FLAG);
  emitter.addEcxToEax(pushed, -FLAG_IF);
  emitter.load(pushed, ECX, GS_SYSTEM_FLAGS);
  emitter.addEcxToEax(pushed, 0);
  emitter.storeEaxToStack(pushed);
  emitter.load(exact(next, held), ECX, GS_SPILL_ECX);
  emitter.load(exact(next, HELD_EAX), EAX, GS_SPILL_EAX);
}

/**
 * popf. In the cache it takes images that change no flag but the arithmetic ones, DF and IF, and set IF only when
 * no interrupt waits; all others are the monitor's. Arithmetic flags stay untouched up to the host's popf.
 */
export function emitPopFlags(emitter: Emitter, instruction: GuestInstruction, linker: Linker): void {
  const { eip, next } = places(instruction);
  const held = HELD_EAX | HELD_ECX;
  const at = exact(eip, held);
  const refuse = () => refuseUnlessEcxZero(emitter, instruction, held, linker);
  emitter.store(exact(eip), GS_SPILL_EAX, EAX);
  emitter.store(exact(eip, HELD_EAX), GS_SPILL_ECX, ECX);
  emitter.loadEaxFromStack(at);
  emitter.zeroExtendAh(at);
  emitter.loadByteOfTable(at, GS_POPF_REFUSED);
  refuse();
  emitter.load(at, ECX, GS_SYSTEM_FLAGS);
  refuse();
  emitter.zeroExtendAh(at);
  emitter.loadOfTable(at, GS_POPF_INTERRUPT_FLAG);
  emitter.store(at, GS_NEXT_INTERRUPT_FLAG, ECX);
  emitter.swapEax(at);
  emitter.zeroExtendAx(at); // bits 31:16 of the image
  refuse();
  emitter.load(at, ECX, GS_NEXT_INTERRUPT_FLAG);
  const pendingCheckBytes = 7 + 2 + JUMP_BYTES;
  emitter.skipIfEcxZero(at, pendingCheckBytes);
  emitter.load(at, ECX, GS_PENDING);
  refuse();
  emitter.popFlags(at);
  emitter.load(exact(next, held | HELD_INTERRUPT_FLAG), ECX, GS_NEXT_INTERRUPT_FLAG);
  emitter.store(exact(next, held | HELD_INTERRUPT_FLAG), GS_INTERRUPT_FLAG, ECX);
  emitter.load(exact(next, held), ECX, GS_SPILL_ECX);
  emitter.load(exact(next, HELD_EAX), EAX, GS_SPILL_EAX);
}

/**
 * mov cr8: in the cache while no interrupt waits for a lower priority, and for a value that the register takes (bits 31:4
 * zero); all else is the monitor's. @param register not ecx.
 */
export function emitWriteTaskPriority(
  emitter: Emitter,
  instruction: GuestInstruction,
  register: number,
  linker: Linker,
): void {
  const { eip } = places(instruction);
  const held = exact(eip, HELD_ECX);
  const refuse = () => refuseUnlessEcxZero(emitter, instruction, HELD_ECX, linker);
  emitter.store(exact(eip), GS_SPILL_ECX, ECX);
  emitter.moveToEcx(held, register);
  emitter.zeroExtendCl(held);
  emitter.subtractEcxFrom(held, register); // bits 31:8
  refuse();
  emitter.moveToEcx(held, register);
  emitter.loadByteOfTable(held, GS_CR8_REFUSED);
  refuse();
  emitter.load(held, ECX, GS_HELD_OFF);
  refuse();
  emitter.load(held, ECX, GS_SPILL_ECX);
  emitter.store(exact(eip), GS_CR8, register);
}

/** rdtsc: the host's counter and the guest's offset to it. */
export function emitReadTimeStamp(emitter: Emitter, instruction: GuestInstruction): void {
  const { eip } = places(instruction);
  const held = exact(eip, HELD_EAX | HELD_EDX);
  const added = exact(eip, HELD_EAX | HELD_EDX | HELD_FLAGS);
  emitter.store(exact(eip), GS_SPILL_EAX, EAX);
  emitter.store(exact(eip, HELD_EAX), GS_SPILL_EDX, EDX);
  emitter.packFlags(held);
  emitter.store(held, GS_SPILL_FLAGS, EAX);
  emitter.readTimeStamp(held);
  emitter.addSlotToEdxEax(added, GS_TSC_OFFSET);
  emitter.store(added, GS_RESULT, EAX);
  emitter.load(added, EAX, GS_SPILL_FLAGS);
  emitter.unpackFlags(added);
  emitter.load(held, EAX, GS_RESULT);
}
