import { SourceError, type Span } from './diagnostics.js';
import type { InstructionEncoder, Site } from './encoder.js';
import { baseOf, type Base } from './evaluate.js';
import type { Form } from './forms.js';
import { fits, hasKeywordSize, type Argument, type Candidate } from './match.js';
import { formsOfName } from './mnemonics.js';
import { describeMismatch } from './mismatch.js';
import type { Operand, Prefixes } from './statement.js';
import { readings, type Reading } from './sugar.js';

/** An instruction of the source with its operands evaluated for one pass. */
export interface InstructionRequest {
  readonly mnemonic: string;
  readonly prefixes: Prefixes;
  readonly operands: readonly Operand[];
  readonly args: readonly Argument[];
  readonly site: Site;
  /** The section it stands in: a branch within it may be short, a branch out of it never is. */
  readonly base: Base | null;
  readonly mnemonicSpan: Span;
  /** Bytes it may not be shorter than; grows when passes do not settle. */
  readonly minimumBytes: number;
}

/** The form chosen and its bytes. */
export interface Encoding {
  readonly bytes: Uint8Array;
  readonly form: Form;
  /** The arguments in the order of the form's slots. */
  readonly args: readonly Argument[];
}

/**
 * The encoding of an instruction: of the forms that take its operands, the shortest, and among equals the one
 * NASM lists first. Throws SourceError when no form fits or the operand size is open.
 */
export function encodeInstruction(request: InstructionRequest, encoder: InstructionEncoder): Encoding {
  const { mnemonic, prefixes, site } = request;
  let found: Found[] = readings(mnemonic, request.args).flatMap((reading) =>
    candidatesOf(reading, site.bits),
  );
  if (found.length === 0) throw new SourceError(...describeMismatch(request));
  found = decideMemorySize(found, request);
  const operandBits = prefixes.operandBits ?? site.bits;
  found = prefer(found, ({ form }) => form.operandBits, operandBits);
  found = prefer(
    found,
    ({ form }) => form.addressBits,
    found[0].addressBits ?? prefixes.addressBits ?? site.bits,
  );
  return shortest(found, request, encoder);
}

interface Found extends Candidate {
  readonly addressBits: 16 | 32 | undefined;
}

function candidatesOf(reading: Reading, bits: 16 | 32): Found[] {
  return formsOfName(reading.mnemonic)
    .filter((form) => (bits === 16 ? form.bits16 : form.bits32))
    .map((form) => ({ form, args: implicit(form, reading.args), addressBits: reading.addressBits }))
    .filter((candidate) => isImplicit(candidate.form, reading.args) || fits(reading.mnemonic, candidate));
}

/** A string instruction is written without operands; its form lists them. */
function isImplicit(form: Form, args: readonly Argument[]): boolean {
  return args.length === 0 && form.slots.length > 0 && form.slots.some((slot) => slot.kind === 'string');
}

function implicit(form: Form, args: readonly Argument[]): readonly Argument[] {
  return isImplicit(form, args) ? [] : args;
}

/** Keeps the forms whose size attribute is the wanted one, when both sizes would do. */
function prefer(found: Found[], attribute: (candidate: Found) => number, wanted: number): Found[] {
  const sizes = new Set(found.map(attribute));
  sizes.delete(0);
  return sizes.size < 2 ? found : found.filter((one) => attribute(one) === 0 || attribute(one) === wanted);
}

const sizeNames: Readonly<Record<number, string>> = {
  1: 'byte',
  2: 'word',
  4: 'dword',
  8: 'qword',
  10: 'tword',
  16: 'oword',
};

/** A memory operand without a size keyword: the other operands must leave one size only. */
function decideMemorySize(found: Found[], request: InstructionRequest): Found[] {
  const { mnemonic, args, operands } = request;
  const position = args.findIndex((arg) => arg.kind === 'memory' && arg.size === undefined);
  if (position < 0 || mnemonic === 'call' || mnemonic === 'jmp') return found;
  const sizes = new Set(found.filter(({ form }) => hasKeywordSize(form)).map(({ form }) => form.memoryBytes));
  if (sizes.size < 2) return found;
  const written = args.find((arg) => arg.kind === 'immediate' && arg.size !== undefined);
  const size = written?.kind === 'immediate' ? written.size : undefined;
  if (size !== undefined && sizes.has(size)) return found.filter(({ form }) => form.memoryBytes === size);
  const names = [...sizes].sort((a, b) => a - b).map((bytes) => sizeNames[bytes]);
  throw new SourceError(
    `operation size not specified: expected ${names.slice(0, -1).join(', ')} or ${names[names.length - 1]} before the brackets`,
    operands[position].span,
  );
}

function shortest(found: Found[], request: InstructionRequest, encoder: InstructionEncoder): Encoding {
  let best: (Encoding & { extended: boolean }) | undefined;
  const branchesOnly = mustBeShort(found);
  for (const candidate of found) {
    if (!branchesOnly && cannotBeShort(candidate, request)) continue;
    const bytes = encoder.encode(candidate, request.site, request.prefixes);
    if (bytes === undefined || bytes.length < request.minimumBytes) continue;
    const extended = candidate.form.slots.some((slot) => slot.kind === 'extended-byte');
    // Of two forms of equal length NASM lists the sign-extended byte first, then iced's order is NASM's.
    const better = best === undefined || bytes.length < best.bytes.length;
    if (better || (best !== undefined && bytes.length === best.bytes.length && extended && !best.extended)) {
      best = { bytes, form: candidate.form, args: candidate.args, extended };
    }
  }
  if (best !== undefined) return best;
  if (request.minimumBytes > 0) return shortest(found, { ...request, minimumBytes: 0 }, encoder);
  throw outOfRange(request);
}

/** Whether every form left is a short branch (loop, jcxz, or `short` written). */
function mustBeShort(found: Found[]): boolean {
  return found.every(({ form }) =>
    form.slots.some((slot) => slot.kind === 'branch' && slot.displacementBytes === 1),
  );
}

/** No short branch reaches further than this from its first byte, whatever its prefixes. */
const shortReachBytes = 150n;

/**
 * Whether a candidate is a short branch that is not worth trying: out of reach, or to another section or a
 * fixed address, which NASM makes near.
 */
function cannotBeShort({ form, args }: Candidate, { base, site }: InstructionRequest): boolean {
  return form.slots.some((slot, index) => {
    const arg = args[index];
    if (slot.kind !== 'branch' || slot.displacementBytes !== 1 || arg?.kind !== 'immediate') return false;
    const distance = arg.value.number - site.address;
    return (
      arg.value.known &&
      (baseOf(arg.value) !== base || distance > shortReachBytes || distance < -shortReachBytes)
    );
  });
}

function outOfRange({ operands, args, site, mnemonic, mnemonicSpan }: InstructionRequest): SourceError {
  const position = args.findIndex((arg) => arg.kind === 'immediate');
  const target = args[position];
  const distance = target?.kind === 'immediate' ? target.value.number - site.address : 0n;
  return new SourceError(
    `short jump is out of range: '${mnemonic}' reaches -128 to +127 bytes from its end, the target is ${distance} bytes from its start`,
    operands[position]?.span ?? mnemonicSpan,
  );
}
