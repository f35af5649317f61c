import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KeptCell } from './history.js';

/** A line of the file: the first kernel's number, a kernel's start, a cell, or a cell's result. */
interface Line {
  /** How many sessions stood before the first one in the file: they were cut off. */
  readonly before?: number;
  readonly start?: string;
  readonly of?: string;
  readonly line?: number;
  readonly source?: string;
  readonly result?: string;
}

/** A file larger than this is cut to its newer half when a kernel opens it. */
const LARGEST_BYTES = 8 << 20;

/**
 * The history of all kernels in one file of JSON lines that several of them may append to at once. A kernel's session
 * number is the place of its start among the starts in the file, so two that start together get two numbers.
 */
export class HistoryStore {
  readonly #id = randomUUID();
  #started = false;
  #read: { session: number; earlier: readonly KeptCell[] } | undefined;
  #broken = false;
  #waiting: Line[] = [];

  constructor(private readonly path: string) {}

  get session(): number {
    return this.#readOnce().session;
  }

  /** Cells of other kernels in the file when it was first asked for. */
  earlier(): readonly KeptCell[] {
    return this.#readOnce().earlier;
  }

  /** Keeps a line. It is written in the event loop's next turn, as the cell that is to run need not wait for it. */
  add(line: { line: number; source?: string; result?: string }): void {
    if (this.#waiting.length === 0) setImmediate(() => this.flush());
    this.#waiting.push({ of: this.#id, ...line });
  }

  /** Writes what has not been written yet. */
  flush(): void {
    const lines = this.#waiting;
    this.#waiting = [];
    if (!this.#started) {
      this.#started = true;
      this.#start();
      lines.unshift({ start: this.#id });
    }
    if (lines.length > 0) this.#append(lines);
  }

  #start(): void {
    try {
      mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
      cutIfLarge(this.path);
    } catch (error) {
      this.#fail(error);
    }
  }

  #readOnce(): { session: number; earlier: readonly KeptCell[] } {
    if (this.#read !== undefined) return this.#read;
    this.flush();
    const { sessions, cells } = read(this.path);
    const session = sessions.get(this.#id) ?? Math.max(0, ...sessions.values()) + 1;
    return (this.#read = { session, earlier: cells.filter((cell) => cell.session !== session) });
  }

  #append(lines: readonly Line[]): void {
    if (this.#broken) return;
    try {
      // In one write: with O_APPEND lines of several kernels do not mix (open(2)).
      appendFileSync(this.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 });
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A home that cannot be written to costs the history, not the kernel. */
  #fail(error: unknown): void {
    if (!this.#broken) {
      process.stderr.write(`ringside: history is not kept: ${(error as Error).message}\n`);
    }
    this.#broken = true;
  }
}

function read(path: string): { sessions: Map<string, number>; cells: KeptCell[] } {
  const sessions = new Map<string, number>();
  const cells: KeptCell[] = [];
  const newest = new Map<string, KeptCell>();
  let before = 0;
  for (const { before: cut, start, of, line, source, result } of lines(path)) {
    if (typeof cut === 'number') before = cut;
    if (typeof start === 'string') sessions.set(start, before + sessions.size + 1);
    const session = typeof of === 'string' ? sessions.get(of) : undefined;
    if (session === undefined || typeof line !== 'number') continue;
    if (typeof source === 'string') {
      const cell: KeptCell = { session, line, source, result: null };
      cells.push(cell);
      newest.set(`${session} ${line}`, cell);
    } else if (typeof result === 'string') {
      const cell = newest.get(`${session} ${line}`);
      if (cell !== undefined) cell.result = result;
    }
  }
  return { sessions, cells };
}

/** Lines that are JSON objects; others, as a crash may leave one, are passed over. */
function lines(path: string): Line[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    try {
      const value = JSON.parse(line) as unknown;
      return typeof value === 'object' && value !== null ? [value as Line] : [];
    } catch {
      return [];
    }
  });
}

/** Keeps the newer half of the sessions, and says how many went. */
function cutIfLarge(path: string): void {
  let size: number;
  try {
    size = statSync(path).size;
  } catch {
    return;
  }
  if (size <= LARGEST_BYTES) return;
  const all = lines(path);
  const before = all.find((line) => typeof line.before === 'number')?.before ?? 0;
  const starts = all.filter((line) => line.start !== undefined).map(({ start }) => start);
  const gone = new Set(starts.slice(0, Math.ceil(starts.length / 2)));
  const kept = all.filter((line) => line.before === undefined && !gone.has(line.start) && !gone.has(line.of));
  const text = [{ before: before + gone.size }, ...kept].map((line) => `${JSON.stringify(line)}\n`).join('');
  const beside = `${path}.${process.pid}`;
  writeFileSync(beside, text, { mode: 0o600 });
  renameSync(beside, path);
}
