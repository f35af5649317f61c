/** One executed cell: session number, line number, source. Session 0 means "this one" in a request. */
export type HistoryEntry = readonly [session: number, line: number, source: string];

/** What has been executed in this kernel, kept in memory. Earlier kernels' history is not kept, and not made up. */
export class History {
  readonly #session = 1;
  readonly #entries: HistoryEntry[] = [];

  add(line: number, source: string): void {
    this.#entries.push([this.#session, line, source]);
  }

  /** Entries for a history_request's content; an access type or field that makes no sense finds nothing. */
  find(request: Readonly<Record<string, unknown>>): readonly HistoryEntry[] {
    const count = typeof request['n'] === 'number' ? request['n'] : Infinity;
    switch (request['hist_access_type']) {
      case 'tail':
        return last(this.#entries, count);
      case 'range':
        return this.#range(request);
      case 'search':
        return this.#search(String(request['pattern'] ?? '*'), request['unique'] === true, count);
      default:
        return [];
    }
  }

  #range({ session, start, stop }: Readonly<Record<string, unknown>>): readonly HistoryEntry[] {
    if (session !== undefined && session !== 0 && session !== this.#session) return [];
    const from = typeof start === 'number' ? start : 0;
    const to = typeof stop === 'number' ? stop : Infinity;
    return this.#entries.filter(([, line]) => line >= from && line < to);
  }

  #search(pattern: string, unique: boolean, count: number): readonly HistoryEntry[] {
    const glob = globToRegExp(pattern);
    let found = this.#entries.filter(([, , source]) => glob.test(source));
    if (unique) found = [...new Map(found.map((entry) => [entry[2], entry])).values()];
    return last(found, count);
  }
}

function last<T>(list: readonly T[], count: number): readonly T[] {
  return list.slice(Math.max(0, list.length - count));
}

/** `*` is any text, `?` any one character; all else stands for itself. */
function globToRegExp(glob: string): RegExp {
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  const source = escaped.replace(/\*+/g, '.*').replace(/\?/g, '.');
  return new RegExp(`^${source}$`, 's');
}
