/** What shadow page tables have done so far. All are counts of events but the last two, which say what there is now. */
export interface ShadowStatistics {
  /** Page faults that were the guest's own. */
  trueFaults: number;
  /** Page faults that only the shadow took: an entry that was not there, or that no longer said what the guest's does. */
  hiddenFaults: number;
  /** Page faults for a write to a traced page, which was emulated. */
  traceFaults: number;
  /** Page faults for an access that no shadow entry may allow: to devices, to what the monitor keeps for itself. */
  emulatedFaults: number;
  /** Writes to guest page tables that their traces told of, by whatever path: one for each page directory or table affected. */
  tracesFired: number;
  /** Entries filled because a fault asked for them. */
  filled: number;
  /** Entries filled at once when a traced write made the guest's present. */
  eagerlyFilled: number;
  /** Entries filled ahead of faults: prevalidation. */
  prefilled: number;
  /** Guest page tables that lost their traces when they were written to: `traces` = lazy. */
  loosened: number;
  /** Entries derived anew, or found good, since such a table may have changed unseen. */
  synchronised: number;
  /** Loads of an address space whose shadow was there. */
  cacheHits: number;
  /** Loads of an address space without one. */
  cacheMisses: number;
  /** Address spaces whose shadow was given up because the budget was used up. */
  evictions: number;
  /** Times that all was given up because no frame was left. */
  exhaustions: number;
  /** Shadow page directories in existence. */
  roots: number;
  /** Second-level shadow tables in existence. */
  tables: number;
}

export function noStatistics(): ShadowStatistics {
  return {
    trueFaults: 0,
    hiddenFaults: 0,
    traceFaults: 0,
    emulatedFaults: 0,
    tracesFired: 0,
    filled: 0,
    eagerlyFilled: 0,
    prefilled: 0,
    loosened: 0,
    synchronised: 0,
    cacheHits: 0,
    cacheMisses: 0,
    evictions: 0,
    exhaustions: 0,
    roots: 0,
    tables: 0,
  };
}
