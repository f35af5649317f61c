import { COST_KEY_COUNT } from '../../cost/keys.js';
import type { Operation } from '../../isa/operation.js';
import { addCounts, operationTicks } from '../block.js';
import type { Block } from '../block.js';
import { SLOT_SHIFT } from './code-directory.js';
import type { RegionExit } from './frame.js';
import type { RegionBlock } from './region.js';

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

  /** What the operations after the first `completed` cost, which has been charged too much when the block is left there. */
  rest(completed: number): Charge {
    return (this.refunds[completed] ??= new Charge(this.operations.slice(completed), this.prices));
  }
}

/** Words by exit: instructions and ticks to be given back there, and how often that has happened. */
export const EXIT_WORDS = 3;
const TIMES = 2;

/** What has happened to the compiled code of a page. */
export class PageHistory {
  /** Times that writes have made a unit stale before it had paid for itself: each makes the next compilation wait longer. */
  losses = 0;
  mergers = 0;
}

/** A unit has paid for itself when it has executed so many times the instructions that made its blocks hot. */
const PAYS = 4;
/** Of what makes a block hot, the part that it keeps when its unit is lost after that: it is compiled again soon. */
const KEPT_HEAT = 15 / 16;

/** Compiled blocks of one page: one function. */
export class Unit {
  /** One of its blocks has been dropped: it must not be entered any more. */
  isStale = false;
  /** Instructions executed, as far as they have been folded. */
  private folded = 0;

  constructor(
    readonly blocks: readonly UnitBlock[],
    readonly exits: readonly RegionExit[],
    readonly slot: number,
    private readonly places: {
      /** Executions by block, counted by the compiled code. */
      readonly counters: Int32Array;
      /** EXIT_WORDS by exit. */
      readonly exits: Int32Array;
      /** Entries of its page in the directory. */
      readonly entries: Uint16Array;
    },
    private readonly history: PageHistory,
    private readonly hotInstructions: number,
  ) {
    exits.forEach(({ block, completed }, exit) => {
      const { count } = blocks[block];
      if (completed === count) return;
      places.exits[exit * EXIT_WORDS] = count - completed;
      places.exits[exit * EXIT_WORDS + 1] = blocks[block].rest(completed).ticks;
    });
    blocks.forEach(({ source }, index) => {
      source.unit = this;
      source.unitIndex = index;
      places.entries[source.first.pageOffset] = (slot << SLOT_SHIFT) | index;
    });
  }

  /** One of its blocks is no more what the page holds. */
  lose(): void {
    if (this.isStale) return;
    const hasPaid = this.executed >= PAYS * this.hotInstructions * this.blocks.length;
    if (!hasPaid) this.history.losses++;
    this.invalidate(hasPaid ? KEPT_HEAT : 0);
  }

  private get executed(): number {
    const { counters } = this.places;
    return this.blocks.reduce((sum, { count }, index) => sum + counters[index] * count, this.folded);
  }

  /** Its blocks are the interpreter's again. @param keptHeat part of what makes them hot that they keep. */
  invalidate(keptHeat = 0): void {
    if (this.isStale) return;
    this.isStale = true;
    const { entries } = this.places;
    for (const { source } of this.blocks) {
      const { pageOffset } = source.first;
      if (entries[pageOffset] >>> SLOT_SHIFT === this.slot) entries[pageOffset] = 0;
      if (source.unit !== this) continue;
      source.unit = null;
      source.heat = Math.floor(keptHeat * this.hotInstructions);
    }
  }

  /** Adds what has been executed to the guest's row of a ledger; the clock has it already. */
  fold(rows: Float64Array, guestRow: number): void {
    const { blocks, exits, places } = this;
    const { counters } = places;
    for (let index = 0; index < blocks.length; index++) {
      const executions = counters[index];
      if (executions === 0) continue;
      counters[index] = 0;
      this.folded += executions * blocks[index].count;
      blocks[index].fold(rows, guestRow, executions);
    }
    for (let exit = 0; exit < exits.length; exit++) {
      const times = places.exits[exit * EXIT_WORDS + TIMES];
      if (times === 0) continue;
      places.exits[exit * EXIT_WORDS + TIMES] = 0;
      const { block, completed } = exits[exit];
      blocks[block].rest(completed).addTo(rows, guestRow, -times);
    }
  }
}
