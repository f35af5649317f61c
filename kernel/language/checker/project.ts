import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import ts = require('typescript');
import type { Prelude } from '../cell.js';
import type { Magic } from '../syntax/magic.js';
import { Disk } from './disk.js';
import { Library } from './library.js';
import { NodeTypes } from './node-types.js';
import { OwnFiles } from './own-files.js';
import { wordsOf } from './words.js';

/** Where a project finds what it does not hold itself. */
export interface ProjectOptions {
  /** The notebook's working directory: imports of cells resolve from here. */
  readonly folder: string;
  readonly preludes: readonly Prelude[];
  /** Modules found elsewhere than npm would look, by specifier: file of the compiled module. */
  readonly ownModules: Readonly<Record<string, string>>;
  readonly magics: readonly Magic[];
  /** File of the module that knows the words of the assembler (`asmWords()`), if there is one. */
  readonly asmWords?: string | undefined;
}

/** Specifier of a cell's virtual module, as it stands in import types of error messages. */
const CELL_MODULE = /^cell:(\d+)$/;

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  resolveJsonModule: true,
};

/** What the language has beside the target's syntax. */
const LIBRARY = ['es2023', 'esnext.disposable'];

/** Without the cache a program reads the `package.json` above each of its files, every time that one is made. */
interface Host extends ts.LanguageServiceHost {
  /** Whether what a file of the program imports has to be found anew, though its text is the same. */
  hasInvalidatedResolutions(file: ts.Path): boolean;
  getModuleResolutionCache(): ts.ModuleResolutionCache;
}

/** A text that changes: the cell that is checked before it runs, and the one that is being written. */
type Slot = 'next' | 'scratch';

/** Comments are most of what the declarations of Node hold. They are read when they are asked for: documentation.ts. */
const PARSED_COMMENTS = ts.JSDocParsingMode.ParseNone;

const JAVASCRIPT = [ts.Extension.Js, ts.Extension.Mjs, ts.Extension.Cjs];

const EMPTY_MODULE = 'export {};';

/** The cells as modules of one TypeScript program, held in memory; everything else is read from disk. */
export class Project {
  readonly service: ts.LanguageService;
  readonly #cells = new Map<string, { text: string; version: number }>();
  readonly #options: ts.CompilerOptions;
  readonly #resolution: ts.ModuleResolutionCache;
  readonly #own: OwnFiles;
  readonly #slots: Readonly<Record<Slot, string>>;
  readonly #nodeTypes: NodeTypes;
  readonly #disk = new Disk();
  readonly #library = new Library(LIBRARY);
  /** Files of the user's that are part of the program and whose words have been looked at. */
  readonly #seen = new Set<string>();
  /** Something that a file imports could not be found, or not as it should be. */
  #unfound = false;
  #resolvesAnew = false;
  #changes = 0;
  /** How often a text has changed. */
  #edits = 0;
  /** The version that holds all that its texts can meet. */
  #settled = '';

