import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import type { CompiledFile, StaticImport } from '../cell.js';
import type { CompileFile } from './files.js';
import { JsonFiles } from './json-files.js';

export type Namespace = Record<string, unknown>;

type Import = (specifier: string, options?: ImportCallOptions) => Promise<Namespace>;

/** What code of a file has of modules. A cell is code of a file in the notebook's folder. */
export interface ModuleScope {
  /** Compiled static imports call this with what they import, after {@link Modules.load}. */
  readonly imported: (key: string) => unknown;
  readonly import: Import;
  readonly require: NodeJS.Require;
  readonly meta: ImportMeta;
}

/** A TypeScript file that has been imported. */
interface TypeScriptModule {
  /** One for all its versions: who has imported it sees the newest. */
  readonly namespace: Namespace;
  readonly scope: ModuleScope;
  /** Its newest version. */
  file: CompiledFile;
  /** Its code, run once. */
  body: Promise<void> | undefined;
}

/** Runs the code of a file whose static imports are loaded. */
export type RunFile = (file: CompiledFile, scope: ModuleScope, exports: Namespace) => Promise<void>;

/**
 * Modules that cells import: ESM and CommonJS, resolved from the notebook's folder by Node itself, and TypeScript files,
 * which are compiled for it.
 */
export class Modules {
  /** Of the cells. */
  readonly scope: ModuleScope;
  /** What static imports mean in each file, by key. */
  readonly #imported = new Map<ModuleScope, Map<string, unknown>>();
  /** Node's own `import()`, as it resolves in each file. */
  readonly #native = new Map<ModuleScope, Import>();
  readonly #files = new Map<string, TypeScriptModule>();
  readonly #json = new JsonFiles();

  /**
   * @param own modules found elsewhere than npm would look, by specifier
   * @param compileFile finds and compiles TypeScript files @param runFile runs them
   */
  constructor(
    folder: string,
    private readonly own: Readonly<Record<string, string>>,
    private readonly compileFile: CompileFile,
    private readonly runFile: RunFile,
  ) {
    this.scope = this.#scopeOf(join(folder, 'notebook.ts'));
  }

  /** A compiled module of ours: the checker, which has other things to do at the start, need not be asked what it is. */
  importOwn(path: string): Promise<Namespace> {
    return this.#native.get(this.scope)!(pathToFileURL(path).href);
  }

  /** Loads static imports, in order, for `scope.imported`. */
  async load(
    imports: readonly StaticImport[],
    scope: ModuleScope = this.scope,
    seen = new Set<TypeScriptModule>(),
  ): Promise<void> {
    const known = this.#imported.get(scope)!;
    for (const { key, specifier, attributes, required } of imports) {
      const options = Object.keys(attributes).length === 0 ? undefined : { with: attributes };
      const native = required ? scope.require : this.#native.get(scope)!;
      known.set(key, await this.#importFrom(scope, specifier, options, seen, native));
    }
  }

  #scopeOf(path: string): ModuleScope {
    // A script with the file's name: its `import()` resolves as the file's would.
    const script = new vm.Script('(specifier, options) => import(specifier, options)', {
      filename: path,
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    const native = script.runInThisContext() as Import;
    const require = createRequire(path);
    const url = pathToFileURL(path).href;
    const known = new Map<string, unknown>();
    const scope: ModuleScope = {
      imported: (key) => known.get(key),
      import: (specifier, options) => this.#importFrom(scope, specifier, options, new Set(), native),
      require,
      meta: {
        url,
        filename: path,
        dirname: dirname(path),
        resolve: (specifier) => {
          if (/^(?:\.{0,2}\/|file:)/.test(specifier)) return new URL(specifier, url).href;
          const found = require.resolve(specifier);
          return isAbsolute(found) ? pathToFileURL(found).href : specifier;
        },
      },
    };
    this.#imported.set(scope, known);
    this.#native.set(scope, native);
    return scope;
  }

  /**
   * @param seen TypeScript files on the way here, so that those which import each other come to an end
   * @param native loads what is neither ours nor TypeScript
   */
  async #importFrom<T>(
    scope: ModuleScope,
    specifier: string,
    options: ImportCallOptions | undefined,
    seen: Set<TypeScriptModule>,
    native: (specifier: string, options?: ImportCallOptions) => T,
  ): Promise<Awaited<T> | Namespace> {
    const own = Object.hasOwn(this.own, specifier) ? this.own[specifier] : undefined;
    if (own !== undefined) return this.importOwn(own);
    const isFile = /^(?:\.{0,2}\/|\.{1,2}$|file:)/.test(specifier) || isAbsolute(specifier);
    const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : specifier;
    // TypeScript's types of it need no attribute.
    if (isFile && path.endsWith('.json') && (options?.with?.['type'] ?? 'json') === 'json') {
      const namespace = await this.#json.import(resolve(scope.meta.dirname, path));
      return native === scope.require ? (namespace['default'] as Awaited<T>) : namespace;
    }
    if (!isFile || options !== undefined) return await native(specifier, options);
    const file = await this.compileFile(path, scope.meta.filename);
    if (file !== undefined) return this.#importFile(file, seen);
    return await native(specifier);
  }

  async #importFile(file: CompiledFile, seen: Set<TypeScriptModule>): Promise<Namespace> {
    let module = this.#files.get(file.path);
    if (module === undefined) {
      const namespace = Object.create(null, { [Symbol.toStringTag]: { value: 'Module' } }) as Namespace;
      module = { namespace, scope: this.#scopeOf(file.path), file, body: undefined };
      this.#files.set(file.path, module);
    }
    if (seen.has(module)) return module.namespace;
    seen.add(module);
    // One that has been edited runs again. Those that import it do not, so they keep their state.
    if (file.code !== module.file.code || file.sourceMap !== module.file.sourceMap) module.body = undefined;
    module.file = file;
    await this.load(file.imports, module.scope, seen);
    module.body ??= this.#run(module);
    await module.body;
    return module.namespace;
  }

  /** Runs a file. What has failed, as when it was interrupted, leaves its older exports and may be tried again. */
  async #run(module: TypeScriptModule): Promise<void> {
    const { file, scope, namespace } = module;
    const before = Object.getOwnPropertyDescriptors(namespace);
    const clear = () => Object.keys(namespace).forEach((name) => Reflect.deleteProperty(namespace, name));
    try {
      clear();
      await this.runFile(file, scope, namespace);
    } catch (error) {
      module.body = undefined;
      clear();
      Object.defineProperties(namespace, before);
      throw error;
    }
  }
}

/**
 * Does `export * from` a module: names that are not exported already become those of the module, with the value that each
 * has at the time.
 */
export function exportAll(from: unknown, exports: Namespace): void {
  const module = Object(from) as Namespace;
  for (const name of Object.keys(module)) {
    if (name === 'default' || Object.hasOwn(exports, name)) continue;
    Object.defineProperty(exports, name, {
      enumerable: true,
      configurable: true,
      get: () => module[name],
      // The file's own export of the name, further down.
      set: (value: unknown) =>
        Object.defineProperty(exports, name, {
          ...{ enumerable: true, configurable: true, writable: true },
          value,
        }),
    });
  }
}
