import type { ExitReason } from '../arch/exits.js';
import type { Processor } from './processor.js';

/** Bytes [first, last] by linear address. */
export interface MemoryPoint {
  readonly first: number;
  readonly last: number;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** Where the owner of a machine wants its runs to stop. Nothing else about a run changes by them. */
export interface OwnerPoints {
  /** Linear addresses of instructions: the run stops before. */
  readonly code: ReadonlySet<number>;
  /** The run stops after the instruction that touches one; as for the rest. */
  readonly data: readonly MemoryPoint[];
  readonly ports: readonly { readonly first: number; readonly last: number }[];
  /** The run stops at the first instruction of the handler. */
  readonly vectors: ReadonlySet<number>;
  /** Asked between blocks, hence at every change of mode. @returns the mode to stop for, or null. */
  readonly mode?: (cpu: Processor) => string | null;
}

export const NO_POINTS: OwnerPoints = { code: new Set(), data: [], ports: [], vectors: new Set() };

/** What a run has stopped for. */
export type OwnerHit =
  | { kind: 'address'; linear: number }
  | { kind: 'memory'; linear: number; bytes: number; write: boolean }
  | { kind: 'port'; port: number; bytes: number; direction: 'in' | 'out' }
  | { kind: 'event'; vector: number }
  | { kind: 'mode'; mode: string }
  /** Of a monitor, after it handled the exit; `eip` is where the guest was. */
  | { kind: 'exit'; reason: ExitReason; eip: number };
