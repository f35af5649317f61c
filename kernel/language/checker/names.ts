import type { Declaration } from './declarations.js';

/**
 * How a name of an earlier cell reaches a later one: a statement put before the later cell's text for the type checker,
 * and another for the emitter. The emitter's `export declare` makes TypeScript write each use as `exports.name`, and
 * `exports` is the one scope object of all cells, so every use sees the newest value.
 */
interface Binding {
  readonly checked: string;
  readonly emitted: string;
}

/** The names that are in scope for the next cell, each with its newest meaning. */
export class Names {
  readonly #bindings = new Map<string, Binding>();

  /** A name exported by a prelude module. It may be redeclared, not assigned. */
  addPrelude(name: string, module: string): void {
    this.#bindings.set(name, imported(name, module));
  }

  /** A name declared by a cell whose virtual module is `module`. */
  add(declaration: Declaration, module: string): void {
    this.#bindings.set(declaration.name, bindingOf(declaration, module));
  }

  /** A name that stood for something else and ended with its cell. */
  remove(name: string): void {
    this.#bindings.delete(name);
  }

  names(): readonly string[] {
    return [...this.#bindings.keys()];
  }

  /** Bindings of the names that `mentioned` holds and `declared` does not, as one line each for checker and emitter. */
  header(mentioned: (name: string) => boolean, declared: ReadonlySet<string>): Binding {
    const wanted = [...this.#bindings].filter(([name]) => mentioned(name) && !declared.has(name));
    return {
      checked: wanted.map(([, { checked }]) => `${checked}; `).join(''),
      emitted: wanted.map(([, { emitted }]) => `${emitted}; `).join(''),
    };
  }
}

function bindingOf(declaration: Declaration, module: string): Binding {
  const { name, kind } = declaration;
  switch (kind) {
    case 'import':
      return { checked: declaration.statement, emitted: declaration.statement };
    case 'variable':
      // Not an import, because an import cannot be assigned to.
      return {
        checked: `declare let ${name}: typeof import(${JSON.stringify(module)}).${name}`,
        emitted: emitted(name),
      };
    case 'fixed':
      return imported(name, module);
  }
}

function imported(name: string, module: string): Binding {
  return { checked: `import { ${name} } from ${JSON.stringify(module)}`, emitted: emitted(name) };
}

function emitted(name: string): string {
  return `export declare let ${name}: any`;
}
