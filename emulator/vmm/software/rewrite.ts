import type { Operation } from '../../isa/operation.js';
import { PREFIXES } from '../current-operation.js';

const SEGMENT_PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]);
const DS_PREFIX = 0x3e;

/** How many prefix bytes an instruction has. */
export function prefixCount(bytes: Uint8Array): number {
  let count = 0;
  while (count < bytes.length && PREFIXES.has(bytes[count])) count++;
  return count;
}

/**
 * The same instruction with its memory operand in DS and `base` added to its offset, of which no register changes.
 * @returns null where that cannot be said in an instruction, which only happens with a base other than 0.
 */
export function throughDs(bytes: Uint8Array, operation: Operation, base: number): number[] | null {
  const count = prefixCount(bytes);
  const prefixes = [DS_PREFIX, ...bytes.subarray(0, count)].filter(
    (byte, index) => index === 0 || !SEGMENT_PREFIXES.has(byte),
  );
  const rest = bytes.subarray(count);
  if (base === 0) return [...prefixes, ...rest];
  if (operation.addressBytes === 2 || operation.row.memory === 'none') return null;
  const moved = addToDisplacement(rest, operation, base);
  return moved && prefixes.length + moved.length <= MAX_INSTRUCTION_BYTES ? [...prefixes, ...moved] : null;
}

const MAX_INSTRUCTION_BYTES = 15;

/** @param code opcode, ModRM and so on, without prefixes. */
function addToDisplacement(code: Uint8Array, { displacement }: Operation, base: number): number[] | null {
  const sum = word(displacement + base);
  const opcode = code[0];
  if (opcode >= 0xa0 && opcode <= 0xa3) return [opcode, ...sum]; // mov with an offset
  const modrmAt = opcode === 0x0f ? 2 : 1;
  if (!hasModrm(code)) return null;
  const modrm = code[modrmAt];
  const mode = modrm >> 6;
  if (mode === 3) return null;
  const hasSib = (modrm & 7) === 4;
  const at = modrmAt + 1 + (hasSib ? 1 : 0);
  const sib = hasSib ? [code[modrmAt + 1]] : [];
  const noBase = mode === 0 && (hasSib ? (sib[0] & 7) === 5 : (modrm & 7) === 5);
  const before = noBase || mode === 2 ? 4 : mode;
  // Without a base the displacement has 32 bits already; with one, the mode that says so is 2.
  const wide = noBase ? modrm : (modrm & 0x3f) | 0x80;
  return [...code.subarray(0, modrmAt), wide, ...sib, ...sum, ...code.subarray(at + before)];
}

/** Opcodes whose memory operand is not by ModRM: mov with an offset, xlat, the string instructions. */
function hasModrm(code: Uint8Array): boolean {
  const [opcode] = code;
  return !(opcode === 0xd7 || (opcode >= 0xa4 && opcode <= 0xaf) || (opcode >= 0x6c && opcode <= 0x6f));
}

function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >>> 24) & 0xff];
}
