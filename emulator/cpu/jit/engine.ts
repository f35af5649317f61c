import { CR0_PE } from '../../arch/control.js';
import { FLAG_RF } from '../../arch/flags.js';
import { CPL_I32, CR0_I32, EFLAGS_I32 } from '../../arch/state.js';
import { ACCOUNT_INDEX, COST_KEY_COUNT, COST_KEY_INDEX } from '../../cost/keys.js';
import type { Ledger } from '../../cost/ledger.js';
import { ATTENTION_BREAKPOINT } from '../attention.js';
import type { Block } from '../block.js';
import type { BlockTable } from '../code-cache.js';
import type { Cpu } from '../cpu.js';
import type { Fetcher } from '../fetch.js';
import type { ShortWays } from '../processor.js';
import * as tlb from '../tlb.js';
import { Compiler } from './compiler.js';
import { EXIT_DELIVERED, EXIT_MASK } from './dispatch-code.js';
import type { RegionExit } from './frame.js';
import { ALLOWED, CONTROL, CONTROL_BYTES, MEMOS } from './layout.js';
import type { CompiledLayout } from './layout.js';
import { ShortWayTable } from './short-way-table.js';
import type { Unit } from './unit.js';

const PAGE_BYTES = 4096;
const PAGE_MASK = PAGE_BYTES - 1;
const USER_CPL = 3;
const USER_BITS = tlb.FAST_READ_USER | tlb.FAST_WRITE_USER;
const GUEST_ROW = ACCOUNT_INDEX.guest * COST_KEY_COUNT;
const PAGE_FAULTS = GUEST_ROW + COST_KEY_INDEX['page.fault'];
const REFERENCES = ACCOUNT_INDEX.walk * COST_KEY_COUNT + COST_KEY_INDEX['walk.reference'];
/** Of one stay in compiled code: so that the host's compiler gets to replace a function while it is not running. */
const MOST_INSTRUCTIONS = 1 << 17;
const MOST_TICKS = 1 << 30;
/** No page begins there. */
const NO_HOST_PAGE = 1;

/** {@link CONTROL} as places in an Int32Array. */
const WORDS = Object.fromEntries(
  Object.entries(CONTROL).map(([name, offset]) => [name, offset / Int32Array.BYTES_PER_ELEMENT]),
) as Record<keyof typeof CONTROL, number>;

/** For how long compiled code may run, and what of it the run loop keeps for itself. */
export interface Stay {
  readonly instructions: number;
  readonly ticks: number;
  /** Events go to a monitor. */
  readonly monitored: boolean;
  /** Physical page that control must not come to, or -1. */
  readonly entryPage: number;
  readonly shortWays: ShortWays | null;
}

/**
 * The second engine: runs compiled units in place of the interpreter. It must not be seen: state, time, counts and
 * traces are those of the interpreter at every point where anything can look.
 */
export class CompiledEngine {
  /** Compiled code goes with the blocks that it was made from (checkpoint.ts). */
  static readonly checkpointing = { derived: ['compiler'] };
  private readonly compiler: Compiler;
  private readonly control: Int32Array;
  private readonly view: DataView;
  /** A unit is under execution: the time is not exact then. */
  isRunning = false;
  /** The unit that was left last. */
  unit: Unit | null = null;
  /** What was thrown where a unit has called back, for whoever entered it; null when it just left. */
  thrown: unknown = null;
  /** What helpers have charged to the ledger themselves while units counted it down too. */
  private chargedTicks = 0;
  /** Instructions that the monitor would have emulated: the short ways that were gone since units were entered. */
  emulated = 0;
  private readonly shortWays: ShortWayTable;

