import type { HistoryStore } from './history-store.js';

/** A cell's text result, where it had one, is kept beside its source up to this length. */
const RESULT_CHARACTERS = 2000;

/** A cell as a store keeps it. */
export interface KeptCell {
  readonly session: number;
  readonly line: number;
  readonly source: string;
  result: string | null;
}

/** What has been executed, by this kernel and, where there is a store, by those before it. */
export class History {
  readonly #cells: Omit<KeptCell, 'session'>[] = [];

  /** @param store keeps cells for later kernels; without one they are forgotten with this kernel */
  constructor(private readonly store?: HistoryStore) {}

  /** Number of this kernel's session: sessions count from 1. */
  get #session(): number {
    return this.store?.session ?? 1;
  }

  add(line: number, source: string): void {
    this.#cells.push({ line, source, result: null });
    this.store?.add({ line, source });
  }

  /** Writes what is to be kept and has not been written yet. */
  flush(): void {
    this.store?.flush();
  }

  /** The text result of the cell that was added last under this number. */
  addResult(line: number, text: string): void {
    const result = text.slice(0, RESULT_CHARACTERS);
    const cell = this.#cells.findLast((cell) => cell.line === line);
    if (cell === undefined) return;
    cell.result = result;
    this.store?.add({ line, result });
  }

  /** Entries for a history_request's content; an access type or field that makes no sense finds nothing. */
  find(request: Readonly<Record<string, unknown>>): readonly KeptCell[] {
    const count = typeof request['n'] === 'number' ? request['n'] : Infinity;
    switch (request['hist_access_type']) {
      case 'tail':
        return last(this.#all(), count);
      case 'range':
        return this.#range(request);
      case 'search':
        return this.#search(String(request['pattern'] ?? '*'), request['unique'] === true, count);
      default:
        return [];
    }
  }

  /** This kernel's cells. Asking for the session's number reads the store, which a running cell need not wait for. */
  #own(): KeptCell[] {
    const session = this.#session;
    return this.#cells.map((cell) => ({ session, ...cell }));
  }

  #all(): readonly KeptCell[] {
    return [...(this.store?.earlier() ?? []), ...this.#own()];
  }

  #range({ session, start, stop }: Readonly<Record<string, unknown>>): readonly KeptCell[] {
    const given = typeof session === 'number' ? session : 0;
    // Session 0 is this one, and below it they are counted back (jupyter_client, "History").
    const wanted = given > 0 ? given : this.#session + given;
    const from = typeof start === 'number' ? start : 0;
    const to = typeof stop === 'number' ? stop : Infinity;
    return this.#all().filter((cell) => cell.session === wanted && cell.line >= from && cell.line < to);
  }

  #search(pattern: string, unique: boolean, count: number): readonly KeptCell[] {
    let found = this.#all().filter(({ source }) => matchesGlob(pattern, source));
    if (unique) found = newestOfEach(found);
    return last(found, count);
  }
}

function last<T>(list: readonly T[], count: number): readonly T[] {
  return list.slice(Math.max(0, list.length - count));
}

/** Of cells with the same source the newest, where it stands. */
function newestOfEach(cells: readonly KeptCell[]): KeptCell[] {
  const newest = new Map(cells.map((cell) => [cell.source, cell]));
  return cells.filter((cell) => newest.get(cell.source) === cell);
}

/**
 * `*` is any text, `?` any one character; all else stands for itself. Linear in the text for each `*`: a pattern comes
 * from outside, and a regular expression made of many `*` could run for ever.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let s = 0;
  let star = -1;
  let resume = 0;
  while (s < text.length) {
    if (pattern[p] === '*') {
      star = p++;
      resume = s;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[s])) {
      p++;
      s++;
    } else if (star >= 0) {
      p = star + 1;
      s = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
