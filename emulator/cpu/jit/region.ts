import { FLAG_RF } from '../../arch/flags.js';
import { EFLAGS_I32, EIP_I32, LAZY_CARRY_I32, LAZY_RESULT_I32 } from '../../arch/state.js';
import type { Operation } from '../../isa/operation.js';
import { CodeWriter } from './code-writer.js';
import type { Label } from './code-writer.js';
import { flagsAreDead, isCompiledTransfer, straightEmitter } from './coverage.js';
import { INDEX_MASK, SLOT_SHIFT } from './code-directory.js';
import { EXIT_CHAINS, EXIT_MASK } from './dispatch-code.js';
import { DELIVER, FILL_TLB, Frame, INTERRUPT_RETURN, INVALIDATE, STORE_MARKED } from './frame.js';
import type { RegionExit } from './frame.js';
import { CONTROL } from './layout.js';
import type { CompiledLayout } from './layout.js';
import * as local from './locals.js';
import { encodeModule } from './module-writer.js';
import type { ImportedFunction } from './module-writer.js';
import * as op from './opcodes.js';
import { emitTransfer } from './transfers.js';
import type { Edges } from './transfers.js';
import { EXIT_WORDS } from './unit.js';

const PAGE_BYTES = 4096;
const BYTES_PER_WORD = 4;
/** No block has more operations (cpu/block-decoder.ts). */
const MOST_OPERATIONS = 64;

const imports: ImportedFunction[] = [];
imports[FILL_TLB] = { name: 'fillTlb', parameters: 2, results: 1 };
imports[STORE_MARKED] = { name: 'storeMarked', parameters: 3, results: 1 };
imports[DELIVER] = { name: 'deliver', parameters: 6, results: 1 };
imports[INTERRUPT_RETURN] = { name: 'interruptReturn', parameters: 0, results: 1 };
imports[INVALIDATE] = { name: 'invalidate', parameters: 1, results: 1 };

/** A block as a region holds it: the operations that compiled code can execute, from the first on. */
export interface RegionBlock {
  operations: readonly Operation[];
  /** They are the whole block: its last operation decides where to go, else the interpreter goes on. */
  isWhole: boolean;
  /** An interrupt may be taken after it. */
  polls: boolean;
  /** What one execution costs. */
  ticks: number;
}

/** Places in memory that the code of one region works on, as byte addresses. */
export interface RegionPlaces {
  /** Its number among the units. */
  slot: number;
  /** One word a block: its executions. */
  counters: number;
  /** The page's table in the directory (code-directory.ts). */
  table: number;
  /** Called once it is known how many exits there are: EXIT_WORDS for each. */
  exits(count: number): number;
}

export interface CompiledRegion {
  module: Uint8Array<ArrayBuffer>;
  exits: readonly RegionExit[];
}

/** Compiles blocks of one page, in the order of their offsets, to one WebAssembly function. */
export function compileRegion(
  blocks: readonly RegionBlock[],
  layout: CompiledLayout,
  places: RegionPlaces,
): CompiledRegion {
  const writer = new RegionWriter(blocks, layout, places);
  const body = writer.write();
  return {
    module: encodeModule({
      imports,
      parameters: local.PARAMETERS,
      i32Locals: local.I32_LOCALS,
      i64Locals: local.I64_LOCALS,
      body,
    }),
    exits: writer.exits,
  };
}

/**
 * The function is a loop around a jump table: a jump to a later block is a branch out of nested constructs, one to
 * an earlier block goes through the table. Whether the budget suffices for a block is looked at before the jump to
 * it, together with the poll after the transfer.
 */
class RegionWriter {
  private readonly w = new CodeWriter();
  private readonly f: Frame;
  private readonly indexByOffset = new Map<number, number>();
  private labels: Label[] = [];
  private loop: Label = { depth: 0 };
  private self: Label | null = null;
  /** It contains an IRETD or INT n. */
  private resumes = false;

  constructor(
    private readonly blocks: readonly RegionBlock[],
    private readonly layout: CompiledLayout,
    private readonly places: RegionPlaces,
  ) {
    this.f = new Frame(this.w, layout, blocks[0].operations[0]);
    blocks.forEach(({ operations }, index) => this.indexByOffset.set(operations[0].pageOffset, index));
  }

  get exits(): readonly RegionExit[] {
    return this.f.exits;
  }

  write(): Uint8Array {
    const { w, f, blocks } = this;
    f.exitLabel = w.open(op.BLOCK);
    this.loop = w.open(op.LOOP);
    for (let index = blocks.length - 1; index >= 0; index--) this.labels[index] = w.open(op.BLOCK);
    w.get(local.ENTRY);
    w.brTable(this.labels);
    for (let index = 0; index < blocks.length; index++) {
      w.end();
      this.writeBlock(index);
    }
    w.end();
    w.end();
    this.writeEpilogue();
    const prologue = new CodeWriter();
    this.writePrologue(prologue);
    prologue.append(w.bytes);
    return prologue.bytes;
  }

