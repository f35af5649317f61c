import type { EffectiveAddress } from './address.js';
import { isScalar, type Value } from './evaluate.js';
import type { Form, Slot } from './forms.js';
import type { RegisterName } from './registers.js';
import type { Distance, SizeBytes } from './statement.js';

/** An operand with its expressions evaluated for this pass. */
export type Argument =
  | { readonly kind: 'register'; readonly register: RegisterName; readonly to: boolean }
  | {
      readonly kind: 'memory';
      readonly address: EffectiveAddress;
      readonly size?: SizeBytes;
      readonly distance?: Distance;
    }
  | {
      readonly kind: 'immediate';
      readonly value: Value;
      readonly size?: SizeBytes;
      readonly strict: boolean;
      readonly distance?: Distance;
    }
  | { readonly kind: 'far'; readonly segment: Value; readonly offset: Value; readonly size?: SizeBytes };

/** A form that takes the arguments, with the arguments in the order of its slots. */
export interface Candidate {
  readonly form: Form;
  readonly args: readonly Argument[];
}

/** Sizes a keyword can give a memory operand; forms of other sizes (lgdt, fsave) take no keyword. */
const keywordSizes = new Set([1, 2, 4, 8, 10, 16]);

export function hasKeywordSize(form: Form): boolean {
  return keywordSizes.has(form.memoryBytes);
}

/** Instructions that read 16 bits whatever the operand size: their 16-bit operand needs no prefix. */
const widthless = new Set(['arpl', 'lldt', 'ltr', 'lmsw', 'verr', 'verw']);

/** Whether a form takes these arguments. `mnemonic` is the lower-case name in the source. */
export function fits(mnemonic: string, { form, args }: Candidate): boolean {
  if (args.length !== form.slots.length) return false;
  return form.slots.every((slot, index) => slotFits(mnemonic, form, slot, args[index], index));
}

function slotFits(mnemonic: string, form: Form, slot: Slot, arg: Argument, index: number): boolean {
  switch (slot.kind) {
    case 'register':
      if (arg.kind !== 'register') return false;
      return arg.register.class === (mnemonic === 'arpl' ? 'r16' : slot.class);
    case 'fixed':
      return arg.kind === 'register' && arg.register.name === slot.register;
    case 'register-or-memory':
      if (arg.kind === 'register') {
        if (widthless.has(mnemonic)) return arg.register.class === 'r16';
        return arg.register.class === slot.class || takesEitherWidth(mnemonic, form, arg.register, index);
      }
      return memoryFits(mnemonic, form, arg);
    case 'memory':
      return memoryFits(mnemonic, form, arg);
    case 'direct-address':
      return arg.kind === 'memory' && arg.address.direct && memoryFits(mnemonic, form, arg);
    case 'immediate':
      return arg.kind === 'immediate' && arg.distance === undefined && immediateFits(arg, slot.bytes);
    case 'extended-byte':
      return arg.kind === 'immediate' && extendedByteFits(arg, slot.operandBytes);
    case 'one':
      return arg.kind === 'immediate' && arg.size === undefined && !arg.strict && isOne(arg.value);
    case 'branch':
      return arg.kind === 'immediate' && branchFits(mnemonic, arg, slot);
    case 'far-pointer':
      return arg.kind === 'far' && (arg.size === undefined || arg.size === slot.offsetBytes);
    case 'string':
      return false;
  }
}

function takesEitherWidth(mnemonic: string, form: Form, register: RegisterName, index: number): boolean {
  const wide = register.class === 'r16' || register.class === 'r32';
  if (mnemonic === 'mov') return wide && index === 1 && isSegmentSlot(form.slots[0]);
  // lar and lsl read a 16-bit selector from a register of any width.
  return (mnemonic === 'lar' || mnemonic === 'lsl') && index === 1 && wide;
}

function isSegmentSlot(slot: Slot): boolean {
  return slot.kind === 'register' && slot.class === 'segment';
}

function memoryFits(mnemonic: string, form: Form, arg: Argument): boolean {
  if (arg.kind !== 'memory') return false;
  if (mnemonic === 'call' || mnemonic === 'jmp') {
    if (form.farMemory !== (arg.distance === 'far')) return false;
    return arg.size === undefined || arg.size * 8 === form.operandBits;
  }
  if (arg.distance !== undefined) return false;
  return arg.size === undefined || arg.size === form.memoryBytes || mnemonic === 'lea';
}

function immediateFits(arg: Extract<Argument, { kind: 'immediate' }>, bytes: number): boolean {
  return arg.size === undefined || arg.size === bytes;
}

function extendedByteFits(arg: Extract<Argument, { kind: 'immediate' }>, operandBytes: number): boolean {
  if (arg.distance !== undefined) return false;
  if (arg.size === 1) return true;
  if (arg.size !== undefined && (arg.size !== operandBytes || arg.strict)) return false;
  if (arg.strict || !arg.value.known || !isScalar(arg.value)) return false;
  const signed = BigInt.asIntN(operandBytes * 8, arg.value.number);
  return signed >= -128n && signed <= 127n;
}

function isOne(value: Value): boolean {
  return value.known && isScalar(value) && value.number === 1n;
}

function branchFits(
  mnemonic: string,
  arg: Extract<Argument, { kind: 'immediate' }>,
  slot: Extract<Slot, { kind: 'branch' }>,
): boolean {
  if (arg.distance === 'far') return false;
  // loop and jcxz are always short and take no keyword; conditional jumps take a distance but no size.
  if (/^(loop|jcxz$|jecxz$)/.test(mnemonic) && (arg.distance !== undefined || arg.size !== undefined))
    return false;
  if (arg.size !== undefined && mnemonic !== 'jmp' && mnemonic !== 'call') return false;
  if (arg.distance === 'short' && slot.displacementBytes !== 1) return false;
  if (arg.distance === 'near' && slot.displacementBytes === 1) return false;
  // A size names the near form of that width.
  if (arg.size === undefined) return true;
  return slot.displacementBytes !== 1 && arg.size * 8 === slot.targetBits;
}
