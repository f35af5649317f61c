import { ACCOUNT_INDEX, COST_KEY_COUNT, COST_KEY_INDEX } from '../cost/keys.js';
import type { Ledger } from '../cost/ledger.js';
import type { Operation } from '../isa/operation.js';
import type { Unit } from './jit/unit.js';

const GUEST_ROW = ACCOUNT_INDEX.guest * COST_KEY_COUNT;
const LOAD = COST_KEY_INDEX.load;
const STORE = COST_KEY_INDEX.store;
const LOCKED = COST_KEY_INDEX.locked;
const PAGE_BYTES = 4096;

/** Whether a poll follows the last operation (design.md, rule 5). */
export const POLLS_NEVER = 0;
export const POLLS_ALWAYS = 1;
/** Once no interrupt shadow is in force. */
export const POLLS_UNMASKED = 2;

/** Adds `times` executions of `op` to the row that begins at `row`. */
export function addCounts(op: Operation, counts: Float64Array, row: number, times: number): void {
  counts[row + COST_KEY_INDEX[op.row.cost]] += times;
  if (op.loads > 0) counts[row + LOAD] += op.loads * times;
  if (op.stores > 0) counts[row + STORE] += op.stores * times;
  if (op.locked) counts[row + LOCKED] += times;
}

/** What one execution of `op` costs. */
export function operationTicks(op: Operation, prices: Float64Array): number {
  const memoryTicks = op.loads * prices[LOAD] + op.stores * prices[STORE];
  return prices[COST_KEY_INDEX[op.row.cost]] + memoryTicks + (op.locked ? prices[LOCKED] : 0);
}

/**
 * Decoded instructions of one page that run one after another. Charged as a whole when entered; its counts reach
 * the ledger's rows when folded.
 */
export class Block {
  readonly first: Operation;
  readonly last: Operation;
  readonly count: number;
  /** From the first operation's first byte to the last one's end. */
  readonly lengthBytes: number;
  readonly ticks: number;
  /** Of the last operation: what each further iteration costs when it is a repeated string instruction. */
  readonly iterationTicks: number;
  readonly polls: number;
  /** Times entered, and further iterations of the last operation, since the last fold. */
  executions = 0;
  iterations = 0;
  /** Instructions interpreted since it was decoded, and how many make it worth a look by the compiler. */
  heat = 0;
  hotAt = Infinity;
  /** Its first operation by itself, once that has been asked for. */
  alone: Block | null = null;
  /** Where it has been compiled, and its index there. */
  unit: Unit | null = null;
  unitIndex = 0;

  /** Links the operations. @param operations at least one, with their `pageOffset` set. */
  constructor(
    readonly operations: readonly Operation[],
    prices: Float64Array,
  ) {
    const count = operations.length;
    const last = operations[count - 1];
    let ticks = 0;
    for (let index = 0; index < count; index++) {
      const op = operations[index];
      op.next = index + 1 < count ? operations[index + 1] : null;
      ticks += operationTicks(op, prices);
    }
    this.first = operations[0];
    this.last = last;
    this.count = count;
    this.lengthBytes = last.pageOffset + last.lengthBytes - this.first.pageOffset;
    this.ticks = ticks;
    this.iterationTicks = operationTicks(last, prices);
    this.polls = pollsAfter(last);
  }

  /** Adds its executions to the ledger's rows; the clock has them already. */
  fold({ rows }: Ledger): void {
    for (const op of this.operations) addCounts(op, rows, GUEST_ROW, this.executions);
    if (this.iterations > 0) addCounts(this.last, rows, GUEST_ROW, this.iterations);
    this.executions = 0;
    this.iterations = 0;
  }

  /** Takes back the charge of the operations from `from` on, which were not executed. @returns how many they are. */
  refund(from: Operation, ledger: Ledger): number {
    const start = this.operations.indexOf(from);
    for (let index = start; index < this.count; index++) {
      addCounts(this.operations[index], ledger.rows, GUEST_ROW, -1);
      ledger.ticks -= operationTicks(this.operations[index], ledger.prices);
    }
    return this.count - start;
  }

  /** Makes the block end after the operation under execution: its later ones are stale. */
  cut(): void {
    for (const op of this.operations) op.next = null;
  }
}

function pollsAfter({ row, pageOffset, lengthBytes }: Operation): number {
  if (pageOffset + lengthBytes >= PAGE_BYTES) return POLLS_ALWAYS;
  switch (row.flow) {
    case 'branch':
    case 'jump':
    case 'call':
    case 'return':
      return POLLS_ALWAYS;
    case 'unmask':
      return POLLS_UNMASKED;
    case 'next':
    case 'serial':
      return POLLS_NEVER;
  }
}
