import { SourceError, type Span } from './diagnostics.js';
import { isScalar, type AddressHint, type Term, type Value } from './evaluate.js';
import type { RegisterName } from './registers.js';
import type { SizeBytes } from './statement.js';

/** A memory operand ready to encode. */
export interface EffectiveAddress {
  readonly addressBits: 16 | 32;
  readonly base?: RegisterName;
  readonly index?: RegisterName;
  readonly scale: 1 | 2 | 4 | 8;
  readonly displacement: bigint;
  /** Bytes of displacement to encode; 0 when there is none (the encoder adds one where a form requires it). */
  readonly displacementBytes: 0 | 1 | 2 | 4;
  readonly segment?: RegisterName;
  /** No registers: forms with a direct address fit. */
  readonly direct: boolean;
}

/** What the brackets asked for besides the sum. */
export interface AddressRequest {
  readonly value: Value;
  readonly hint: AddressHint;
  readonly segment?: RegisterName;
  readonly displacementBytes?: SizeBytes;
  readonly nosplit: boolean;
  /** Address size when no register and no keyword says one. */
  readonly defaultBits: 16 | 32;
  readonly span: Span;
}

/** Resolves the sum in brackets to base, index, scale and displacement, by NASM's rules. */
export function resolveAddress(request: AddressRequest): EffectiveAddress {
  const { value, span, displacementBytes } = request;
  if (displacementBytes !== undefined && displacementBytes > 4) {
    throw new SourceError('a displacement has byte, word or dword size', span);
  }
  const { registers } = value;
  for (const { of } of registers) {
    if (of.class === 'r16' || of.class === 'r32') continue;
    const kind = of.class === 'r64' ? 'a 64-bit register' : 'not an address register';
    throw new SourceError(`'${of.name}' is ${kind}: expected 16-bit or 32-bit general registers`, span);
  }
  if (registers.length === 0) return direct(request);
  const classes = new Set(registers.map(({ of }) => of.class));
  if (classes.size > 1) throw new SourceError('an address cannot mix 16-bit and 32-bit registers', span);
  return classes.has('r16') ? address16(request) : address32(request);
}

function direct(request: AddressRequest): EffectiveAddress {
  const { displacementBytes, defaultBits, segment, value } = request;
  const addressBits = displacementBytes === 2 ? 16 : displacementBytes === 4 ? 32 : defaultBits;
  return {
    addressBits,
    scale: 1,
    displacement: value.number,
    displacementBytes: addressBits === 16 ? 2 : 4,
    direct: true,
    ...(segment && { segment }),
  };
}

/** Bytes of displacement beside registers: a plain number may be short, an address never is. */
function displacementSize(request: AddressRequest, addressBits: 16 | 32): 0 | 1 | 2 | 4 {
  const { value, displacementBytes, span } = request;
  const full = addressBits === 16 ? 2 : 4;
  if (displacementBytes === 1) return 1;
  if (displacementBytes !== undefined && displacementBytes !== full) {
    throw new SourceError(
      `a ${addressBits}-bit address has a displacement of byte or ${full === 2 ? 'word' : 'dword'} size`,
      span,
    );
  }
  if (displacementBytes === full || value.bases.length > 0) return full;
  const signed = BigInt.asIntN(addressBits, value.number);
  if (signed === 0n) return 0;
  return signed >= -128n && signed <= 127n ? 1 : full;
}

/** The pairs 16-bit addressing has (AMD APM volume 3, "16-Bit Addressing"), base first. */
const pairs16 = ['bx+si', 'bx+di', 'bp+si', 'bp+di', 'si', 'di', 'bp', 'bx'];

