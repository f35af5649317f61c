import { ATTR_DB } from '../arch/descriptors.js';
import { PAGE_BYTES } from '../arch/paging.js';
import { CS } from '../arch/registers.js';
import { MAX_INSTRUCTION_BYTES, decode } from '../isa/decoder.js';
import type { Operation } from '../isa/operation.js';
import type { Machine } from '../machine.js';

const scratch = new Uint8Array(MAX_INSTRUCTION_BYTES);

/** The instruction at the virtual processor's eip, read as its fetch would; null when that would fault. */
export function currentOperation({ cpu, memory }: Machine): Operation | null {
  const { base, limit, attributes } = cpu.segment(CS);
  const bits = attributes & ATTR_DB ? 32 : 16;
  const start = (base + cpu.eip) >>> 0;
  const inLimit = Math.min(limit - cpu.eip + 1, MAX_INSTRUCTION_BYTES);
  const access = { write: false, user: cpu.cpl === 3, fetch: true };
  let have = 0;
  while (have < inLimit) {
    const linear = (start + have) >>> 0;
    const gpa = cpu.translate(linear, access);
    if (gpa === null) return null;
    const count = Math.min(inLimit - have, PAGE_BYTES - (linear % PAGE_BYTES));
    for (let i = 0; i < count; i++) scratch[have + i] = memory.read8(gpa + i);
    have += count;
    const operation = decode(scratch, 0, have, bits);
    if (typeof operation !== 'string') return operation;
    if (operation === 'tooLong') return null;
  }
  return null;
}

/** Prefix bytes (AMD64 APM vol. 3, rev. 3.37, section 1.2 "Instruction Prefixes"). */
export const PREFIXES: ReadonlySet<number> = new Set([
  0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3,
]);
const REP = 0xf3;
const REPNE = 0xf2;

/** Whether the instruction at the virtual processor's eip has a REP or REPNE prefix: of {@link currentOperation} no more than that. */
export function hasRepeatPrefix({ cpu, memory }: Machine): boolean {
  const { base } = cpu.segment(CS);
  const access = { write: false, user: cpu.cpl === 3, fetch: true };
  for (let at = 0; at < MAX_INSTRUCTION_BYTES; at++) {
    const gpa = cpu.translate((base + cpu.eip + at) >>> 0, access);
    const byte = gpa === null ? 0 : memory.read8(gpa);
    if (byte === REP || byte === REPNE) return true;
    if (!PREFIXES.has(byte)) return false;
  }
  return false;
}
