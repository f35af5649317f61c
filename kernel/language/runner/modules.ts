import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import type { StaticImport } from '../cell.js';

type Namespace = Record<string, unknown>;

/** Modules that cells import: ESM and CommonJS, resolved from the notebook's folder by Node itself. */
export class Modules {
  readonly #import: (specifier: string, options?: ImportCallOptions) => Promise<Namespace>;
  readonly #require: NodeJS.Require;
  readonly #loaded = new Map<string, Namespace>();

  /** @param own modules found elsewhere than npm would look, by specifier */
  constructor(
    folder: string,
    private readonly own: Readonly<Record<string, string>>,
  ) {
    // A script with a file name in the folder: its `import()` resolves as a file there would.
    const script = new vm.Script('(specifier, options) => import(specifier, options)', {
      filename: join(folder, 'notebook.js'),
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    this.#import = script.runInThisContext() as typeof this.import;
    this.#require = createRequire(join(folder, 'notebook.js'));
  }

  readonly import = async (specifier: string, options?: ImportCallOptions): Promise<Namespace> => {
    const own = Object.hasOwn(this.own, specifier) ? this.own[specifier] : undefined;
    return this.#import(own === undefined ? specifier : pathToFileURL(own).href, options);
  };

  /** Loads a cell's static imports, in order, so that {@link require} has them. */
  async load(imports: readonly StaticImport[]): Promise<void> {
    for (const { specifier, attributes } of imports) {
      const options = Object.keys(attributes).length === 0 ? undefined : { with: attributes };
      this.#loaded.set(specifier, await this.import(specifier, options));
    }
  }

  /** Compiled static imports call this with what they import; a cell's own `require` ends here too. */
  readonly require = (specifier: string): unknown => this.#loaded.get(specifier) ?? this.#require(specifier);
}
