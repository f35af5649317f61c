import { readFile } from 'node:fs/promises';
import type { Namespace } from './modules.js';

/** JSON files that cells import: read again when they have changed, which Node does not do. */
export class JsonFiles {
  readonly #read = new Map<string, { readonly text: string; readonly namespace: Namespace }>();

  /**
   * What the file holds is the module's `default`; members of an object are exports, too, as its types say.
   * @throws SyntaxError naming the file, when it is no JSON
   */
  async import(path: string): Promise<Namespace> {
    const text = await readFile(path, 'utf8');
    const known = this.#read.get(path);
    if (known?.text === text) return known.namespace;
    const value = parsed(path, text);
    const namespace = Object.create(null, { [Symbol.toStringTag]: { value: 'Module' } }) as Namespace;
    if (typeof value === 'object' && !Array.isArray(value)) Object.assign(namespace, value);
    namespace['default'] = value;
    this.#read.set(path, { text, namespace });
    return namespace;
  }
}

function parsed(path: string, text: string): unknown {
  try {
    // Some editors begin a file with a byte order mark.
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`);
  }
}
