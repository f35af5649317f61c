import { PAGE_BYTES } from '../arch/paging.js';
import type { ShadowTable } from './shadow-table.js';
import type { Trace, TraceListener, Traces } from './traces.js';

/** One page of the guest that holds a page table which is in the shadow. */
interface TablePage {
  /** The shadow tables derived from it, which differ in rights; with their traces, or null while the page is loose. */
  readonly traces: Map<ShadowTable, Trace | null>;
  loose: boolean;
}

/**
 * The guest pages that second-level shadow tables are derived from. They are traced, so that the tables are
 * always up to date; or loose: the guest writes to them unseen, and what the tables say may be out of date as a TLB's
 * entries may, until they are synchronised (KVM calls such tables "unsync"; Adams & Agesen, section 7.2).
 */
export class TablePages {
  private readonly pages = new Map<number, TablePage>();
  private readonly loosePages = new Set<number>();

  constructor(
    private readonly traces: Traces,
    private readonly listenerOf: (table: ShadowTable) => TraceListener,
  ) {}

  /** A table that begins to be; it has no entries, so it is up to date even if its page is loose. */
  add(table: ShadowTable): void {
    const page = pageOf(table);
    let known = this.pages.get(page);
    if (!known) this.pages.set(page, (known = { traces: new Map(), loose: false }));
    known.traces.set(table, known.loose ? null : this.trace(page, table));
  }

  remove(table: ShadowTable): void {
    const page = pageOf(table);
    const known = this.pages.get(page);
    known?.traces.get(table)?.release();
    known?.traces.delete(table);
    if (known?.traces.size !== 0) return;
    this.pages.delete(page);
    this.loosePages.delete(page);
  }

  /**
   * Lets the guest write to a traced page unseen, from here on.
   * @returns false when the page is traced for another purpose too, which must see each write.
   */
  loosen(page: number): boolean {
    const known = this.pages.get(page);
    if (!known || known.loose || this.traces.count(page) !== known.traces.size) return false;
    for (const [table, trace] of known.traces) {
      trace!.release();
      known.traces.set(table, null);
    }
    known.loose = true;
    this.loosePages.add(page);
    return true;
  }

  /** Traces a loose page again. @returns its tables, which are to be brought up to date. */
  tighten(page: number): Iterable<ShadowTable> {
    const known = this.pages.get(page)!;
    known.loose = false;
    this.loosePages.delete(page);
    for (const table of known.traces.keys()) known.traces.set(table, this.trace(page, table));
    return known.traces.keys();
  }

  get anyLoose(): boolean {
    return this.loosePages.size > 0;
  }

  /** The loose pages that hold a table for which `matters` says so. */
  looseWhere(matters: (table: ShadowTable) => boolean): number[] {
    return [...this.loosePages].filter((page) => [...this.pages.get(page)!.traces.keys()].some(matters));
  }

  /** Whether the guest may have changed a table's page unseen. */
  isLoose(table: ShadowTable): boolean {
    return !table.source.large && this.loosePages.has(pageOf(table));
  }

  private trace(page: number, table: ShadowTable): Trace {
    return this.traces.add(page, this.listenerOf(table), 'tables');
  }
}

/** Number of the guest-physical page. */
function pageOf({ source }: ShadowTable): number {
  return source.gpa / PAGE_BYTES;
}
