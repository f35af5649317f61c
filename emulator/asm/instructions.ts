import { displacementFits, resolveAddress } from './address.js';
import { SourceError, type DiagnosticSink } from './diagnostics.js';
import { warnExtendedByte, warnOverflow } from './emit-data.js';
import { encodePrefixes, type InstructionEncoder, type Site } from './encoder.js';
import {
  evaluate,
  isScalar,
  placed,
  type AddressHint,
  type Base,
  type Scope,
  type Value,
} from './evaluate.js';
import type { Expression } from './expression.js';
import type { Argument } from './match.js';
import { formsOfName } from './mnemonics.js';
import { encodeInstruction, type Encoding } from './select.js';
import type { Body, Operand } from './statement.js';
import { sameValue } from './symbols.js';

export type InstructionBody = Extract<Body, { kind: 'instruction' }>;

/** What an instruction needs to know of the pass it is encoded in. */
export interface InstructionPlace {
  readonly site: Site;
  readonly scope: Scope;
  /** The section it stands in, null after `absolute`. */
  readonly base: Base | null;
  /** Sizes have not settled for long: from now on it may not get shorter. */
  readonly growOnly: boolean;
  readonly sink: DiagnosticSink;
}

interface Encoded {
  readonly site: Site;
  readonly args: readonly Argument[];
  readonly encoding: Encoding;
}

/** Evaluates operands and encodes instructions; what did not change since the pass before is not done again. */
export class Instructions {
  readonly #encodings = new Map<InstructionBody, Encoded>();

  constructor(readonly encoder: InstructionEncoder) {}

  /** The bytes of an instruction at a place. Throws SourceError when no form takes its operands. */
  encode(body: InstructionBody, place: InstructionPlace): Uint8Array {
    const { site, base, growOnly } = place;
    if (body.mnemonic === '') return encodePrefixes(body.prefixes, site.bits);
    const args = body.operands.map((operand) => argumentOf(operand, body, place));
    const cached = this.#encodings.get(body);
    let encoding = cached?.encoding;
    if (
      encoding === undefined ||
      cached === undefined ||
      !sameRequest(cached, site, args, isRelative(body.mnemonic))
    ) {
      const minimumBytes = growOnly ? (encoding?.bytes.length ?? 0) : 0;
      encoding = encodeInstruction({ ...body, args, site, base, minimumBytes }, this.encoder);
      this.#encodings.set(body, { site, args, encoding });
    }
    warnImmediates(body, encoding, place.sink);
    return encoding.bytes;
  }
}

/** Warns of numbers that lose bits in the form chosen. */
function warnImmediates(body: InstructionBody, { form, args }: Encoding, sink: DiagnosticSink): void {
  form.slots.forEach((slot, index) => {
    const arg = args[index];
    if (arg?.kind !== 'immediate' || !arg.value.known || !isScalar(arg.value)) return;
    const span = body.operands.find(({ kind }) => kind === 'immediate')?.span ?? body.mnemonicSpan;
    const { number } = arg.value;
    if (slot.kind === 'immediate') warnOverflow(number, slot.bytes, span, sink);
    if (slot.kind === 'extended-byte') warnExtendedByte(number, slot.operandBytes, span, sink);
  });
}

function argumentOf(
  operand: Operand,
  body: InstructionBody,
  { scope, site, sink }: InstructionPlace,
): Argument {
  const size = operand.size === undefined ? {} : { size: operand.size };
  const distance = operand.distance === undefined ? {} : { distance: operand.distance };
  switch (operand.kind) {
    case 'register':
      return { kind: 'register', register: operand.register, to: operand.to };
    case 'immediate': {
      const value = operandValue(operand.value, scope);
      // A branch to a label not yet seen starts out short: take it to be near by.
      const number = value.known ? value.number : site.address;
      return {
        kind: 'immediate',
        value: { ...value, number },
        strict: operand.strict,
        ...size,
        ...distance,
      };
    }
    case 'far':
      return {
        kind: 'far',
        segment: operandValue(operand.segment, scope),
        offset: operandValue(operand.offset, scope),
        ...size,
      };
    case 'memory': {
      const hint: AddressHint = {};
      const value = placed(evaluate(operand.address, scope, hint));
      const segment = operand.segment ?? body.prefixes.segment;
      const address = resolveAddress({
        value,
        hint,
        nosplit: operand.nosplit,
        defaultBits: body.prefixes.addressBits ?? site.bits,
        span: operand.span,
        ...(segment && { segment }),
        ...(operand.displacementBytes && { displacementBytes: operand.displacementBytes }),
      });
      const { addressBits = address.addressBits } = body.prefixes;
      if (addressBits !== address.addressBits) {
        throw new SourceError(
          `'a${addressBits}' contradicts this ${address.addressBits}-bit address`,
          operand.span,
        );
      }
      if (!displacementFits(address, value)) {
        warnOverflow(value.number, address.displacementBytes, operand.address.span, sink);
      }
      return { kind: 'memory', address, ...size, ...distance };
    }
  }
}

function operandValue(expression: Expression, scope: Scope): Value {
  const value = evaluate(expression, scope);
  if (value.registers.length > 0) {
    throw new SourceError('a sum with registers is an address: write it in brackets', expression.span);
  }
  if (value.bases.length > 1 || value.bases.some(({ coefficient }) => coefficient !== 1n)) {
    throw new SourceError('labels of different sections have no fixed difference or sum', expression.span);
  }
  return placed(value);
}

const relativeMnemonics = new Map<string, boolean>();

/** Whether a mnemonic's bytes depend on where it stands. */
export function isRelative(mnemonic: string): boolean {
  let relative = relativeMnemonics.get(mnemonic);
  if (relative === undefined) {
    relative = formsOfName(mnemonic).some((form) => form.slots.some((slot) => slot.kind === 'branch'));
    relativeMnemonics.set(mnemonic, relative);
  }
  return relative;
}

/** Whether an instruction would be encoded as before: nothing its bytes depend on besides its text has changed. */
function sameRequest(before: Encoded, site: Site, args: readonly Argument[], relative: boolean): boolean {
  if (before.site.bits !== site.bits || (relative && before.site.address !== site.address)) return false;
  return args.every((arg, index) => sameArgument(before.args[index], arg));
}

function sameArgument(before: Argument, now: Argument): boolean {
  switch (now.kind) {
    case 'register':
      return true;
    case 'immediate':
      return before.kind === 'immediate' && sameValue(before.value, now.value);
    case 'far':
      return (
        before.kind === 'far' &&
        sameValue(before.segment, now.segment) &&
        sameValue(before.offset, now.offset)
      );
    case 'memory':
      return (
        before.kind === 'memory' &&
        before.address.displacement === now.address.displacement &&
        before.address.displacementBytes === now.address.displacementBytes
      );
  }
}
