import type { CostKey } from './keys.js';

/** One number and where it comes from. */
export interface Price {
  /** Cycles per event; may be a fraction, in steps of 1/1000. */
  value: number;
  /** `input`: measured hardware fact. `calibrated`: fitted to the paper. `guess`: neither; change it freely. */
  kind: 'input' | 'calibrated' | 'guess';
  source: string;
}

/** A processor: what it is, what it costs. Behaviour never depends on `prices`, except where guest or monitor reads the clock. */
export interface CpuProfile {
  name: string;
  description: string;
  frequencyHz: number;
  /** Unified TLB of 4 KB and 4 MB entries, FIFO replacement within a set. */
  tlb: { entries: number; ways: number };
  prices: Readonly<Record<CostKey, Price>>;
}
