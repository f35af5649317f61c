import type { Ledger } from '../../cost/ledger.js';
import { POLLS_ALWAYS } from '../block.js';
import type { Block } from '../block.js';
import type { BlockTable } from '../code-cache.js';
import { isCompiled } from './coverage.js';
import { ARENA_BYTES } from './layout.js';
import type { CompiledLayout } from './layout.js';
import { compileRegion } from './region.js';
import type { RegionPlaces } from './region.js';
import { deliverModule, returnModule } from './transfer-code.js';
import { Unit, UnitBlock } from './unit.js';
import type { RegionFunction } from './unit.js';

const PAGE_BYTES = 4096;
const BYTES_PER_WORD = 4;
export const OUT_WORDS = 3;

/** Part of what makes a block hot that suffices for it to be compiled with a hot one of its page. */
const WARM_PART = 1 / 16;
/** Blocks in one unit at most. */
const MAX_BLOCKS = 48;
/** After so many compilations a page is left to what it has: its code changes too often. */
const MAX_COMPILATIONS = 16;

/** The functions that compiled code calls. */
export interface CompiledServices {
  fillTlb(linear: number, write: number): number;
  storeMarked(host: number, bytes: number, value: number): number;
}

/**
 * Decides what is compiled, by counts of interpreted instructions only. What it decides changes no result, no
 * cycle and no count.
 */
export class Compiler {
  private readonly imports: WebAssembly.Imports;
  /** Compilations by page, to make each one after the first wait longer. */
  private readonly compilations = new WeakMap<BlockTable, number>();
  private units: Unit[] = [];
  private arenaUsed: number;

  constructor(
    private readonly layout: CompiledLayout,
    services: CompiledServices,
    private readonly ledger: Ledger,
    /** Called before units are thrown away: their counts are to be folded. */
    private readonly beforeReset: () => void,
  ) {
    const { fillTlb, storeMarked } = services;
    const memory = { e: { m: layout.memory } };
    const [deliver, interruptReturn] = [deliverModule(layout), returnModule(layout)].map(
      (module) => new WebAssembly.Instance(new WebAssembly.Module(module), memory).exports.run,
    );
    this.imports = { e: { ...memory.e, fillTlb, storeMarked, deliver, interruptReturn } };
    this.arenaUsed = OUT_WORDS * BYTES_PER_WORD;
  }

  /** Address of the words by which units and engine speak: see RegionPlaces. */
  get outBytes(): number {
    return this.layout.arenaBytes;
  }

  /**
   * `block`, kept in `table`, is hot: compiles it together with what else is warm in its page.
   * @param hostPage host address of that page.
   */
  consider(table: BlockTable, block: Block, hostPage: number): void {
    const done = this.compilations.get(table) ?? 0;
    if (done === MAX_COMPILATIONS || !startsCompiled(block) || table[block.first.pageOffset] !== block) {
      block.hotAt = Infinity;
      return;
    }
    block.hotAt = this.layout.hotInstructions * 2 ** done;
    if (block.heat < block.hotAt) return;
    this.compilations.set(table, done + 1);
    const chosen = choose(table, block, this.layout.hotInstructions * WARM_PART);
    for (const { unit } of chosen) unit?.invalidate();
    this.compile(chosen, hostPage);
  }

  private compile(sources: readonly Block[], hostPage: number): void {
    const blocks = sources.map((source) => this.unitBlock(source));
    const places = { ...this.allocate(blocks), hostPage };
    const { module, exits } = compileRegion(blocks, this.layout, places);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(module), this.imports);
    const counters = new Int32Array(this.layout.memory.buffer, places.counters, blocks.length);
    const unit = new Unit(blocks, instance.exports.run as RegionFunction, exits, counters);
    this.units.push(unit);
    blocks.forEach(({ source }, index) => {
      source.unit = unit;
      source.unitIndex = index;
    });
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

  /** Room for a unit's counters and table. */
  private allocate(blocks: readonly UnitBlock[]): Omit<RegionPlaces, 'hostPage'> {
    const bytes = blocks.length * BYTES_PER_WORD + PAGE_BYTES;
    if (this.arenaUsed + bytes > ARENA_BYTES) this.reset();
    const { memory, arenaBytes } = this.layout;
    const counters = arenaBytes + this.arenaUsed;
    this.arenaUsed += bytes;
    const table = counters + blocks.length * BYTES_PER_WORD;
    const entries = new Uint8Array(memory.buffer, table, PAGE_BYTES).fill(0);
    new Int32Array(memory.buffer, counters, blocks.length).fill(0);
    blocks.forEach(({ operations }, index) => (entries[operations[0].pageOffset] = index + 1));
    return { out: this.outBytes, counters, table };
  }

  private reset(): void {
    this.beforeReset();
    for (const unit of this.units) unit.invalidate();
    this.units = [];
    this.arenaUsed = OUT_WORDS * BYTES_PER_WORD;
  }
}

function startsCompiled({ first }: Block): boolean {
  return isCompiled(first);
}

/** The warm blocks of a page around `block`, in the order of their offsets. */
function choose(table: BlockTable, block: Block, warmInstructions: number): Block[] {
  const warm: Block[] = [];
  for (const other of table) {
    if (!other || !startsCompiled(other)) continue;
    if (other.unit !== null || other.heat >= warmInstructions) warm.push(other);
  }
  const position = warm.indexOf(block);
  const start = position - (position % MAX_BLOCKS);
  return warm.slice(start, start + MAX_BLOCKS);
}