  private writePrologue(w: CodeWriter): void {
    const { f } = this;
    const { stateBytes } = this.layout;
    f.writePrologue(w);
    if (this.resumes) {
      // More than are ever left.
      w.const(-1);
      w.set(local.RESUMED);
    }
    for (const register of f.registersUsed) {
      w.const(0);
      w.memory(op.I32_LOAD, stateBytes + register * 2 * BYTES_PER_WORD);
      w.set(local.REGISTERS + register);
    }
    for (const [index, target] of FLAG_WORDS) {
      w.const(0);
      w.memory(op.I32_LOAD, stateBytes + index * BYTES_PER_WORD);
      w.set(target);
    }
  }

  private writeEpilogue(): void {
    const { w, f } = this;
    const { stateBytes } = this.layout;
    const store = (address: number, source: number): void => {
      w.const(0);
      w.get(source);
      w.memory(op.I32_STORE, address);
    };
    for (const register of f.registersWritten) {
      store(stateBytes + register * 2 * BYTES_PER_WORD, local.REGISTERS + register);
    }
    for (const [index, source] of FLAG_WORDS) store(stateBytes + index * BYTES_PER_WORD, source);
    store(stateBytes + EIP_I32 * BYTES_PER_WORD, local.EIP);
    this.giveBack();
    if (this.resumes) this.restoreResume();
    store(this.layout.arenaBytes + CONTROL.instructions, local.INSTRUCTIONS);
    store(this.layout.arenaBytes + CONTROL.ticks, local.TICKS);
    w.get(local.EXIT);
  }

  /** For exits in the middle of a block, which has been charged as a whole. */
  private giveBack(): void {
    const { w, f } = this;
    const exits = this.places.exits(f.exits.length);
    w.get(local.EXIT);
    w.const(EXIT_CHAINS);
    w.op(op.I32_AND, op.I32_EQZ);
    w.open(op.IF);
    w.get(local.EXIT);
    w.const(EXIT_MASK);
    w.op(op.I32_AND);
    w.const(EXIT_WORDS * BYTES_PER_WORD);
    w.op(op.I32_MUL);
    w.set(local.SCRATCH);
    for (const [word, counter] of [local.INSTRUCTIONS, local.TICKS].entries()) {
      w.get(counter);
      w.get(local.SCRATCH);
      w.memory(op.I32_LOAD, exits + word * BYTES_PER_WORD);
      w.op(op.I32_ADD);
      w.set(counter);
    }
    const times = exits + (EXIT_WORDS - 1) * BYTES_PER_WORD;
    w.get(local.SCRATCH);
    w.get(local.SCRATCH);
    w.memory(op.I32_LOAD, times);
    w.const(1);
    w.op(op.I32_ADD);
    w.memory(op.I32_STORE, times);
    w.end();
  }

  private writeBlock(index: number): void {
    const { w, f } = this;
    const { operations, isWhole } = this.blocks[index];
    const last = operations[operations.length - 1];
    f.block = index;
    f.flags.state = { kind: 'words' };
    // A loop of one block needs no table.
    this.self = w.open(op.LOOP);
    this.charge(index);
    for (let at = 0; at < operations.length; at++) {
      const operation = operations[at];
      f.index = at;
      f.operation = operation;
      f.stores = false;
      f.needsFlags = !flagsAreDead(operations, at + 1);
      const emit = straightEmitter(operation);
      if (emit === null) break;
      emit(f, operation);
      f.exitIfStale();
    }
    const edges: Edges = {
      to: (offset) => this.edge(offset),
      indirect: () => this.indirectEdge(),
      transferred: () => this.indirectEdge(true),
      refetched: () => f.exit(operations.length, true),
    };
    if (isWhole && isCompiledTransfer(last)) emitTransfer(f, last, edges);
    else if (isWhole) this.edge(last.pageOffset + last.lengthBytes);
    else this.leave(last.pageOffset + last.lengthBytes);
    w.end();
  }

  private charge(index: number): void {
    const { w } = this;
    const { operations, ticks } = this.blocks[index];
    for (const [counter, amount] of [
      [local.INSTRUCTIONS, operations.length],
      [local.TICKS, ticks],
    ]) {
      w.get(counter);
      w.const(amount);
      w.op(op.I32_SUB);
      w.set(counter);
    }
    const address = this.places.counters + index * BYTES_PER_WORD;
    w.const(0);
    w.const(0);
    w.memory(op.I32_LOAD, address);
    w.const(1);
    w.op(op.I32_ADD);
    w.memory(op.I32_STORE, address);
  }

