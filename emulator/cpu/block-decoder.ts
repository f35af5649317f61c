import { VECTOR_GP } from '../arch/vectors.js';
import { MAX_INSTRUCTION_BYTES, UNDEFINED_ROW, decode } from '../isa/decoder.js';
import { Operation } from '../isa/operation.js';
import { row } from '../isa/row.js';
import { Block } from './block.js';
import type { Cpu } from './cpu.js';
import { isCompiled } from './jit/coverage.js';
import { guardSensitive } from './sensitive.js';

const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
/** Keeps the cost of a fault in a block small; a block that ends here is no poll point. */
const MAX_BLOCK_OPERATIONS = 64;

/** Bytes 16 and up of an instruction: #GP(0). */
const TOO_LONG_ROW = row('(too long)', '', '', (cpu) => cpu.raiseWithCode(VECTOR_GP, 0), { flow: 'jump' });

const scratch = new Uint8Array(MAX_INSTRUCTION_BYTES);

/** Blocks end where the flow may leave the line and where the processor must look up; repeated strings poll on their own. */
function endsBlock(op: Operation): boolean {
  // What cannot be compiled ends a block too, so that compiled code can go on right behind it.
  return op.row.flow !== 'next' || op.rep !== 'none' || !isCompiled(op);
}

/**
 * Decodes the straight line at `offset` of a physical page, up to the page's end.
 * @returns null when not even the first instruction lies in the page as a whole.
 */
export function decodeBlock(cpu: Cpu, page: number, offset: number, maxOperations: number): Block | null {
  const { u8, sizeBytes } = cpu.memory;
  const start = page * PAGE_BYTES;
  if (start >= sizeBytes) return null;
  const bits = cpu.codeIs32 ? 32 : 16;
  const operations: Operation[] = [];
  const limit = Math.min(maxOperations, MAX_BLOCK_OPERATIONS);
  for (let at = offset; at < PAGE_BYTES && operations.length < limit;) {
    const op = decode(u8, start + at, PAGE_BYTES - at, bits);
    if (typeof op === 'string') break;
    op.pageOffset = at;
    if (cpu.guardsSensitive) guardSensitive(cpu, op);
    operations.push(op);
    if (endsBlock(op)) break;
    at += op.lengthBytes;
  }
  return operations.length > 0 ? new Block(operations, cpu.ledger.prices) : null;
}

/**
 * Decodes one instruction with every check of its fetch: the CS limit, and both pages when it straddles two. For
 * instructions that cannot be kept, and for those that must not.
 * @param physical address of its first byte.
 * @throws Fault #GP(0), #PF.
 */
export function decodeSingle(cpu: Cpu, linear: number, physical: number): Block {
  const { memory } = cpu;
  const left = cpu.codeLimit - cpu.eip + 1;
  if (left <= 0) cpu.fault.raise(VECTOR_GP, 0);
  const inPage = PAGE_BYTES - (linear & PAGE_MASK);
  const bits = cpu.codeIs32 ? 32 : 16;
  let source = physical;
  let read = 0;
  let result: ReturnType<typeof decode> = 'short';
  for (const end of [inPage, MAX_INSTRUCTION_BYTES]) {
    const available = Math.min(end, left, MAX_INSTRUCTION_BYTES);
    if (available <= read) continue;
    if (read >= inPage) source = cpu.fetchPhysical((linear + inPage) | 0) - inPage;
    for (; read < available; read++) scratch[read] = memory.read8(source + read);
    result = decode(scratch, 0, read, bits);
    if (result !== 'short') break;
  }
  if (result === 'short') return cpu.fault.raise(VECTOR_GP, 0);
  const op = result === 'tooLong' ? tooLong() : result;
  op.pageOffset = linear & PAGE_MASK;
  if (cpu.guardsSensitive) guardSensitive(cpu, op);
  return new Block([op], cpu.ledger.prices);
}

function tooLong(): Operation {
  const op = new Operation(TOO_LONG_ROW);
  op.lengthBytes = MAX_INSTRUCTION_BYTES;
  return op;
}

/** What the run loop holds before the first block. */
export const NO_OPERATION = new Operation(UNDEFINED_ROW);
