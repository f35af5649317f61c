/**
 * Checkpoints of a graph of objects: a machine with its devices, or a monitor with its guest, whatever they are made of.
 * A checkpoint holds the fields of every object that can be reached from a root by fields; restoring it puts them back
 * into the same objects, so that references, closures over `this` and handles stay good. State must therefore lie
 * in fields (not in `#private` ones, WeakMaps or variables of closures; test/rules says so), which makes
 * checkpoints complete by construction: a device that is added needs nothing.
 *
 * The bytes behind typed arrays are kept by pages: a page that has not changed since the checkpoint before is shared
 * with it (design, section 3).
 */

/**
 * What a class may say about its objects, as a static field `checkpointing`: fields that are derived from others and
 * neither kept nor put back (method `afterRestore` makes them anew), and those whose values never change once made,
 * so that only the container is kept.
 */
export interface Checkpointing {
  readonly derived?: readonly string[];
  readonly immutable?: readonly string[];
}

interface Restorable {
  /** Makes derived fields anew; called when every object has its kept fields back. */
  afterRestore(): void;
}

const PAGE_BYTES = 4096;
const PAGE_WORDS = PAGE_BYTES / 4;
const NO_RULES: Checkpointing = {};

type Fields = Record<string, unknown>;

type Saved =
  | { kind: 'object'; object: Fields; keys: readonly string[]; values: readonly unknown[] }
  | { kind: 'array'; object: unknown[]; values: readonly unknown[] }
  | { kind: 'map'; object: Map<unknown, unknown>; values: readonly (readonly [unknown, unknown])[] }
  | { kind: 'set'; object: Set<unknown>; values: readonly unknown[] };

/** The bytes of one buffer; pages are shared between checkpoints and never written. */
interface SavedBuffer {
  readonly buffer: ArrayBufferLike;
  readonly pages: readonly Page[];
}

type Page = Int32Array | Uint8Array;

export class Checkpoint {
  private constructor(
    private readonly saved: readonly Saved[],
    private readonly buffers: ReadonlyMap<ArrayBufferLike, SavedBuffer>,
    private readonly restorables: readonly Restorable[],
    /** Bytes of pages that this checkpoint does not share with the one before. */
    readonly ownBytes: number,
  ) {}

  /** @param before shares its pages where they have not changed. */
  static take(root: object, before: Checkpoint | null = null): Checkpoint {
    const saved: Saved[] = [];
    const buffers = new Map<ArrayBufferLike, SavedBuffer>();
    const restorables: Restorable[] = [];
    const seen = new Set<object>([root]);
    const queue: object[] = [root];
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || seen.has(value)) return;
      seen.add(value);
      queue.push(value);
    };
    let ownBytes = 0;
    // Grows while it is walked.
    for (const object of queue) {
      if (ArrayBuffer.isView(object)) {
        const { buffer } = object;
        if (buffers.has(buffer)) continue;
        const known = before?.buffers.get(buffer) ?? null;
        const pages = savePages(buffer, known);
        buffers.set(buffer, { buffer, pages });
        for (const [at, page] of pages.entries()) {
          if (page !== ZERO_PAGE && page !== known?.pages[at]) ownBytes += page.byteLength;
        }
        continue;
      }
      const record = save(object, visit);
      if (record === null) continue;
      saved.push(record);
      if (isRestorable(object)) restorables.push(object);
    }
    return new Checkpoint(saved, buffers, restorables, ownBytes);
  }

  /** Puts everything back. What was made since is not reachable any more. */
  restore(): void {
    for (const buffer of this.buffers.values()) putPages(buffer);
    for (const record of this.saved) putBack(record);
    for (const object of this.restorables) object.afterRestore();
  }
}

function rulesOf(object: object): Checkpointing {
  const made = object.constructor as { checkpointing?: Checkpointing } | undefined;
  return made?.checkpointing ?? NO_RULES;
}

function isRestorable(object: object): object is Restorable {
  return 'afterRestore' in object;
}

/** @returns null for what has no state of its own. */
function save(object: object, visit: (value: unknown) => void): Saved | null {
  if (Array.isArray(object)) {
    const values = [...(object as unknown[])];
    values.forEach(visit);
    return Object.isFrozen(object) ? null : { kind: 'array', object, values };
  }
  if (object instanceof Map) {
    const values = [...(object as Map<unknown, unknown>)];
    for (const [key, value] of values) {
      visit(key);
      visit(value);
    }
    return { kind: 'map', object, values };
  }
  if (object instanceof Set) {
    const values = [...(object as Set<unknown>)];
    values.forEach(visit);
    return { kind: 'set', object, values };
  }
  if (object instanceof ArrayBuffer) return null;
  const { derived = [], immutable = [] } = rulesOf(object);
  const fields = object as Fields;
  const keys = Object.keys(object).filter((key) => !derived.includes(key) && !isComputed(object, key));
  const values = keys.map((key) => {
    const value = fields[key];
    if (!immutable.includes(key)) visit(value);
    else if (Array.isArray(value)) return [...(value as unknown[])];
    return value;
  });
  return Object.isFrozen(object) ? null : { kind: 'object', object: fields, keys, values };
}

/** A getter in an object literal; classes have theirs elsewhere. */
function isComputed(object: object, key: string): boolean {
  return object.constructor === Object && Object.getOwnPropertyDescriptor(object, key)?.get !== undefined;
}

function putBack(record: Saved): void {
  switch (record.kind) {
    case 'array':
      record.object.length = 0;
      for (const value of record.values) record.object.push(value);
      break;
    case 'map':
      record.object.clear();
      for (const [key, value] of record.values) record.object.set(key, value);
      break;
    case 'set':
      record.object.clear();
      for (const value of record.values) record.object.add(value);
      break;
    case 'object': {
      const { object, keys, values } = record;
      const { immutable = [] } = rulesOf(object);
      keys.forEach((key, at) => {
        const value = values[at];
        const isCopy = immutable.includes(key) && Array.isArray(value);
        const put = isCopy ? [...(value as unknown[])] : value;
        if (object[key] !== put) object[key] = put;
      });
    }
  }
}

/** Copies of the pages that differ from those known. A buffer that is no whole number of words is one page by itself. */
function savePages(buffer: ArrayBufferLike, known: SavedBuffer | null): Page[] {
  if (buffer.byteLength % PAGE_BYTES !== 0) return [new Uint8Array(buffer.slice(0))];
  const words = new Int32Array(buffer);
  const pages: Page[] = [];
  for (let start = 0; start < words.length; start += PAGE_WORDS) {
    const before = known?.pages[start / PAGE_WORDS];
    if (before instanceof Int32Array && hasWords(words, start, before)) pages.push(before);
    else if (hasWords(words, start, ZERO_PAGE)) pages.push(ZERO_PAGE);
    else pages.push(words.slice(start, start + PAGE_WORDS));
  }
  return pages;
}

function putPages({ buffer, pages }: SavedBuffer): void {
  const bytes = new Uint8Array(buffer);
  const words = buffer.byteLength % PAGE_BYTES === 0 ? new Int32Array(buffer) : null;
  pages.forEach((page, at) => {
    if (page instanceof Uint8Array) bytes.set(page);
    else if (words !== null && !hasWords(words, at * PAGE_WORDS, page)) words.set(page, at * PAGE_WORDS);
  });
}

const ZERO_PAGE = new Int32Array(PAGE_WORDS);

function hasWords(words: Int32Array, start: number, page: Int32Array): boolean {
  for (let at = 0; at < PAGE_WORDS; at++) if (words[start + at] !== page[at]) return false;
  return true;
}