  /** The block is done and control goes out of the region. */
  private leave(pageOffset: number): void {
    this.f.pushEip(pageOffset);
    this.w.set(local.EIP);
    const { operations, isWhole } = this.blocks[this.f.block];
    this.f.exit(operations.length, isWhole);
  }

  private edge(pageOffset: number): void {
    const { w, f } = this;
    const to = pageOffset < PAGE_BYTES ? this.indexByOffset.get(pageOffset) : undefined;
    if (to === undefined) {
      this.leave(pageOffset);
      return;
    }
    w.get(local.INSTRUCTIONS);
    w.const(this.blocks[to].operations.length);
    w.op(op.I32_LT_S);
    this.orDue();
    w.open(op.IF);
    this.leave(pageOffset);
    w.end();
    if (!flagsAreDead(this.blocks[to].operations, 0)) f.flags.settle();
    if (to === f.block && this.self) w.br(this.self);
    else if (to > f.block) w.br(this.labels[to]);
    else {
      w.const(to);
      w.set(local.ENTRY);
      w.br(this.loop);
    }
  }

  /** Local EIP holds where to. */
  private indirectEdge(isTransfer = false): void {
    const { w, f } = this;
    const control = this.layout.arenaBytes;
    const whole = this.blocks[f.block].operations.length;
    w.get(local.EIP);
    w.get(local.EIP_BASE);
    w.op(op.I32_SUB);
    w.tee(local.SCRATCH);
    w.const(PAGE_BYTES);
    w.op(op.I32_LT_U);
    w.open(op.IF);
    w.get(local.SCRATCH);
    w.const(1);
    w.op(op.I32_SHL);
    w.memory(op.I32_LOAD16_U, this.places.table);
    w.tee(local.SCRATCH);
    w.const(SLOT_SHIFT);
    w.op(op.I32_SHR_U);
    w.const(this.places.slot);
    w.op(op.I32_NE);
    w.get(local.INSTRUCTIONS);
    w.const(MOST_OPERATIONS);
    w.op(op.I32_LT_S, op.I32_OR);
    this.orDue();
    if (isTransfer) {
      w.const(0);
      w.memory(op.I32_LOAD, control + CONTROL.refetch);
      w.op(op.I32_OR);
    }
    w.op(op.I32_EQZ);
    w.open(op.IF);
    if (isTransfer) {
      this.resumes = true;
      this.resume();
    }
    const before = f.flags.state;
    f.flags.settle();
    f.flags.state = before;
    w.get(local.SCRATCH);
    w.const(INDEX_MASK);
    w.op(op.I32_AND);
    w.set(local.ENTRY);
    w.br(this.loop);
    w.end();
    w.end();
    f.exit(whole, true);
  }

  /** RF is cleared by the next instruction, if that completes: see {@link restoreResume}. */
  private resume(): void {
    const { w } = this;
    this.pushFlags(FLAG_RF);
    w.open(op.IF);
    w.const(0);
    this.pushFlags(~FLAG_RF);
    w.memory(op.I32_STORE, this.layout.stateBytes + EFLAGS_I32 * BYTES_PER_WORD);
    w.get(local.INSTRUCTIONS);
    w.set(local.RESUMED);
    w.end();
  }

  /** At an exit: no instruction has completed since RF was cleared. */
  private restoreResume(): void {
    const { w } = this;
    w.get(local.INSTRUCTIONS);
    w.get(local.RESUMED);
    w.op(op.I32_EQ);
    w.open(op.IF);
    w.const(0);
    this.pushFlags(-1);
    w.const(FLAG_RF);
    w.op(op.I32_OR);
    w.memory(op.I32_STORE, this.layout.stateBytes + EFLAGS_I32 * BYTES_PER_WORD);
    w.end();
  }

  private pushFlags(mask: number): void {
    const { w } = this;
    w.const(0);
    w.memory(op.I32_LOAD, this.layout.stateBytes + EFLAGS_I32 * BYTES_PER_WORD);
    w.const(mask);
    w.op(op.I32_AND);
  }

  /** ORs to the value on the stack what else makes the run loop look up at the end of this block. */
  private orDue(): void {
    const { w, f } = this;
    if (this.blocks[f.block].polls) {
      w.get(local.TICKS);
      w.const(0);
      w.op(op.I32_LE_S, op.I32_OR);
    }
    if (!f.stores) return;
    w.get(local.STALE);
    w.op(op.I32_OR);
  }
}

const FLAG_WORDS = [
  [LAZY_RESULT_I32, local.FLAG_RESULT],
  [LAZY_CARRY_I32, local.FLAG_CARRY],
] as const;
