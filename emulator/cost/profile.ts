import type { CpuFeature } from '../arch/cpuid.js';
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
  /** What CPUID offers, and no more than that works. */
  features: readonly CpuFeature[];
  /** Width of a physical address, 32 to 40; what memory does not fill of it reads as ones. */
  physicalAddressBits: number;
  /** Unified TLB of 4 KB, 2 MB and 4 MB entries, FIFO replacement within a set. */
  tlb: {
    entries: number;
    ways: number;
    /** Entries carry address-space identifiers that monitors may rely on. Absent: every world switch flushes. */
    tagged?: boolean;
  };
  /**
   * Entries of upper levels that a walk finds without reading memory (Bhargava et al., ASPLOS 2008, section 4.1 "Page Walk
   * Caching": fully associative, by the entry's physical address, so that no change of address space empties it). Entries of
   * the guest's tables and of nested ones share it. Absent: none, as with the paper's processors, for which none is documented.
   */
  walkCache?: { entries: number };
  /** Optional parts of SVM that this processor has; absent: none, and two address spaces. */
  svm?: SvmFeatures;
  prices: Readonly<Record<CostKey, Price>>;
}

/** Optional parts of SVM, as CPUID 8000_000A EDX names them (APM vol. 3, appendix E). */
export interface SvmFeatures {
  /** Address-space identifiers, that of the host included (EBX). */
  asids: number;
  /** NRIPS: an instruction's exit gives the address of the next one. */
  nextRip: boolean;
  /** DecodeAssists: exits of INVLPG, INT n and MOV to and from CRn and DRn give their operand, page faults the instruction's bytes. */
  decodeAssists: boolean;
  /** PauseFilter and PauseFilterThreshold: only every so manyth PAUSE of a loop exits. */
  pauseFilter: boolean;
}

/** What a processor without any optional part of SVM has: one address space for the host and one for guests. */
const PLAIN_SVM: SvmFeatures = { asids: 2, nextRip: false, decodeAssists: false, pauseFilter: false };

export function svmFeatures({ svm = PLAIN_SVM }: CpuProfile): SvmFeatures {
  return svm;
}