function address16(request: AddressRequest): EffectiveAddress {
  const { value, span, segment } = request;
  const named = value.registers.map(({ of }) => of);
  const isBase = (one: RegisterName) => one.name === 'bx' || one.name === 'bp';
  const ordered = named.length === 2 && !isBase(named[0]) ? [named[1], named[0]] : named;
  const pair = ordered.map(({ name }) => name).join('+');
  if (value.registers.some(({ coefficient }) => coefficient !== 1n) || !pairs16.includes(pair)) {
    throw new SourceError(
      `no such 16-bit address: expected one of ${pairs16.join(', ')}, plus a number`,
      span,
    );
  }
  const [first, second] = ordered;
  return {
    addressBits: 16,
    base: first,
    ...(second && { index: second }),
    scale: 1,
    displacement: value.number,
    displacementBytes: displacementSize(request, 16),
    direct: false,
    ...(segment && { segment }),
  };
}

function address32(request: AddressRequest): EffectiveAddress {
  const { value, segment, span } = request;
  const { base, index, scale } = baseAndIndex(value.registers, request.hint, request.nosplit, span);
  // An index without a base always carries a 32-bit displacement (mod 00 with base field 101).
  const displacementBytes = base === undefined ? 4 : displacementSize(request, 32);
  return {
    addressBits: 32,
    ...(base && { base }),
    ...(index && { index }),
    scale,
    displacement: value.number,
    displacementBytes,
    direct: false,
    ...(segment && { segment }),
  };
}

interface BaseAndIndex {
  base?: RegisterName;
  index?: RegisterName;
  scale: 1 | 2 | 4 | 8;
}

function isScale(scale: bigint): boolean {
  return scale === 1n || scale === 2n || scale === 4n || scale === 8n;
}

/**
 * Which register is base and which is index (NASM manual 2.16, "Effective Addresses"): a register times 2, 3,
 * 5 or 9 is split into base and index unless `nosplit`; between two unscaled registers the first named is the
 * base; esp can only be a base.
 */
function baseAndIndex(
  terms: readonly Term<RegisterName>[],
  hint: AddressHint,
  nosplit: boolean,
  span: Span,
): BaseAndIndex {
  const invalid = (why: string): never => {
    throw new SourceError(`not a 32-bit address: ${why}; expected base + index*1/2/4/8 + displacement`, span);
  };
  if (terms.length > 2) invalid(`${terms.length} registers`);
  if (terms.length === 1) {
    const [{ of, coefficient }] = terms;
    const multiplied = hint.role === 'index' && hint.register === of;
    if (coefficient === 1n) {
      if (nosplit && multiplied && of.name !== 'esp') return { index: of, scale: 1 };
      return { base: of, scale: 1 };
    }
    const split = coefficient === 3n || coefficient === 5n || coefficient === 9n;
    if (split || (coefficient === 2n && (!nosplit || hint.summed === true))) {
      if (of.name === 'esp') invalid('esp cannot be scaled');
      return { base: of, index: of, scale: Number(coefficient - 1n) as 1 | 2 | 4 | 8 };
    }
    if (!isScale(coefficient)) invalid(`scale ${coefficient}`);
    if (of.name === 'esp') invalid('esp cannot be scaled');
    return { index: of, scale: Number(coefficient) as 2 | 4 | 8 };
  }
  let [base, index] = terms;
  if (base.coefficient !== 1n) [base, index] = [index, base];
  if (base.coefficient !== 1n) invalid('two scaled registers');
  if (!isScale(index.coefficient)) invalid(`scale ${index.coefficient}`);
  if (index.coefficient === 1n) {
    const swap = hint.role === 'index' ? hint.register === base.of : hint.register === index.of;
    if (swap) [base, index] = [index, base];
    if (index.of.name === 'esp') [base, index] = [index, base];
  }
  if (index.of.name === 'esp') invalid('esp cannot be an index');
  return { base: base.of, index: index.of, scale: Number(index.coefficient) as 1 | 2 | 4 | 8 };
}

/** Whether the displacement is a plain number that fits its encoding; a warning is due when not. */
export function displacementFits(address: EffectiveAddress, value: Value): boolean {
  if (!isScalar({ ...value, registers: [] }) || address.displacementBytes === 0) return true;
  const bits = address.displacementBytes * 8;
  return value.number >= -(1n << BigInt(bits - 1)) && value.number < 1n << BigInt(bits);
}
