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