  constructor(
    private readonly cpu: Cpu,
    private readonly ledger: Ledger,
    layout: CompiledLayout,
  ) {
    const { buffer } = layout.memory;
    this.view = new DataView(buffer);
    this.control = new Int32Array(buffer, layout.arenaBytes, CONTROL_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.compiler = new Compiler(
      layout,
      {
        fillTlb: (linear, write) => this.fillTlb(linear, write !== 0),
        invalidate: (linear) => this.invalidate(linear),
        storeMarked: (host, bytes, value) => this.storeMarked(host, bytes, value),
      },
      ledger,
    );
    this.shortWays = new ShortWayTable(layout);
  }

  afterRestore(): void {
    this.compiler.forget();
    this.shortWays.forget();
  }

  /** Compiled code changes the privilege in the state area; the processor's own fields follow when it is left. */
  private get isUser(): boolean {
    return this.cpu.s32[CPL_I32] === USER_CPL;
  }

  consider(table: BlockTable, block: Block, physicalPage: number): void {
    const { memory, codeIs32 } = this.cpu;
    this.compiler.consider(table, block, memory.baseBytes + physicalPage * PAGE_BYTES, codeIs32);
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
   * Enters the block's unit at the block. Registers, eip, time, counts, instructions and the fetcher are up to date when
   * it comes back. @returns where which {@link unit} was left; null: by the delivery of an event, all done.
   */
  run(block: Block, eip: number, fetcher: Fetcher, stay: Stay): RegionExit | null {
    const { cpu, control, ledger } = this;
    const { baseBytes } = cpu.memory;
    const instructions = Math.min(stay.instructions, MOST_INSTRUCTIONS);
    const ticks = Math.max(Math.min(stay.ticks, MOST_TICKS), -1);
    control[WORDS.instructions] = instructions;
    control[WORDS.ticks] = ticks;
    control[WORDS.allowed] = this.allowed(stay);
    control[WORDS.linearPage] = fetcher.linearPage;
    control[WORDS.hostPage] = baseBytes + fetcher.physicalPage * PAGE_BYTES;
    control[WORDS.refetch] = 0;
    control[WORDS.fault] = 0;
    control[WORDS.poll] = 0;
    control[WORDS.asid] = cpu.mmu.tlb.asid;
    control[WORDS.entryPage] = stay.entryPage < 0 ? NO_HOST_PAGE : baseBytes + stay.entryPage * PAGE_BYTES;
    for (let memo = 0; memo < MEMOS.length; memo++) control[WORDS.memoKeys + memo] = 0;
    this.thrown = null;
    this.chargedTicks = 0;
    this.isRunning = true;
    const exit = this.compiler.dispatch(
      block.unit!.slot,
      block.unitIndex,
      (eip - block.first.pageOffset) | 0,
    );
    this.isRunning = false;
    this.emulated = stay.shortWays === null ? 0 : this.shortWays.close(stay.shortWays);
    if (this.emulated > 0) cpu.segmentationChanged();
    cpu.instructions += instructions - control[WORDS.instructions] - this.emulated;
    ledger.ticks += ticks - control[WORDS.ticks] - this.chargedTicks;
    this.takeCounts();
    const cpl = cpu.s32[CPL_I32];
    if ((cpl === USER_CPL) !== cpu.user) cpu.cpl = cpl;
    if ((cpu.s32[EFLAGS_I32] & FLAG_RF) !== 0) cpu.flagsChanged();
    if (control[WORDS.refetch] !== 0) fetcher.restart();
    else fetcher.hold(control[WORDS.linearPage], ((control[WORDS.hostPage] >>> 0) - baseBytes) / PAGE_BYTES);
    if (exit === EXIT_DELIVERED) return null;
    if (control[WORDS.fault] !== 0) {
      cpu.fault.setPageFault(control[WORDS.faultLinear], control[WORDS.faultCode]);
      this.thrown = cpu.fault;
    }
    this.unit = this.compiler.unit(control[WORDS.slot]);
    return this.unit.exits[exit & EXIT_MASK];
  }

  /** A poll is owed for the event that was delivered last. */
  get owesPoll(): boolean {
    return this.control[WORDS.poll] !== 0;
  }

  /** Adds what has been executed to the ledger's rows. */
  fold(): void {
    this.compiler.fold(GUEST_ROW);
  }

  /** Bits of ALLOWED. */
  private allowed({ monitored, shortWays, instructions, ticks }: Stay): number {
    const { cpu } = this;
    const { guestMode, svmUnit, mmu } = cpu;
    let bits = mmu.walksTwoLevels ? ALLOWED.walks : 0;
    if (!mmu.tlb.hasFragments && !(guestMode && svmUnit.interceptsInvalidation))
      bits |= ALLOWED.invalidations;
    // Where every block is to be looked at before it is entered, the run loop goes from page to page.
    if ((cpu.attention & ATTENTION_BREAKPOINT) !== 0) return bits;
    bits |= ALLOWED.chains;
    const isFar = instructions > 2 * MOST_INSTRUCTIONS && ticks > 2 * MOST_TICKS;
    if (shortWays !== null && this.shortWays.open(shortWays, isFar))
      bits |= ALLOWED.shortWays | ALLOWED.transfers;
    // An event is nobody's business but the guest's, and none is waiting for IF.
    const isPrivate =
      !monitored &&
      cpu.pollAttention === 0 &&
      !cpu.nmiBlocked &&
      !cpu.parts.trace.enabled &&
      !cpu.debugUnit.watchesEvents &&
      (cpu.s32[CR0_I32] & CR0_PE) !== 0;
    if (!isPrivate) return bits;
    if (!(guestMode && svmUnit.interceptsTransfers)) bits |= ALLOWED.transfers;
    if (!(guestMode && svmUnit.interceptsPageFaults)) bits |= ALLOWED.faults;
    return bits;
  }

  private takeCounts(): void {
    const { control, ledger } = this;
    ledger.rows[REFERENCES] += control[WORDS.references];
    control[WORDS.references] = 0;
    ledger.rows[PAGE_FAULTS] += control[WORDS.faultsDelivered];
    control[WORDS.faultsDelivered] = 0;
    if (control[WORDS.invalidations] === 0) return;
    const { tlb } = this.cpu.mmu;
    tlb.invalidations += control[WORDS.invalidations];
    tlb.lastInvalidated = control[WORDS.lastInvalidated] >>> 0;
    control[WORDS.invalidations] = 0;
  }

  private get isStale(): boolean {
    return this.compiler.unit(this.control[WORDS.slot]).isStale;
  }

  /** @returns the fast entry that allows the access, or 0: the unit has to be left, with or without something thrown. */
  private fillTlb(linear: number, write: boolean): number {
    const { cpu, control, ledger } = this;
    const { mmu } = cpu;
    const before = ledger.ticks;
    try {
      if (mmu.tryAccess(linear, write, this.isUser, false) < 0) {
        control[WORDS.fault] = 1;
        control[WORDS.faultCode] = cpu.fault.errorCode;
        control[WORDS.faultLinear] = cpu.fault.cr2;
        return 0;
      }
    } catch (thrown) {
      this.thrown = thrown;
      return 0;
    } finally {
      control[WORDS.helperTicks] = ledger.ticks - before;
      this.chargedTicks += ledger.ticks - before;
    }
    const entry = mmu.tlb.fast[linear >>> 12];
    const bits = write
      ? tlb.FAST_WRITE_SUPERVISOR | tlb.FAST_WRITE_USER
      : tlb.FAST_READ_SUPERVISOR | tlb.FAST_READ_USER;
    const isAllowed = (entry & bits & (this.isUser ? USER_BITS : ~USER_BITS)) !== 0;
    // Setting an accessed bit may have changed the unit's own code.
    return isAllowed && !this.isStale ? entry : 0;
  }

  /** INVLPG, permitted. */
  private invalidate(linear: number): number {
    this.cpu.mmu.tlb.forgetPage(linear);
    return 0;
  }

  /** A store to a page that code was decoded from. @returns whether the unit is stale now. */
  private storeMarked(host: number, bytes: number, value: number): number {
    const { memory } = this.cpu;
    const address = host >>> 0;
    if (bytes === 4) this.view.setInt32(address, value, true);
    else if (bytes === 2) this.view.setInt16(address, value, true);
    else this.view.setInt8(address, value);
    memory.noteWrite(address - memory.baseBytes, bytes);
    this.shortWays.shut();
    return this.isStale ? 1 : 0;
  }
}
