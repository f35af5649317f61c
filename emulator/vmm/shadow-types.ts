import type { CostKey } from '../cost/keys.js';
import type { Machine } from '../machine.js';
import type { FrameAllocator } from './frames.js';

/** What a page fault taken on the shadow tables means. */
export type FaultOutcome =
  /** The guest's own: it must see it with this error code. */
  | { kind: 'true'; errorCode: number }
  /** A shadow miss, filled meanwhile: run the instruction again. */
  | { kind: 'hidden' }
  /** A write to a traced page, allowed by the guest: emulate the instruction on the virtual processor. */
  | { kind: 'trace'; page: number }
  /** Allowed by the guest, but no shadow entry may allow it: emulate the instruction on the virtual processor. */
  | { kind: 'emulate' };

/** What must be invalidated in the host's TLB before the guest runs on. */
export interface PendingFlush {
  all: boolean;
  /** Linear addresses whose entries must go, when not all must. */
  pages: readonly number[];
}

/** How the shadow is kept: the switches that are about it. */
export interface ShadowPolicy {
  /** When edits of guest page tables reach the shadow: at once, by traces; or when a TLB would have to forget. */
  traces: 'eager' | 'lazy';
  /** Address spaces whose shadows are kept; 0: each load of an address space begins with nothing. */
  shadowCache: number;
  /** Entries that the guest has used are filled ahead of faults. */
  prevalidation: boolean;
}

export interface ShadowOptions {
  host: Machine;
  guest: Machine;
  frames: FrameAllocator;
  policy: ShadowPolicy;
  /** Counts work of the monitor. */
  charge: (key: CostKey, count?: number) => void;
}
