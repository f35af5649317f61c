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
    if (error === undefined) asked?.resolve(file);
    else
      asked?.reject(
        Object.assign(new Error(error.message), {
          name: error.name,
          stack: `${error.name}: ${error.message}`,
        }),
      );
  }
}
