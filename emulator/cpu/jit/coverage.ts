import type { Operation } from '../../isa/operation.js';
import { ARITHMETIC } from './emit-arithmetic.js';
import type { Emit } from './emit-arithmetic.js';
import { DATA } from './emit-data.js';
import { areKnownOperands, hasMemory, notation } from './operands.js';

const STRAIGHT: Readonly<Record<string, Emit>> = { ...ARITHMETIC, ...DATA };
/** Forms that have 32-bit operands or are left to the interpreter. */
const WIDE_ONLY: ReadonlySet<string> = new Set(['push', 'pop', 'leave', 'mul', 'div', 'rol', 'ror', 'bswap']);
/** Two accesses to memory: a fault of the second after the first has filled the TLB is the interpreter's. */
const REGISTER_ONLY: ReadonlySet<string> = new Set(['push', 'pop']);
const SHIFTS: ReadonlySet<string> = new Set(['shl', 'shr', 'sar', 'rol', 'ror']);

/** How to compile an operation that falls through to the next, or null when the interpreter has to execute it. */
export function straightEmitter(operation: Operation): Emit | null {
  const { row, operandBytes, rep } = operation;
  const { mnemonic } = row;
  if (row.flow !== 'next' || rep !== 'none' || !Object.hasOwn(STRAIGHT, mnemonic)) return null;
  const operands = notation(row);
  if (WIDE_ONLY.has(mnemonic) && operandBytes !== 4) return null;
  if (mnemonic === 'imul' && operands.length === 1 && operandBytes !== 4) return null;
  if (mnemonic === 'nop') return STRAIGHT.nop;
  if (mnemonic === 'lea') return operation.rm < 0 && operation.addressBytes === 4 ? STRAIGHT.lea : null;
  if (!areKnownOperands(row)) return null;
  if (hasMemory(operation)) {
    if (operation.addressBytes !== 4 || REGISTER_ONLY.has(mnemonic)) return null;
    // With a register as bit number the operand can lie anywhere.
    if (mnemonic.startsWith('bt') && operands[1][0] === 'G') return null;
  }
  if (SHIFTS.has(mnemonic) && operands[1] === 'CL') return null;
  return STRAIGHT[mnemonic];
}

const CONTROL: ReadonlySet<string> = new Set(['jmp', 'call', 'ret', 'loop', 'loope', 'loopne', 'jecxz']);

/** Whether an operation that ends a block by a near transfer, INT n, IRETD or INVLPG can be compiled. */
export function isCompiledTransfer(operation: Operation): boolean {
  const { row, operandBytes, addressBytes, rep, rm } = operation;
  if (row.mnemonic === 'invlpg') return addressBytes === 4 && rep === 'none';
  if (operandBytes !== 4 || addressBytes !== 4 || rep !== 'none') return false;
  if (row.mnemonic === 'int' || row.mnemonic === 'iret') return true;
  if (row.flow === 'branch' && row.mnemonic.startsWith('j')) return true;
  if (!CONTROL.has(row.mnemonic)) return false;
  const [operand] = notation(row);
  // Far forms are the interpreter's; so is a call through memory, which makes two accesses.
  if (operand === undefined || operand === 'Iw' || operand[0] === 'J') return true;
  return operand === 'Ev' && (rm >= 0 || row.mnemonic === 'jmp');
}

/** Whether compiled code can hold the operation at all. */
export function isCompiled(operation: Operation): boolean {
  return straightEmitter(operation) !== null || isCompiledTransfer(operation);
}

type FlagUse = 'none' | 'overwrites' | 'other';

const OVERWRITES: ReadonlySet<string> = new Set([
  'add',
  'sub',
  'cmp',
  'and',
  'or',
  'xor',
  'test',
  'neg',
  'imul',
  'mul',
]);
const NO_FLAGS: ReadonlySet<string> = new Set([
  'mov',
  'movzx',
  'movsx',
  'lea',
  'xchg',
  'cbw',
  'cwd',
  'bswap',
  'not',
  'nop',
]);

/** INC and DEC count as `none`: what they keep matters only if a later operation looks at it. */
function flagUse(operation: Operation): FlagUse {
  const { mnemonic } = operation.row;
  if (mnemonic !== 'lea' && hasMemory(operation)) return 'other';
  if (OVERWRITES.has(mnemonic)) return 'overwrites';
  if (SHIFTS.has(mnemonic) && mnemonic[0] === 's')
    return (operation.immediate & 31) === 0 ? 'none' : 'overwrites';
  return NO_FLAGS.has(mnemonic) || mnemonic === 'inc' || mnemonic === 'dec' ? 'none' : 'other';
}

/** Whether nothing can look at the flags, not even after a fault, before operations from `index` on have overwritten them. */
export function flagsAreDead(operations: readonly Operation[], index: number): boolean {
  for (let at = index; at < operations.length; at++) {
    const use = flagUse(operations[at]);
    if (use !== 'none') return use === 'overwrites';
  }
  return false;
}
