import { statSync } from 'node:fs';
import ts = require('typescript');

interface Read {
  readonly snapshot: ts.IScriptSnapshot | undefined;
  readonly version: number;
  /** What the file system said of it; nothing when it is to be looked at again all the same. */
  readonly stamp: string | undefined;
}

/** What has become of files that had been read. */
export interface Changes {
  readonly edited: readonly string[];
  readonly removed: readonly string[];
}

/** TypeScript and JSON that people write, beside the notebook or elsewhere. */
const EDITABLE = /^(?!.*[\\/]node_modules[\\/]).*\.(?:[cm]?ts|json)$/;
/** A file that was written so shortly before may be written again with no other time. */
const SAME_TIME_MS = 100;

/**
 * Files on disk, as the program has them. Those that people write can change while a kernel runs; packages and TypeScript's
 * own are as they were when they were first read.
 */
export class Disk {
  readonly #files = new Map<string, Read>();
  readonly #editable = new Set<string>();

  snapshot(file: string): ts.IScriptSnapshot | undefined {
    const known = this.#files.get(file);
    if (known !== undefined) return known.snapshot;
    const editable = EDITABLE.test(file);
    const stamp = editable ? stampOf(file) : undefined;
    const text = ts.sys.readFile(file);
    const snapshot = text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    this.#files.set(file, { snapshot, version: 0, stamp });
    if (editable) this.#editable.add(file);
    return snapshot;
  }

  /** Changes with the text that {@link snapshot} gives. */
  version(file: string): number {
    return this.#files.get(file)?.version ?? 0;
  }

  /** Looks at all files that people write, and reads those again that have changed. */
  refresh(): Changes {
    const edited: string[] = [];
    const removed: string[] = [];
    for (const file of this.#editable) {
      const { snapshot, version, stamp: before } = this.#files.get(file)!;
      const stamp = stampOf(file);
      if (before !== undefined && stamp === before) continue;
      const text = ts.sys.readFile(file);
      if (text === undefined) {
        this.#files.delete(file);
        this.#editable.delete(file);
        removed.push(file);
      } else if (text === snapshot?.getText(0, snapshot.getLength())) {
        this.#files.set(file, { snapshot, version, stamp });
      } else {
        this.#files.set(file, { snapshot: ts.ScriptSnapshot.fromString(text), version: version + 1, stamp });
        edited.push(file);
      }
    }
    return { edited, removed };
  }
}

function stampOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined || Date.now() - found.mtimeMs < SAME_TIME_MS) return undefined;
  const { ino, size, mtimeMs, ctimeMs } = found;
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}
