import type { GuestEntries } from './guest-entries.js';
import { tableIndex } from './shadow-layout.js';
import type { ShadowStatistics } from './shadow-statistics.js';
import type { ShadowTable } from './shadow-table.js';
import type { ShadowTables } from './shadow-tables.js';
import type { ShadowOptions } from './shadow-types.js';

/** Guest entries side by side are brought in by one access of the monitor: a cache line of them. */
export const ACCESS_BYTES = 64;

/**
 * Brings entries of shadow tables up to date with the guest's: one by one as traces tell, or, with lazy traces, those of a
 * table that lost its trace, when a processor would have to forget what it knows of them.
 */
export class ShadowSync {
  constructor(
    private readonly tables: ShadowTables,
    private readonly guest: GuestEntries,
    private readonly options: Pick<ShadowOptions, 'policy' | 'charge'>,
    private readonly counted: ShadowStatistics,
    /** Told of a linear address whose entry has changed, and must go from the host's TLB. */
    private readonly onChanged: (gva: number) => void,
  ) {}

  /** @returns whether the entry is another one now. */
  entry(table: ShadowTable, index: number): boolean {
    const { low, high } = this.guest.derived(table.source, index);
    return this.tables.setEntry(table, index, low, high);
  }

  /** Fills a new table with what the guest has used. Of a large page no entry tells which of its parts are, so they wait for faults. */
  prefill(table: ShadowTable): void {
    if (!table.source.large) this.review(table, (entry) => entry === 0);
  }

  /** @returns whether the guest may write to the page from here on; the trace is wanted otherwise. */
  loosen(page: number): boolean {
    if (this.options.policy.traces !== 'lazy' || !this.tables.pages.loosen(page)) return false;
    this.counted.loosened++;
    return true;
  }

  /** Traces again the pages of those of the tables that are loose, and brings what was derived from them up to date. */
  tightenWhere(isWanted: (table: ShadowTable) => boolean): void {
    for (const page of this.tables.pages.looseWhere(isWanted)) this.tighten(page);
  }

  tighten(page: number): void {
    const { prevalidation } = this.options.policy;
    // Of what is not in the shadow nothing can be out of date.
    const wanted = prevalidation ? (): boolean => true : (entry: number): boolean => entry !== 0;
    for (const table of this.tables.pages.tighten(page)) this.review(table, wanted);
  }

  /** Brings the entry for one address in a table up to date, if it may not be. */
  page(table: ShadowTable, gva: number): void {
    if (!this.tables.pages.isLoose(table)) return;
    this.options.charge('vmm.guest.access');
    this.counted.synchronised++;
    if (this.entry(table, tableIndex(table.layout, gva))) this.onChanged(gva);
  }

  /** Derives the entries anew that are `wanted` by what they are now. */
  private review(table: ShadowTable, wanted: (entry: number) => boolean): void {
    const { tables, options, counted } = this;
    const { entriesPerTable, entryBytes } = table.layout;
    let paidFor = -1;
    for (let index = 0; index < entriesPerTable; index++) {
      const before = tables.entry(table, index);
      if (!wanted(before)) continue;
      const line = Math.floor((index * entryBytes) / ACCESS_BYTES);
      if (line !== paidFor) options.charge('vmm.guest.access');
      paidFor = line;
      const changed = this.entry(table, index);
      if (before !== 0) counted.synchronised++;
      else if (changed) counted.prefilled++;
    }
  }
}
