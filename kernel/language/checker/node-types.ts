import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type ts from 'typescript';
import type { FileUses } from './type-uses.js';
import { usesOf } from './type-uses.js';

/**
 * The declarations of Node's API are more than all others together, and most cells need few of them. A file of them
 * becomes part of the program when a cell says a word that could lead to its types, or imports it. Until then they are
 * `any` where files that are part of the program use them; without such a word no expression has them, and only the
 * comparison of two types of Node's by their members could overlook a difference.
 */

/** Files that make up the surroundings of every cell. */
const ALWAYS = [
  'compatibility/index.d.ts',
  'globals.typedarray.d.ts',
  'buffer.buffer.d.ts',
  'globals.d.ts',
  'web-globals/abortcontroller.d.ts',
  'web-globals/domexception.d.ts',
  'web-globals/events.d.ts',
  'buffer.d.ts',
  'console.d.ts',
  'events.d.ts',
  'module.d.ts',
  'process.d.ts',
  'timers.d.ts',
  'url.d.ts',
] as const;

/** Global names that the other files declare. */
export const GLOBALS: Readonly<Record<string, string>> = {
  'web-globals/fetch.d.ts':
    'fetch EventSource EventSourceInit FormData Headers MessageEvent MessageEventInit Request RequestInit Response ' +
    'ResponseInit WebSocket WebSocketInit',
  'crypto.d.ts': 'crypto',
  'perf_hooks.d.ts':
    'performance PerformanceEntry PerformanceMark PerformanceMeasure PerformanceObserver ' +
    'PerformanceObserverEntryList PerformanceResourceTiming',
  'stream/web.d.ts':
    'ByteLengthQueuingStrategy CompressionStream CountQueuingStrategy DecompressionStream QueuingStrategy ' +
    'ReadableByteStreamController ReadableStream ReadableStreamBYOBReader ReadableStreamBYOBRequest ' +
    'ReadableStreamDefaultController ReadableStreamDefaultReader TextDecoderStream TextEncoderStream TransformStream ' +
    'TransformStreamDefaultController WritableStream WritableStreamDefaultController WritableStreamDefaultWriter',
  'util.d.ts': 'TextDecoder TextEncoder',
  'worker_threads.d.ts': 'structuredClone BroadcastChannel MessageChannel MessagePort',
};

export class NodeTypes {
  readonly #folder: string;
  /** Every file that declares modules of Node. */
  readonly #known: ReadonlySet<string>;
  readonly #wanted = new Set<string>(ALWAYS);
  /** Files that are part of the program by now, and what their types depend on. */
  readonly #read = new Map<string, FileUses>();
  /** Words that lead to the types of files that are not part of the program. */
  #leads: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  /** @param folder of the package `@types/node` */
  constructor(folder: string) {
    this.#folder = folder;
    const index = readFileSync(join(folder, 'index.d.ts'), 'utf8');
    this.#known = new Set([...index.matchAll(/<reference path="([^"]+)"/g)].map(([, path]) => path));
  }

  /** How many files the program is to hold now; it only grows. */
  get size(): number {
    return this.#wanted.size;
  }

  /** Files that the program is to hold now. */
  files(): string[] {
    return [...this.#wanted].map((file) => join(this.#folder, file));
  }

  /** Whether it is a module of Node; then its types are wanted, unless it is a file of Node's types that imports it. */
  imported(specifier: string, from: string): boolean {
    const file = this.#fileOf(specifier);
    if (file === undefined) return false;
    if (!from.startsWith(this.#folder)) this.#wanted.add(file);
    return true;
  }

  /**
   * Wants what the words of a text lead to.
   * @param words identifiers, and strings in quotes
   * @param sourceOf files of the program
   */
  mentioned(words: Iterable<string>, sourceOf: (file: string) => ts.SourceFile | undefined): void {
    this.#readNew(sourceOf);
    for (const word of words) for (const file of this.#leads.get(word) ?? []) this.#wanted.add(file);
  }

  /** Wants what declares a global name that begins like this. */
  completed(beginning: string): void {
    if (beginning === '') return;
    for (const [file, names] of Object.entries(GLOBALS)) {
      if (names.split(' ').some((name) => name.startsWith(beginning))) this.#wanted.add(file);
    }
  }

  #readNew(sourceOf: (file: string) => ts.SourceFile | undefined): void {
    const before = this.#read.size;
    for (const file of this.#known) {
      if (this.#read.has(file)) continue;
      const source = sourceOf(join(this.#folder, file));
      if (source !== undefined) this.#read.set(file, usesOf(source));
    }
    if (this.#read.size > before) this.#leads = this.#leadsNow();
  }

  /** Words by which a cell could meet types of files that are not there. */
  #leadsNow(): ReadonlyMap<string, ReadonlySet<string>> {
    const leads = new Map<string, Set<string>>();
    const lead = (word: string, file: string): boolean => {
      const known = leads.get(word) ?? new Set();
      if (known.has(file)) return false;
      leads.set(word, known.add(file));
      return true;
    };
    for (const [file, names] of Object.entries(GLOBALS)) {
      if (!this.#read.has(file)) for (const name of names.split(' ')) lead(name, file);
    }
    const users = new Map<string, { owner: string | undefined; passes: boolean }[]>();
    /** Types that are known as another name lead further. */
    const follow = (owner: string | undefined, passes: boolean, file: string): void => {
      if (owner === undefined) this.#wanted.add(file);
      else if (lead(owner, file) && passes)
        for (const user of users.get(owner) ?? []) follow(user.owner, user.passes, file);
    };
    for (const { uses } of this.#read.values()) {
      for (const { used, owner, passes } of uses) {
        if ('word' in used) users.set(used.word, [...(users.get(used.word) ?? []), { owner, passes }]);
      }
    }
    for (const { uses, bindings } of this.#read.values()) {
      for (const { used, owner, passes } of uses) {
        const module = 'module' in used ? used.module : bindings.get(used.word);
        const file = module === undefined ? undefined : this.#fileOf(module);
        if (file !== undefined && !this.#read.has(file)) follow(owner, passes, file);
      }
    }
    return leads;
  }

  #fileOf(specifier: string): string | undefined {
    const name = specifier.replace(/^node:/, '');
    const [first] = name.split('/');
    return [`${name}.d.ts`, `${first}.d.ts`, `${first}.generated.d.ts`].find((file) => this.#known.has(file));
  }

  /** Words that lead to more types, with their files, for tests. */
  get leads(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#leads;
  }
}
