import { PAGE_BYTES } from '../arch/paging.js';
import type { PhysicalMemory } from '../platform/memory.js';

/** Told of a write to a traced page, by whatever path, after the bytes changed. */
export type TraceListener = (byteOffset: number, byteCount: number) => void;

/** A request to see the writes to one guest page. */
export interface Trace {
  readonly page: number;
  /** Ends the trace; the page stays write-protected while others trace it too. Harmless when repeated. */
  release(): void;
}

/**
 * The traced pages of a guest. A page can be traced for several purposes at once (it holds a page table and
 * translated code); it stays traced until the last one is released.
 */
export class Traces {
  private readonly listenersByPage = new Map<number, Set<TraceListener>>();
  private readonly pageCount: number;

  /** @param onFirst called when a page begins to be traced: it must be write-protected wherever it is mapped. */
  constructor(
    private readonly memory: PhysicalMemory,
    private readonly onFirst: (page: number) => void,
  ) {
    this.pageCount = memory.sizeBytes / PAGE_BYTES;
    memory.onTracedWrite((page, byteOffset, byteCount) => {
      // A listener may release its own or another's trace.
      for (const listener of [...(this.listenersByPage.get(page) ?? [])]) listener(byteOffset, byteCount);
    });
  }

  /** A page outside the guest's memory cannot change, so tracing it does nothing. */
  add(page: number, listener: TraceListener): Trace {
    if (page >= this.pageCount) return { page, release: () => {} };
    let listeners = this.listenersByPage.get(page);
    if (!listeners) {
      listeners = new Set();
      this.listenersByPage.set(page, listeners);
      this.memory.markTraced(page);
      this.onFirst(page);
    }
    // A fresh function object, so that one listener can trace a page twice.
    const own: TraceListener = (byteOffset, byteCount) => listener(byteOffset, byteCount);
    listeners.add(own);
    return { page, release: () => this.remove(page, own) };
  }

  has(page: number): boolean {
    return this.listenersByPage.has(page);
  }

  /** How many purposes a page is traced for. */
  count(page: number): number {
    return this.listenersByPage.get(page)?.size ?? 0;
  }

  private remove(page: number, listener: TraceListener): void {
    const listeners = this.listenersByPage.get(page);
    if (!listeners?.delete(listener) || listeners.size > 0) return;
    this.listenersByPage.delete(page);
    this.memory.unmarkTraced(page);
  }
}