  constructor(private readonly project: ProjectOptions) {
    const require = createRequire(import.meta.url);
    // Types of Node's API come with this package, wherever npm put them.
    const nodeTypes = dirname(require.resolve('@types/node/package.json'));
    this.#nodeTypes = new NodeTypes(nodeTypes);
    this.#options = { ...OPTIONS, typeRoots: [dirname(nodeTypes)] };
    const { folder } = project;
    this.#slots = { next: this.#fileOf('next'), scratch: this.#fileOf('scratch') };
    this.#own = new OwnFiles(project.preludes, project.ownModules);
    this.set('next', EMPTY_MODULE);
    this.set('scratch', EMPTY_MODULE);
    this.#resolution = ts.createModuleResolutionCache(folder, (name) => name, this.#options);
    const registry = ts.createDocumentRegistry(true, folder, PARSED_COMMENTS);
    this.service = ts.createLanguageService(this.#host(), registry);
  }

  moduleOf(cell: number): string {
    return `cell:${cell}`;
  }

  /**
   * Makes a text the one that is checked (`next`) or completed (`scratch`). Both are always files of the program: with
   * the same files as before, TypeScript keeps what it knows of all others. The same text again leaves all as it is.
   */
  set(slot: Slot, text: string): string {
    return this.#write(this.#slots[slot], text);
  }

  /** Has the imports of a text looked for again when it next is in the slot. */
  forget(slot: Slot): void {
    this.#resolution.clear();
    this.set(slot, EMPTY_MODULE);
  }

  /** Looks for the imports of files once more, and again before the next text, as one may be there by then. */
  lookAgain(): void {
    this.#unfound = true;
    this.refresh();
    this.#unfound = true;
  }

  /** How often files have been found to have changed: what is known of texts may be wrong then. */
  get changes(): number {
    return this.#changes;
  }

  /** Takes notice of what has changed on disk. */
  refresh(): void {
    const { edited, removed } = this.#disk.refresh();
    for (const file of [...edited, ...removed]) this.#seen.delete(file);
    const changed = edited.length > 0 || removed.length > 0 || this.#unfound;
    if (!changed) return;
    this.#changes++;
    this.#edits++;
    if (removed.length > 0 || this.#unfound) {
      this.#unfound = false;
      this.#resolution.clear();
      this.#resolvesAnew = true;
      this.service.getProgram();
      this.#resolvesAnew = false;
    }
  }

  /**
   * Makes the types of Node's API and of ours part of the program that a text can meet, when it is in its slot.
   * @param words of the text @param beginning of the name that is being written, if one is
   */
  provide(words: Iterable<string>, beginning = ''): void {
    this.#nodeTypes.completed(beginning);
    if (this.version === this.#settled) return;
    for (let before = -1; before < this.#provided;) {
      before = this.#provided;
      const program = this.service.getProgram()!;
      this.#nodeTypes.mentioned(words, (file) => program.getSourceFile(file));
      for (const file of program.getSourceFiles()) {
        if (this.#seen.has(file.fileName) || !this.#isUsers(file)) continue;
        this.#seen.add(file.fileName);
        this.#nodeTypes.mentioned(wordsOf(file), (name) => program.getSourceFile(name));
      }
    }
    this.#settled = this.version;
  }

  /** Changes with every text, and with the files that are to be part of the program. */
  get version(): string {
    return `${this.#edits} ${this.#provided}`;
  }

  /** How many files the program was to hold beyond what texts import from disk. */
  get #provided(): number {
    return this.#nodeTypes.size + this.#own.size;
  }

  /** Makes some more of our own types part of the program. @returns whether there were more */
  grow(): boolean {
    const more = this.#own.grow();
    // Its files are parsed, and their names bound, by whoever comes first: here nobody waits.
    if (more) this.service.getProgram()!.getTypeChecker();
    return more;
  }

  /** A file beside the notebook, not of a package. */
  #isUsers({ fileName, isDeclarationFile }: ts.SourceFile): boolean {
    return !isDeclarationFile && !this.#cells.has(fileName) && !fileName.includes('/node_modules/');
  }

  /** Keeps the text of a cell that runs, for cells that import from it. */
  add(cell: number, text: string): void {
    this.#write(this.#fileOf(cell), text);
  }

  #write(file: string, text: string): string {
    const known = this.#cells.get(file);
    if (known?.text !== text) {
      this.#cells.set(file, { text, version: (known?.version ?? 0) + 1 });
      this.#edits++;
    }
    return file;
  }

  /** It lies in the notebook's folder, as all cells do, so that its imports resolve from there. */
  #fileOf(cell: number | Slot): string {
    return resolve(this.project.folder, `cell-${cell}.virtual.ts`);
  }

  /** What a prelude exports, of values and of types, and the specifier that cells import it by. */
  preludeExports(prelude: Prelude): { names: readonly string[]; specifier: string } {
    return this.#own.exportsOf(prelude);
  }

  #host(): Host {
    const { folder } = this.project;
    return {
      jsDocParsingMode: PARSED_COMMENTS,
      getCompilationSettings: () => this.#options,
      getProjectVersion: () => this.version,
      getScriptFileNames: () => [
        ...this.#nodeTypes.files(),
        ...this.#own.files(),
        ...Object.values(this.#slots),
      ],
      getScriptVersion: (file) => String(this.#cells.get(file)?.version ?? this.#disk.version(file)),
      getScriptSnapshot: (file) => {
        const text = this.#textOf(file);
        return text === undefined ? this.#disk.snapshot(file) : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => folder,
      useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
      getDefaultLibFileName: () => this.#library.file,
      fileExists: (file) => this.#textOf(file) !== undefined || ts.sys.fileExists(file),
      readFile: (file) => this.#textOf(file) ?? ts.sys.readFile(file),
      directoryExists: ts.sys.directoryExists.bind(ts.sys),
      getDirectories: ts.sys.getDirectories.bind(ts.sys),
      // For completion of paths: also what has no types can be imported.
      readDirectory: (folder, extensions = [], ...others) =>
        ts.sys.readDirectory(folder, [...extensions, ...JAVASCRIPT], ...others),
      hasInvalidatedResolutions: () => this.#resolvesAnew,
      getModuleResolutionCache: () => this.#resolution,
      resolveModuleNameLiterals: (literals, from) => literals.map(({ text }) => this.#resolve(text, from)),
    };
  }

  /** Text of a file that is not on disk. */
  #textOf(file: string): string | undefined {
    return this.#cells.get(file)?.text ?? this.#own.textOf(file) ?? this.#library.textOf(file);
  }

  #resolve(specifier: string, from: string): ts.ResolvedModuleWithFailedLookupLocations {
    const [, cell] = CELL_MODULE.exec(specifier) ?? [];
    if (cell !== undefined) return resolved(this.#fileOf(Number(cell)), ts.Extension.Ts);
    // These are ambient modules.
    if (this.#own.imported(specifier, from) || this.#nodeTypes.imported(specifier, from))
      return { resolvedModule: undefined };
    return ts.resolveModuleName(specifier, from, this.#options, ts.sys, this.#resolution);
  }
}

function resolved(file: string, extension: ts.Extension): ts.ResolvedModuleWithFailedLookupLocations {
  return { resolvedModule: { resolvedFileName: file, extension, isExternalLibraryImport: false } };
}
