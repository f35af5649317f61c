import { PAGE_BYTES } from '../arch/paging.js';
import type { PhysicalMemory } from '../platform/memory.js';

/** Told of a write to a traced page, by whatever path, after the bytes changed. */
export type TraceListener = (byteOffset: number, byteCount: number) => void;

/** What a page is traced for: shadow page tables, or what only binary translation derives from it: code, descriptors. */
export type TracePurpose = 'tables' | 'translation';

/** A request to see the writes to one guest page. */
export interface Trace {
  readonly page: number;
  /** Ends the trace; the page stays write-protected while others trace it too. Harmless when repeated. */
  release(): void;
}

/** A page that the guest may write to although it is traced: what it held before. */
interface Relaxed {
  before: Uint8Array;
}

/**
 * The traced pages of a guest. A page can be traced for several purposes at once (it holds a page table and
 * translated code); it stays traced until the last one is released.
 *
 * While nothing is translated, a page that is traced for translation alone can be {@link relax relaxed}: its listeners then
 * hear of all writes at once, from {@link restore}.
 */
export class Traces {
  private readonly listenersByPage = new Map<number, Map<TraceListener, TracePurpose>>();
  private readonly relaxed = new Map<number, Relaxed>();
  private readonly pageCount: number;

  /** @param onFirst called when a page begins to be traced: it must be write-protected wherever it is mapped. */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly onFirst: (page: number) => void,
  ) {
    this.pageCount = memory.sizeBytes / PAGE_BYTES;
    memory.onTracedWrite((page, byteOffset, byteCount) => this.tell(page, byteOffset, byteCount));
  }

  /** A page outside the guest's memory cannot change, so tracing it does nothing. */
  add(page: number, listener: TraceListener, purpose: TracePurpose): Trace {
    if (page >= this.pageCount) return { page, release: () => {} };
    this.restorePage(page);
    let listeners = this.listenersByPage.get(page);
    if (!listeners) {
      listeners = new Map();
      this.listenersByPage.set(page, listeners);
      this.protect(page);
    }
    // A fresh function object, so that one listener can trace a page twice.
    const own: TraceListener = (byteOffset, byteCount) => listener(byteOffset, byteCount);
    listeners.set(own, purpose);
    return { page, release: () => this.remove(page, own) };
  }

  /** Writes to the page are seen as they happen. */
  has(page: number): boolean {
    return this.listenersByPage.has(page) && !this.relaxed.has(page);
  }

  /** The page is traced for shadow page tables. */
  hasTables(page: number): boolean {
    const purposes = this.listenersByPage.get(page)?.values() ?? [];
    return [...purposes].includes('tables');
  }

  /** How many purposes a page is traced for. */
  count(page: number): number {
    return this.listenersByPage.get(page)?.size ?? 0;
  }

  /** Lets the guest write to a page that is traced for translation alone. @returns whether it is one. */
  relax(page: number): boolean {
    if (!this.has(page) || this.hasTables(page)) return false;
    this.relaxed.set(page, { before: this.bytes(page).slice() });
    this.memory.unmarkTraced(page);
    return true;
  }

  /** Traces all relaxed pages again and tells of what has been written to them. @returns how many there were. */
  restore(): number {
    const pages = [...this.relaxed.keys()];
    for (const page of pages) this.restorePage(page);
    return pages.length;
  }

  private restorePage(page: number): void {
    const relaxed = this.relaxed.get(page);
    if (!relaxed) return;
    this.relaxed.delete(page);
    this.protect(page);
    const { before } = relaxed;
    const now = this.bytes(page);
    // The listeners that are told may give up their traces, and trace the page for something else.
    for (const { at, count } of differences(before, now.slice())) this.tell(page, at, count);
  }

  private tell(page: number, byteOffset: number, byteCount: number): void {
    // A listener may release its own or another's trace.
    for (const listener of [...(this.listenersByPage.get(page)?.keys() ?? [])])
      listener(byteOffset, byteCount);
  }

  private protect(page: number): void {
    this.memory.markTraced(page);
    this.onFirst(page);
  }

  private bytes(page: number): Uint8Array {
    return this.memory.u8.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
  }

  private remove(page: number, listener: TraceListener): void {
    const listeners = this.listenersByPage.get(page);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.listenersByPage.delete(page);
    this.relaxed.delete(page);
    this.memory.unmarkTraced(page);
  }
}

/** Runs of bytes that are not the same. */
function* differences(before: Uint8Array, now: Uint8Array): Generator<{ at: number; count: number }> {
  for (let at = 0; at < before.length; at++) {
    const from = at;
    while (at < before.length && before[at] !== now[at]) at++;
    if (at > from) yield { at: from, count: at - from };
  }
}
