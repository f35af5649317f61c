import type { Ledger } from '../../cost/ledger.js';
import { ACCOUNT_INDEX, COST_KEY_COUNT } from '../../cost/keys.js';
import { CR0_PE } from '../../arch/control.js';
import { CPL_I32, CR0_I32 } from '../../arch/state.js';
import type { Block } from '../block.js';
import type { BlockTable } from '../code-cache.js';
import type { Cpu } from '../cpu.js';
import * as tlb from '../tlb.js';
import { Compiler, OUT_WORDS } from './compiler.js';
import type { RegionExit } from './frame.js';
import type { CompiledLayout } from './layout.js';
import type { Unit } from './unit.js';

const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
const USER_CPL = 3;
const USER_BITS = tlb.FAST_READ_USER | tlb.FAST_WRITE_USER;
const GUEST_ROW = ACCOUNT_INDEX.guest * COST_KEY_COUNT;
/** Of one stay in a unit: so that the host's compiler gets to replace a function while it is not running. */
const MOST_INSTRUCTIONS = 1 << 20;
const MOST_TICKS = 1 << 30;

/**
 * The second engine: runs compiled units in place of the interpreter. It must not be seen: state, time, counts and
 * traces are those of the interpreter at every point where anything can look.
 */
export class CompiledEngine {
  /** Compiled code goes with the blocks that it was made from (checkpoint.ts). */
  static readonly checkpointing = { derived: ['compiler'] };
  private readonly compiler: Compiler;
  private readonly out: Int32Array;
  private readonly view: DataView;
  /** The unit under execution. */
  private active: Unit | null = null;
  /** Units with executions that are not in the ledger's rows yet. */
  private unfolded: Unit[] = [];
  /** What was thrown where a unit has called back, for whoever entered it; null when it just left. */
  thrown: unknown = null;

  constructor(
    private readonly cpu: Cpu,
    private readonly ledger: Ledger,
    layout: CompiledLayout,
  ) {
    const { buffer } = layout.memory;
    this.view = new DataView(buffer);
    this.compiler = new Compiler(
      layout,
      {
        fillTlb: (linear, write) => this.fillTlb(linear, write !== 0),
        storeMarked: (host, bytes, value) => this.storeMarked(host, bytes, value),
      },
      ledger,
      () => this.fold(),
    );
    this.out = new Int32Array(buffer, this.compiler.outBytes, OUT_WORDS);
  }

  /** Whether a unit is under execution: the time is not exact then. */
  get isRunning(): boolean {
    return this.active !== null;
  }

  /** Compiled code changes the privilege in the state area; the processor's own fields follow when it is left. */
  private get isUser(): boolean {
    return this.cpu.s32[CPL_I32] === USER_CPL;
  }

  consider(table: BlockTable, block: Block, physicalPage: number): void {
    const { baseBytes } = this.cpu.memory;
    this.compiler.consider(table, block, (baseBytes + physicalPage * PAGE_BYTES) | 0);
  }

  /** Whether the processor's mode is one that units are compiled for, with all of the block's page within CS. */
  admits(block: Block, eip: number): boolean {
    const { cpu } = this;
    const pageEip = (eip >>> 0) - block.first.pageOffset;
    return (
      cpu.stackMask === -1 && pageEip >= 0 && pageEip + PAGE_MASK <= Math.min(cpu.codeLimit, 0xffff_ffff)
    );
  }

  /**
   * Enters the block's unit at the block. Registers, eip, time and instructions are up to date when it comes
   * back, with the operations charged that the block it was left in did not complete.
   */
  run(
    unit: Unit,
    block: Block,
    eip: number,
    instructions: number,
    ticks: number,
    deliversItself: boolean,
  ): RegionExit {
    const { cpu, out } = this;
    // An event is nobody's business but the guest's, and none is waiting for IF.
    const allowed =
      deliversItself &&
      cpu.pollAttention === 0 &&
      !(cpu.guestMode && cpu.svmUnit.interceptsTransfers) &&
      !cpu.nmiBlocked &&
      !cpu.parts.trace.enabled &&
      (cpu.s32[CR0_I32] & CR0_PE) !== 0;
    out[2] = allowed ? 1 : 0;
    const instructionsIn = Math.min(instructions, MOST_INSTRUCTIONS);
    const ticksIn = Math.max(Math.min(ticks, MOST_TICKS), -1);
    if (!unit.isListed) {
      unit.isListed = true;
      this.unfolded.push(unit);
    }
    this.thrown = null;
    this.active = unit;
    const exit = unit.run(
      block.unitIndex,
      (eip - block.first.pageOffset) | 0,
      instructionsIn,
      ticksIn,
      cpu.readBit,
      cpu.writeBit,
    );
    this.active = null;
    cpu.instructions += instructionsIn - out[0];
    this.ledger.ticks += ticksIn - out[1];
    const cpl = cpu.s32[CPL_I32];
    if ((cpl === USER_CPL) !== cpu.user) cpu.cpl = cpl;
    return unit.exits[exit];
  }

  /** Takes back what a unit has charged too much. */
  refund(unit: Unit, exit: RegionExit): void {
    this.cpu.instructions -= unit.blocks[exit.block].refund(exit.completed, this.ledger, GUEST_ROW);
  }

  /** Adds what has been executed to the ledger's rows. */
  fold(): void {
    for (const unit of this.unfolded) {
      unit.isListed = false;
      unit.fold(this.ledger.rows, GUEST_ROW);
    }
    this.unfolded = [];
  }

  /** @returns the fast entry that allows the access, or 0: the unit has to be left, with or without something thrown. */
  private fillTlb(linear: number, write: boolean): number {
    const { cpu } = this;
    const { mmu } = cpu;
    try {
      if (mmu.tryAccess(linear, write, this.isUser, false) < 0) {
        this.thrown = cpu.fault;
        return 0;
      }
    } catch (thrown) {
      this.thrown = thrown;
      return 0;
    }
    const entry = mmu.tlb.fast[linear >>> 12];
    const bits = write
      ? tlb.FAST_WRITE_SUPERVISOR | tlb.FAST_WRITE_USER
      : tlb.FAST_READ_SUPERVISOR | tlb.FAST_READ_USER;
    const isAllowed = (entry & bits & (this.isUser ? USER_BITS : ~USER_BITS)) !== 0;
    // Setting an accessed bit may have changed the unit's own code.
    return isAllowed && !this.active!.isStale ? entry : 0;
  }

  /** A store to a page that code was decoded from. @returns whether the unit is stale now. */
  private storeMarked(host: number, bytes: number, value: number): number {
    const { memory } = this.cpu;
    const address = host >>> 0;
    if (bytes === 4) this.view.setInt32(address, value, true);
    else if (bytes === 2) this.view.setInt16(address, value, true);
    else this.view.setInt8(address, value);
    memory.noteWrite(address - memory.baseBytes, bytes);
    return this.active!.isStale ? 1 : 0;
  }
}
