import { COST_KEY_COUNT } from '../../cost/keys.js';
import type { Ledger } from '../../cost/ledger.js';
import type { Operation } from '../../isa/operation.js';
import { addCounts, operationTicks } from '../block.js';
import type { Block } from '../block.js';
import type { RegionExit } from './frame.js';
import type { RegionBlock } from './region.js';

/** The export of a region's module; parameters as in locals.ts. @returns index of the exit taken. */
export type RegionFunction = (
  entry: number,
  eipBase: number,
  instructions: number,
  ticks: number,
  readBit: number,
  writeBit: number,
) => number;

/** What one execution of some operations costs: ticks, and the columns of a ledger's row with their amounts. */
class Charge {
  readonly ticks: number = 0;
  private readonly columns: number[] = [];
  private readonly amounts: number[] = [];

  constructor(operations: readonly Operation[], prices: Float64Array) {
    const counts = new Float64Array(COST_KEY_COUNT);
    for (const operation of operations) {
      addCounts(operation, counts, 0, 1);
      this.ticks += operationTicks(operation, prices);
    }
    counts.forEach((amount, column) => {
      if (amount === 0) return;
      this.columns.push(column);
      this.amounts.push(amount);
    });
  }

  addTo(rows: Float64Array, row: number, times: number): void {
    for (let at = 0; at < this.columns.length; at++) rows[row + this.columns[at]] += this.amounts[at] * times;
  }
}

/** A block in a unit. */
export class UnitBlock implements RegionBlock {
  readonly ticks: number;
  private readonly whole: Charge;
  /** By how many operations were completed: what the others have been charged; made when first asked for. */
  private readonly refunds: (Charge | undefined)[] = [];

  constructor(
    readonly source: Block,
    readonly operations: readonly Operation[],
    readonly isWhole: boolean,
    readonly polls: boolean,
    private readonly prices: Float64Array,
  ) {
    this.whole = new Charge(operations, prices);
    this.ticks = this.whole.ticks;
  }

  get count(): number {
    return this.operations.length;
  }

  fold(rows: Float64Array, guestRow: number, executions: number): void {
    this.whole.addTo(rows, guestRow, executions);
  }

  /** Takes back the charge of all but the first `completed` operations. @returns how many they are. */
  refund(completed: number, ledger: Ledger, guestRow: number): number {
    const { operations, prices } = this;
    const refund = (this.refunds[completed] ??= new Charge(operations.slice(completed), prices));
    refund.addTo(ledger.rows, guestRow, -1);
    ledger.ticks -= refund.ticks;
    return operations.length - completed;
  }
}

/** Compiled blocks of one page: one function. */
export class Unit {
  /** One of its blocks has been dropped: it must not be entered any more. */
  isStale = false;
  /** It is among those that have counts to be folded. */
  isListed = false;

  constructor(
    readonly blocks: readonly UnitBlock[],
    readonly run: RegionFunction,
    readonly exits: readonly RegionExit[],
    /** Executions by block, counted by the compiled code. */
    private readonly counters: Int32Array,
  ) {}

  /** Its blocks are the interpreter's again. */
  invalidate(): void {
    if (this.isStale) return;
    this.isStale = true;
    for (const { source } of this.blocks) {
      if (source.unit !== this) continue;
      source.unit = null;
      source.heat = 0;
    }
  }

  /** Adds what has been executed to the guest's row of a ledger; the clock has it already. */
  fold(rows: Float64Array, guestRow: number): void {
    const { counters, blocks } = this;
    for (let index = 0; index < blocks.length; index++) {
      const executions = counters[index];
      if (executions === 0) continue;
      counters[index] = 0;
      blocks[index].fold(rows, guestRow, executions);
    }
  }
}
