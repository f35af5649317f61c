import type { ExitReason } from '../arch/exits.js';
import type { ShadowStatistics } from './shadow-statistics.js';
import type { Machine, RunLimits, Stop } from '../machine.js';

/** Count and cost of one exit reason: cycles from the exit to the guest's resumption. */
export interface ExitRow {
  count: number;
  cycles: number;
  minCycles: number;
  maxCycles: number;
}

/** What a guest may end with, whatever runs it. */
export type GuestStop = Extract<
  Stop,
  { kind: 'halted' | 'exit' | 'tripleFault' | 'budget' | 'requested' | 'breakpoint' }
>;

/**
 * A virtual machine monitor: a program that owns a machine and runs one guest on it. The guest's registers,
 * memory and devices are those of `guest`, a virtual machine, and are current whenever `run` is not on the stack.
 */
export interface Vmm {
  /** The physical machine. */
  readonly host: Machine;
  /** The virtual machine that the guest sees. For `native` it is the host itself. */
  readonly guest: Machine;
  /** Runs the guest. Limits count host instructions and host cycles. */
  run(limits?: RunLimits): GuestStop;
  /** Exit reasons after which a run stops with 'breakpoint'; null: none. Changes nothing else. */
  exitPoints: ReadonlySet<ExitReason> | null;
  /** Exits so far, by reason; reasons that never happened are absent. */
  readonly exits: ReadonlyMap<ExitReason, ExitRow>;
  /** What its shadow page tables have done so far; null for a technique without any. */
  readonly shadowStatistics: ShadowStatistics | null;
  /** The same by monitor, named by technique, where the guest has more than one. */
  readonly exitsByHalf?: Readonly<Record<string, ReadonlyMap<ExitReason, ExitRow>>>;
}
