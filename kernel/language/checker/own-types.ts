import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/**
 * What our own modules declare, as a few texts of ambient modules: of hundreds of files, only the statements that cells
 * can meet the types of. Declarations that the compiler wrote have each statement begin at the beginning of a line.
 */

/** A statement of a file, with the comment before it. */
interface Statement {
  readonly text: string;
  /** Everything in it that is written like a name. */
  readonly words: ReadonlySet<string>;
}

/** Where a name of a file comes from: a file and the name there, or all of the file. */
interface Origin {
  readonly file: string;
  readonly name: string | undefined;
}

interface Module {
  readonly declarations: ReadonlyMap<string, readonly Statement[]>;
  readonly imports: ReadonlyMap<string, Origin>;
  /** Exported names that are not declared as such, with the local name or the other file's. */
  readonly exports: ReadonlyMap<string, Origin>;
  /** Names that are declared as exported. */
  readonly exported: readonly string[];
  /** Files all of whose exports it exports too. */
  readonly stars: readonly string[];
}

const STATEMENT = /^(?:export|import|declare|interface|type|class|abstract|const|function|enum|namespace)\b/;
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:const enum|const|let|var|function|class|interface|type|enum|namespace) ([\w$]+)/;
const COMMENT = /\/\*[\s\S]*?\*\//g;
const IMPORTED = /^import (?:type )?(?:\* as ([\w$]+)|\{([^}]*)\}) from ['"](.+)['"];/;
const EXPORTED = /^export (?:type )?(?:(\*)|\{([^}]*)\})(?: from ['"](.+)['"])?;/;
const IMPORT_TYPE = /import\(["'](\.[^"']+)["']\)(?:\.([\w$]+))?/g;

/** Specifier of one of our modules. */
export const OWN_MODULE = 'ringside:';

export class OwnTypes {
  readonly #modules = new Map<string, Module>();
  /** Statements that are met, by file. */
  readonly #met = new Map<string, Set<Statement>>();
  readonly #visited = new Set<string>();

  /**
   * @param folder that all files lie in
   * @param roots files (`.d.ts`) all of whose exports cells can use
   */
  constructor(
    private readonly folder: string,
    private readonly roots: readonly string[],
  ) {}

  /** Specifier under which the text has a file. */
  specifierOf(file: string): string {
    return `${OWN_MODULE}${relative(this.folder, file)
      .split(sep)
      .join('/')
      .replace(/\.d\.ts$/, '')}`;
  }

  /** All names that a file exports, of values and of types. */
  exportsOf(file: string): string[] {
    const { exported, exports, stars } = this.#module(file);
    return [...new Set([...exported, ...exports.keys(), ...stars.flatMap((star) => this.exportsOf(star))])];
  }

  /**
   * @param names more names for some of the roots: specifier, file
   * @param length after which a text ends with the module that it has come to
   */
  texts(names: Readonly<Record<string, string>>, length: number): string[] {
    for (const root of this.roots) for (const name of this.exportsOf(root)) this.#visit(root, name);
    const others = Object.entries(names).map(
      ([name, file]) =>
        `declare module ${JSON.stringify(name)} {\nexport * from "${this.specifierOf(file)}";\n}`,
    );
    const texts: string[] = [];
    let text = others.join('\n');
    for (const [file, module] of this.#modules) {
      if (text.length > length) text = (texts.push(text), '');
      text += `\n${this.#moduleText(file, module)}`;
    }
    return [...texts, text];
  }

  #moduleText(file: string, { declarations, imports, exports, stars }: Module): string {
    const met = this.#met.get(file);
    const statements = [...declarations.values()].flat().filter((statement) => met?.has(statement));
    const used = new Set([
      ...statements.flatMap(({ words }) => [...words]),
      ...[...exports.values()].filter((origin) => origin.file === file).map(({ name }) => name),
    ]);
    const lines = [`declare module "${this.specifierOf(file)}" {`];
    for (const [local, { file: from, name }] of imports) {
      if (!used.has(local)) continue;
      const binding = name === undefined ? `* as ${local}` : `{ ${name} as ${local} }`;
      lines.push(`import ${binding} from "${this.specifierOf(from)}";`);
    }
    for (const { text } of statements) {
      const ambient = text.replace(/^(export )?declare /m, '$1');
      lines.push(
        ambient.replace(IMPORT_TYPE, (written, path: string) =>
          written.replace(path, this.specifierOf(fileOf(file, path))),
        ),
      );
    }
    for (const [as, { file: from, name }] of exports) {
      const source = from === file ? '' : ` from "${this.specifierOf(from)}"`;
      lines.push(`export { ${name} as ${as} }${source};`);
    }
    for (const star of stars) lines.push(`export * from "${this.specifierOf(star)}";`);
    // Without this, what is not exported would be.
    return [...lines, 'export {};', '}'].join('\n');
  }

  /** Notes a name of a file, local or exported, and all that leads on from there. */
  #visit(file: string, name: string): void {
    const key = `${file}\0${name}`;
    if (this.#visited.has(key)) return;
    this.#visited.add(key);
    const { declarations, imports, exports, stars } = this.#module(file);
    for (const statement of declarations.get(name) ?? []) this.#meet(file, statement);
    for (const origin of [imports.get(name), exports.get(name)]) {
      if (origin === undefined) continue;
      const names = origin.name === undefined ? this.exportsOf(origin.file) : [origin.name];
      for (const there of names) this.#visit(origin.file, there);
    }
    for (const star of stars) if (this.exportsOf(star).includes(name)) this.#visit(star, name);
  }

  #meet(file: string, statement: Statement): void {
    this.#met.set(file, (this.#met.get(file) ?? new Set()).add(statement));
    const { declarations, imports } = this.#module(file);
    for (const word of statement.words)
      if (declarations.has(word) || imports.has(word)) this.#visit(file, word);
    for (const [, path, name] of statement.text.matchAll(IMPORT_TYPE)) {
      const from = fileOf(file, path);
      for (const there of name === undefined ? this.exportsOf(from) : [name]) this.#visit(from, there);
    }
  }

  #module(file: string): Module {
    const known = this.#modules.get(file);
    if (known !== undefined) return known;
    const module = read(file);
    this.#modules.set(file, module);
    return module;
  }
}

