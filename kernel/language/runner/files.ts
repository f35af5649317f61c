import type { CompiledFile } from '../cell.js';
import type { Output } from './output.js';

/**
 * Gives the JavaScript of the TypeScript file that `specifier` means in the file `from`; nothing when it means something
 * else, as a package or a file of JavaScript. Rejects for a file with errors.
 */
export type CompileFile = (specifier: string, from: string) => Promise<CompiledFile | undefined>;

interface Asked {
  readonly resolve: (file: CompiledFile | undefined) => void;
  readonly reject: (error: Error) => void;
}

/** A file's types do not fit together. */
class TypeCheckError extends Error {
  override readonly name = 'TypeCheckError';
}

/** Asks the main thread, which has the checker compile them. */
export class RemoteFiles {
  readonly #asked = new Map<number, Asked>();
  #requests = 0;

  constructor(private readonly output: Output) {}

  readonly compile: CompileFile = (specifier, from) => {
    const request = ++this.#requests;
    return new Promise((resolve, reject) => {
      this.#asked.set(request, { resolve, reject });
      this.output.send({ type: 'file', request, specifier, from });
    });
  };

  /** The file that was asked for, or why there is none. */
  answer(
    request: number,
    file: CompiledFile | undefined,
    error: Pick<Error, 'name' | 'message'> | undefined,
  ): void {
    const asked = this.#asked.get(request);
    this.#asked.delete(request);
    if (error === undefined) return asked?.resolve(file);
    const failed = new (error.name === 'SyntaxError' ? SyntaxError : TypeCheckError)(error.message);
    // Where it was noticed says nothing about the file.
    failed.stack = String(failed);
    asked?.reject(failed);
  }
}
