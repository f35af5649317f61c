import { MAX_INSTRUCTION_BYTES, decode } from '../../isa/decoder.js';
import type { Operation } from '../../isa/operation.js';
import { prefixCount } from './rewrite.js';

const OPERAND_SIZE = 0x66;
const ADDRESS_SIZE = 0x67;
const SIZE_PREFIXES: readonly (readonly number[])[] = [
  [],
  [ADDRESS_SIZE],
  [OPERAND_SIZE],
  [OPERAND_SIZE, ADDRESS_SIZE],
];

/** An instruction without its size prefixes, in two parts: its other prefixes, and what follows them. */
export function withoutSizePrefixes(bytes: Uint8Array): { prefixes: number[]; rest: Uint8Array } {
  const count = prefixCount(bytes);
  const prefixes = [...bytes.subarray(0, count)].filter(
    (byte) => byte !== OPERAND_SIZE && byte !== ADDRESS_SIZE,
  );
  return { prefixes, rest: bytes.subarray(count) };
}

/** The prefix by which 32-bit code says that addresses have 16 bits, where the operation has any. */
export function addressPrefix(operation: Operation): number[] {
  return operation.addressBytes === 2 && !ignoresAddressSize(operation) ? [ADDRESS_SIZE] : [];
}

/**
 * An instruction of 16-bit code as 32-bit code: the same operation, with the size prefixes that it needs there.
 * @returns null where there is no such instruction, as when it would be too long.
 */
export function asCode32(bytes: Uint8Array, operation: Operation): Uint8Array | null {
  const { prefixes, rest } = withoutSizePrefixes(bytes);
  for (const sizes of SIZE_PREFIXES) {
    const candidate = Uint8Array.from([...sizes, ...prefixes, ...rest]);
    if (candidate.length > MAX_INSTRUCTION_BYTES) return null;
    const decoded = decode(candidate, 0, candidate.length, 32);
    if (typeof decoded === 'string' || decoded.lengthBytes !== candidate.length) continue;
    if (isSame(decoded, operation)) return candidate;
  }
  return null;
}

/** All that an instruction does is alike. Sizes count where it has operands of that kind. */
function isSame(a: Operation, b: Operation): boolean {
  return (
    a.row === b.row &&
    a.operandBytes === b.operandBytes &&
    (a.addressBytes === b.addressBytes || (ignoresAddressSize(a) && ignoresAddressSize(b))) &&
    a.reg === b.reg &&
    a.rm === b.rm &&
    a.base === b.base &&
    a.index === b.index &&
    a.scale === b.scale &&
    a.displacement === b.displacement &&
    a.segment === b.segment &&
    a.segmentOverridden === b.segmentOverridden &&
    a.immediate === b.immediate &&
    a.immediate2 === b.immediate2 &&
    a.opcodeByte === b.opcodeByte &&
    a.lock === b.lock &&
    a.rep === b.rep
  );
}

/** Nothing of the operation is an address, neither of an operand nor of a string, nor a count of repetitions. */
function ignoresAddressSize({ row, rm, loads, stores, base, index, displacement }: Operation): boolean {
  if (rm >= 0) return true;
  const touchesMemory = row.memory !== 'none' || loads > 0 || stores > 0;
  return !touchesMemory && base < 0 && index < 0 && displacement === 0 && row.flow === 'next';
}
