/** Which shadow entries map a guest page: what must be write-protected when the page becomes traced. */
export class ReverseMap {
  private readonly entriesByPage = new Map<number, Set<number>>();

  /** @param entryHpa host-physical address of a second-level shadow entry. */
  add(page: number, entryHpa: number): void {
    const entries = this.entriesByPage.get(page);
    if (entries) entries.add(entryHpa);
    else this.entriesByPage.set(page, new Set([entryHpa]));
  }

  remove(page: number, entryHpa: number): void {
    const entries = this.entriesByPage.get(page);
    if (entries?.delete(entryHpa) && entries.size === 0) this.entriesByPage.delete(page);
  }

  entries(page: number): Iterable<number> {
    return this.entriesByPage.get(page) ?? [];
  }

  clear(): void {
    this.entriesByPage.clear();
  }
}