function read(file: string): Module {
  const declarations = new Map<string, Statement[]>();
  const imports = new Map<string, Origin>();
  const exports = new Map<string, Origin>();
  const exported: string[] = [];
  const stars: string[] = [];
  for (const text of statementsOf(readFileSync(file, 'utf8'))) {
    const bare = text.replace(COMMENT, '').trimStart();
    const [, name] = DECLARED.exec(bare) ?? [];
    const [, namespace, bound, from] = IMPORTED.exec(bare) ?? [];
    const [, star, listed, source] = EXPORTED.exec(bare) ?? [];
    if (name !== undefined) {
      const words = new Set(bare.match(/[A-Za-z_$][\w$]*/g));
      declarations.set(name, [...(declarations.get(name) ?? []), { text, words }]);
      if (bare.startsWith('export')) exported.push(name);
    } else if (from !== undefined) {
      // Packages are no part of this: no cell sees their types.
      if (!from.startsWith('.')) continue;
      const other = fileOf(file, from);
      if (namespace !== undefined) imports.set(namespace, { file: other, name: undefined });
      for (const [there, here] of specifiers(bound)) imports.set(here, { file: other, name: there });
    } else if (star !== undefined) {
      stars.push(fileOf(file, source));
    } else {
      const other = source === undefined ? file : fileOf(file, source);
      for (const [there, here] of specifiers(listed)) exports.set(here, { file: other, name: there });
    }
  }
  return { declarations, imports, exports, exported, stars };
}

/** `a, type b as c`: what each name is there and here. */
function specifiers(list = ''): [there: string, here: string][] {
  return list
    .split(',')
    .map((word) => word.trim().replace(/^type /, ''))
    .filter((word) => word !== '')
    .map((word) => {
      const [there, here = there] = word.split(' as ');
      return [there, here];
    });
}

/** The text in pieces of one statement each. A comment between two belongs to the second. */
function statementsOf(text: string): string[] {
  const statements: string[][] = [[]];
  let comment: string[] | undefined;
  let inside = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('//')) continue;
    if (inside || line.startsWith('/*')) {
      (comment ??= []).push(line);
      inside = !line.includes('*/');
      continue;
    }
    if (STATEMENT.test(line)) statements.push([]);
    statements[statements.length - 1].push(...(comment ?? []), line);
    comment = undefined;
  }
  return statements.map((lines) => lines.join('\n')).filter((statement) => STATEMENT.test(code(statement)));
}

function code(statement: string): string {
  return statement.replace(COMMENT, '').trimStart();
}

function fileOf(from: string, specifier: string): string {
  return join(dirname(from), specifier.replace(/\.js$/, '.d.ts'));
}
