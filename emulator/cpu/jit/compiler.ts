import { ACCOUNT_INDEX, COST_KEY_COUNT } from '../../cost/keys.js';
import type { Ledger } from '../../cost/ledger.js';
import { POLLS_ALWAYS } from '../block.js';
import type { Block } from '../block.js';
import type { BlockTable } from '../code-cache.js';
import { CodeDirectory, SLOTS, TABLE_BYTES } from './code-directory.js';
import { isCompiled } from './coverage.js';
import { helperModules } from './helper-modules.js';
import type { CompiledLayout } from './layout.js';
import { compileRegion } from './region.js';
import { EXIT_WORDS, PageHistory, Unit, UnitBlock } from './unit.js';

/** Part of what makes a block hot that suffices for it to be compiled with a hot one of its page. */
const WARM_PART = 1 / 16;
/** Blocks in one unit at most; a number of one fits in an entry of the directory. */
const MAX_BLOCKS = 48;
/** After so many times that a page has lost compiled code it is left to what it has: its code changes too often. */
const MAX_LOSSES = 16;
/** Times that what has been compiled of a page is compiled again, together with what has become hot since. */
const MAX_MERGERS = 3;
const BYTES_PER_WORD = 4;
/** Exits of one unit at most: blocks of 64 operations with no more than four each. */
const MAX_EXITS = MAX_BLOCKS * 64 * 4;
/** Most room that a unit takes in the arena. */
const MAX_UNIT_BYTES = TABLE_BYTES + (MAX_BLOCKS + MAX_EXITS * EXIT_WORDS) * BYTES_PER_WORD + 64;

/** The processor's own, for what the helpers of compiled code leave to it. */
export interface CompiledServices {
  fillTlb(linear: number, write: number): number;
  invalidate(linear: number): number;
  storeMarked(host: number, bytes: number, value: number): number;
}

/** Runs units from one on: see dispatchModule. */
export type Dispatch = (slot: number, entry: number, eipBase: number) => number;

/**
 * Decides what is compiled, by counts of interpreted instructions only. What it decides changes no result, no
 * cycle and no count.
 */
export class Compiler {
  readonly dispatch: Dispatch;
  private readonly imports: WebAssembly.Imports;
  private readonly functions: WebAssembly.Table;
  private readonly directory: CodeDirectory;
  /** By page. */
  private readonly histories = new WeakMap<BlockTable, PageHistory>();
  /** By slot, the first of which is never used. */
  private units: (Unit | null)[] = [null];

  constructor(
    private readonly layout: CompiledLayout,
    services: CompiledServices,
    private readonly ledger: Ledger,
  ) {
    const { fillTlb, invalidate, storeMarked } = services;
    this.directory = new CodeDirectory(layout);
    this.functions = new WebAssembly.Table({ element: 'anyfunc', initial: SLOTS });
    const e = { m: layout.memory, t: this.functions };
    const run = (module: WebAssembly.Module, more: WebAssembly.ModuleImports = {}) =>
      new WebAssembly.Instance(module, { e: { ...e, ...more } }).exports.run;
    const modules = helperModules(layout, ledger.prices);
    const deliver = run(modules.deliver, { shortCall: run(modules.shortCall) });
    this.imports = {
      e: {
        ...e,
        deliver,
        storeMarked,
        interruptReturn: run(modules.interruptReturn),
        fillTlb: modules.fillTlb === null ? fillTlb : run(modules.fillTlb, { slow: fillTlb }),
        invalidate: run(modules.invalidate, { slow: invalidate }),
      },
    };
    this.dispatch = run(modules.dispatch, { deliver, shortReturn: run(modules.shortReturn) }) as Dispatch;
  }

  unit(slot: number): Unit {
    return this.units[slot]!;
  }

  /**
   * `block`, kept in `table`, is hot: compiles it together with what else is warm in its page.
   * @param hostPage host address of that page. @param is32 size of its code.
   */
  consider(table: BlockTable, block: Block, hostPage: number, is32: boolean): void {
    if (block.unit !== null) {
      // Interpreted all the same, for something that its unit leaves to the interpreter.
      block.heat = 0;
      return;
    }
    let history = this.histories.get(table);
    if (!history) this.histories.set(table, (history = new PageHistory()));
    const { losses } = history;
    if (losses >= MAX_LOSSES || !startsCompiled(block) || table[block.first.pageOffset] !== block) {
      block.hotAt = Infinity;
      return;
    }
    block.hotAt = this.layout.hotInstructions * 2 ** losses;
    if (block.heat < block.hotAt) return;
    if (this.directory.freeBytes < MAX_UNIT_BYTES || this.units.length === SLOTS) this.reset();
    const window = around(table, block, this.layout.hotInstructions * WARM_PART);
    const merges = window.some(({ unit }) => unit !== null) && history.mergers++ < MAX_MERGERS;
    const chosen = merges ? window : window.filter(({ unit }) => unit === null);
    for (const { unit } of chosen) unit?.invalidate();
    this.compile(chosen, hostPage, is32, history);
  }

  /** Adds what has been executed to the guest's row of the ledger. */
  fold(guestRow: number): void {
    for (const unit of this.units) unit?.fold(this.ledger.rows, guestRow);
  }

  private compile(sources: readonly Block[], hostPage: number, is32: boolean, history: PageHistory): void {
    const { directory, layout } = this;
    const { buffer } = layout.memory;
    const blocks = sources.map((source) => this.unitBlock(source));
    const slot = this.units.length;
    const table = directory.table(hostPage, is32);
    const counters = directory.allocate(blocks.length * BYTES_PER_WORD);
    let exitsAt = 0;
    const { module, exits } = compileRegion(blocks, layout, {
      slot,
      counters,
      table,
      exits: (count) => (exitsAt = directory.allocate(count * EXIT_WORDS * BYTES_PER_WORD)),
    });
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), this.imports);
    this.functions.set(slot, instance.exports.run);
    const places = {
      counters: new Int32Array(buffer, counters, blocks.length),
      exits: new Int32Array(buffer, exitsAt, exits.length * EXIT_WORDS),
      entries: directory.entries(table),
    };
    this.units.push(new Unit(blocks, exits, slot, places, history, layout.hotInstructions));
  }

  private unitBlock(source: Block): UnitBlock {
    const { operations } = source;
    const end = operations.findIndex((operation) => !isCompiled(operation));
    const isWhole = end < 0;
    const compiled = isWhole ? operations : operations.slice(0, end);
    return new UnitBlock(
      source,
      compiled,
      isWhole,
      isWhole && source.polls === POLLS_ALWAYS,
      this.ledger.prices,
    );
  }

  private reset(): void {
    this.fold(ACCOUNT_INDEX.guest * COST_KEY_COUNT);
    for (const unit of this.units) unit?.invalidate();
    this.units = [null];
    this.directory.clear();
  }

  /** The blocks are gone, and the memory holds what it held at another time. */
  forget(): void {
    this.units = [null];
    this.directory.wipe();
  }
}

function startsCompiled({ first }: Block): boolean {
  return isCompiled(first);
}

/** The warm blocks of a page around `block`, in the order of their offsets. */
function around(table: BlockTable, block: Block, warmInstructions: number): Block[] {
  const warm: Block[] = [];
  for (const other of table) {
    if (!other || !startsCompiled(other)) continue;
    if (other.unit !== null || other.heat >= warmInstructions) warm.push(other);
  }
  const position = warm.indexOf(block);
  const start = position - (position % MAX_BLOCKS);
  return warm.slice(start, start + MAX_BLOCKS);
}
