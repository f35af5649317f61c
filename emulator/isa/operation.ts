import type { InterceptName } from '../arch/vmcb.js';
import type { CostKey } from '../cost/keys.js';
import type { ExecutionContext } from './context.js';

export type PortWidth = 1 | 2 | 4;
export type Handler = (cpu: ExecutionContext, op: Operation) => void;

/**
 * How an instruction leaves.
 * - `next`: falls through, does nothing that the run loop must look at.
 * - `branch` `jump` `call` `return`: a control transfer, taken or not: interrupts are polled after it.
 * - `unmask`: may make an interrupt deliverable (sti, popf, mov ss, ...): polled after it.
 * - `serial`: ends a block but is no poll point: changes how what follows is decoded, mapped or timed
 *   (mov cr, segment loads of CS/SS, in, out, rdtsc, invlpg, ...).
 */
export type Flow = 'next' | 'branch' | 'jump' | 'call' | 'return' | 'unmask' | 'serial';

/** What a deprivileged guest would notice. `silent`: sensitive, yet does not trap: what makes x86 hard. */
export type Sensitivity = 'innocuous' | 'traps' | 'silent';

/** Names of arch/vmcb.ts, and the families of control and debug registers. */
export type Intercept = InterceptName | `${'CR' | 'DR'}${number}_${'READ' | 'WRITE'}`;

export type MemoryUse = 'none' | 'read' | 'write' | 'modify';

/** One form of one instruction. Everything that reads instructions reads this row. */
export interface InstructionRow {
  mnemonic: string;
  /** Opcode in the manual's notation: '0f af /r'. */
  opcode: string;
  /** Operands in the manual's notation (AMD64 APM vol. 3, appendix A): 'Ev,Gv'. Empty for none. */
  operands: string;
  flow: Flow;
  sensitivity: Sensitivity;
  /** The SVM intercept that can stop it, or null. */
  intercept: Intercept | null;
  /** Charged once per execution; memory operands add 'load' and 'store'. */
  cost: CostKey;
  handler: Handler;
  /** LOCK prefix allowed (with a memory destination). */
  lockable: boolean;
  /** What happens to the memory operand, when there is one. */
  memory: MemoryUse;
  /** Loads and stores beside the memory operand: string elements, and stack slots that `cost` does not cover. */
  loads: number;
  stores: number;
  /** Picks a handler that knows more of a decoded operation than `handler` does, or null. */
  specialise: ((op: Operation) => Handler) | null;
}

/** A decoded instruction. One shape for all, so that the run loop stays monomorphic. Filled by the decoder. */
export class Operation {
  /** May be a specialised version of row.handler with the same effect. */
  handler: Handler;
  /** Next instruction of the straight line, or null at the end of a block. Set by the run loop's block builder. */
  next: Operation | null = null;
  /** Offset of the first byte within its page. */
  pageOffset = 0;
  lengthBytes = 0;
  /** The last opcode byte: for jcc, setcc and cmovcc its low four bits are the condition. */
  opcodeByte = 0;
  /** 1, 2 or 4. */
  operandBytes: 1 | 2 | 4 = 4;
  addressBytes: 2 | 4 = 4;
  /** Register operand numbers (in encoding order; for 8-bit operands 4..7 are AH..BH), -1: none. */
  reg = -1;
  /** Register in the r/m field when it is one, else -1 and the memory fields hold. */
  rm = -1;
  /** Positions in `s32` of the register written and the register read, for specialised handlers of 32-bit forms. */
  destinationI32 = 0;
  sourceI32 = 0;
  base = -1;
  index = -1;
  /** 0..3: index is shifted left by it. */
  scale = 0;
  displacement = 0;
  /** Segment of the memory operand, override applied. */
  segment: 0 | 1 | 2 | 3 | 4 | 5 = 3;
  segmentOverridden = false;
  /** Sign- or zero-extended as the form says; branch targets are relative to the next instruction. */
  immediate = 0;
  /** Second immediate: selector of a far pointer, nesting level of enter. */
  immediate2 = 0;
  /** Has a LOCK prefix. */
  lock = false;
  /** Reads and writes memory in one transaction, so charged 'locked': LOCK, or XCHG with memory. */
  locked = false;
  rep: 'none' | 'rep' | 'repne' = 'none';
  /** Memory reads and writes charged as 'load' and 'store'. */
  loads = 0;
  stores = 0;
  constructor(readonly row: InstructionRow) {
    this.handler = row.handler;
  }
}
