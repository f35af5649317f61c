import type { Span } from './diagnostics.js';
import type { Form, Slot } from './forms.js';
import type { Argument } from './match.js';
import { formsOfName } from './mnemonics.js';
import type { InstructionRequest } from './select.js';

/** Forms shown in one message before the rest are counted. */
const shownForms = 6;

const sizeNames: Readonly<Record<number, string>> = {
  1: 'byte',
  2: 'word',
  4: 'dword',
  8: 'qword',
  10: 'tword',
  16: 'oword',
};

/** Message and place for operands that no form of the mnemonic takes: what was found, what would fit. */
export function describeMismatch(request: InstructionRequest): [string, Span] {
  const { mnemonic, args, operands, site, mnemonicSpan } = request;
  const wide = operands.find((operand) => operand.kind === 'register' && operand.register.class === 'r64');
  if (wide !== undefined) return ['64-bit registers do not exist in 16-bit and 32-bit code', wide.span];
  const forms = formsOfName(mnemonic).filter((form) => (site.bits === 16 ? form.bits16 : form.bits32));
  if (forms.length === 0) return [`'${mnemonic}' does not exist in ${site.bits}-bit code`, mnemonicSpan];
  const found = args.length === 0 ? 'no operands' : args.map(describeArgument).join(', ');
  const texts = [...new Set(forms.map(describeForm))];
  const more = texts.length > shownForms ? `; ${texts.length - shownForms} more` : '';
  const expected = texts.slice(0, shownForms).join(' | ') + more;
  return [`'${mnemonic}' does not take ${found}: expected ${expected}`, mnemonicSpan];
}

function describeArgument(arg: Argument): string {
  switch (arg.kind) {
    case 'register':
      return arg.register.name;
    case 'memory':
      return `${arg.distance === undefined ? '' : `${arg.distance} `}${arg.size === undefined ? '' : `${sizeNames[arg.size]} `}memory`;
    case 'immediate':
      return `${arg.distance ?? ''}${arg.distance ? ' ' : ''}${arg.size === undefined ? '' : `${sizeNames[arg.size]} `}number`;
    case 'far':
      return 'selector:offset';
  }
}

function describeForm(form: Form): string {
  const slots = form.slots.filter((slot) => slot.kind !== 'string');
  const implicit = slots.length < form.slots.length;
  if (slots.length === 0 || implicit) return 'no operands';
  return slots.map((slot) => describeSlot(slot, form)).join(', ');
}

function describeSlot(slot: Slot, form: Form): string {
  const size = sizeNames[form.memoryBytes];
  const memory = form.farMemory ? 'far memory' : size === undefined ? 'memory' : `${size} memory`;
  switch (slot.kind) {
    case 'register':
      return slot.class;
    case 'register-or-memory':
      return `${slot.class}/${memory}`;
    case 'memory':
    case 'direct-address':
      return memory;
    case 'fixed':
      return slot.register;
    case 'immediate':
      return `imm${slot.bytes * 8}`;
    case 'extended-byte':
      return 'imm8';
    case 'one':
      return '1';
    case 'branch':
      return 'label';
    case 'far-pointer':
      return 'selector:offset';
    case 'string':
      return '';
  }
}
