import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import ts from 'typescript';
import { OwnTypes } from '../../kernel/language/checker/own-types.js';
import { temporaryFolder } from '../server/helpers.js';

const dist = fileURLToPath(new URL('../../', import.meta.url));
const ROOTS = [
  'kernel/language/runner/api.d.ts',
  'kernel/session/index.d.ts',
  'kernel/widgets/index.d.ts',
  'emulator/index.d.ts',
].map((file) => join(dist, file));

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ['lib.es2023.d.ts'],
  types: [],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
};

/** Types that have been compared. */
const seen = new Set<ts.Type>();

t.test('the one text says of every type that cells can meet what the files say', async (t) => {
  const own = new OwnTypes(dist, ROOTS);
  const folder = temporaryFolder();
  const text = join(folder, 'own-types.d.ts');
  const texts = own.texts({ ringside: ROOTS[3] }, 50_000);
  t.ok(texts.length > 2 && texts.every(({ length }) => length > 0), `${texts.length} texts`);
  writeFileSync(text, texts.join('\n'));
  const program = ts.createProgram([...ROOTS, text], OPTIONS);
  t.same(program.getSyntacticDiagnostics(program.getSourceFile(text)).length, 0);
  const checker = program.getTypeChecker();
  const ambient = new Map(checker.getAmbientModules().map((module) => [module.name, module]));
  const differences: string[] = [];
  let compared = 0;
  for (const root of ROOTS) {
    const file = checker.getSymbolAtLocation(program.getSourceFile(root)!)!;
    const module = ambient.get(JSON.stringify(own.specifierOf(root)))!;
    const exports = checker.getExportsOfModule(file);
    const others = new Map(checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]));
    t.same([...others.keys()].sort(), exports.map(({ name }) => name).sort(), root);
    t.same(own.exportsOf(root).sort(), exports.map(({ name }) => name).sort(), root);
    for (const one of exports) compared += compare(checker, one, others.get(one.name)!, differences);
  }
  t.same(differences.slice(0, 10), []);
  t.ok(compared > 2000, `${compared} types compared`);
  t.equal(ambient.has('"ringside"'), true);
});

/** Types of two symbols, and of all that their members lead to. @returns how many were compared. */
function compare(checker: ts.TypeChecker, one: ts.Symbol, other: ts.Symbol, differences: string[]): number {
  const waiting: [path: string, ts.Type, ts.Type][] = [];
  for (const typeOf of [valueType, checker.getDeclaredTypeOfSymbol]) {
    waiting.push([one.name, typeOf(resolved(one)), typeOf(resolved(other))]);
  }
  let compared = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [path, type, same] = next;
    if (seen.has(type)) continue;
    seen.add(type);
    compared++;
    if (shown(checker, type) !== shown(checker, same))
      differences.push(`${path}: ${shown(checker, type)} / ${shown(checker, same)}`);
    for (const [n, part] of argumentsOf(type).entries())
      waiting.push([`${path}<>`, part, argumentsOf(same)[n]]);
    if (isOfLanguage(type)) continue;
    const members = new Map(checker.getPropertiesOfType(same).map((member) => [nameOf(member), member]));
    for (const member of checker.getPropertiesOfType(type)) {
      if (member.name.startsWith('__#')) continue;
      const twin = members.get(nameOf(member));
      if (twin === undefined) differences.push(`${path}.${member.name} is missing`);
      else waiting.push([`${path}.${member.name}`, valueType(member), valueType(twin)]);
    }
    for (const kind of [ts.SignatureKind.Call, ts.SignatureKind.Construct]) {
      const [signatures, twins] = [type, same].map((of) => checker.getSignaturesOfType(of, kind));
      signatures.forEach((signature, n) => {
        waiting.push([`${path}()`, signature.getReturnType(), twins[n].getReturnType()]);
        signature.getParameters().forEach((parameter, m) => {
          waiting.push([
            `${path}(${parameter.name})`,
            valueType(parameter),
            valueType(twins[n].parameters[m]),
          ]);
        });
      });
    }
    if (type.isUnionOrIntersection() && same.isUnionOrIntersection())
      type.types.forEach((part, n) => waiting.push([`${path}|`, part, same.types[n]]));
  }
  return compared;

  function argumentsOf(type: ts.Type): readonly ts.Type[] {
    return [...checker.getTypeArguments(type as ts.TypeReference), ...(type.aliasTypeArguments ?? [])];
  }

  function valueType(symbol: ts.Symbol): ts.Type {
    return checker.getTypeOfSymbol(symbol);
  }

  function resolved(symbol: ts.Symbol): ts.Symbol {
    return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
  }
}

/** A name that is a unique symbol ends in a number that says which. */
function nameOf({ name }: ts.Symbol): string {
  return name.replace(/^(__@.*)@\d+$/, '$1');
}

/** Not of ours: the same in both. Arrays and the like lead on without end. */
function isOfLanguage(type: ts.Type): boolean {
  const [declaration] = type.symbol?.declarations ?? [];
  return declaration !== undefined && /[/\\]lib\.[^/\\]*\.d\.ts$/.test(declaration.getSourceFile().fileName);
}

function shown(checker: ts.TypeChecker, type: ts.Type): string {
  const flags = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.InTypeAlias;
  return checker.typeToString(type, undefined, flags).replace(/import\("[^"]*"\)\.?/g, '');
}

t.test('statements that cells cannot meet are left out, and what others are called stays', async (t) => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'deep'));
  writeFileSync(
    join(folder, 'root.d.ts'),
    [
      "import { A as B } from './deep/a.js';",
      "import type * as all from './deep/b.js';",
      "export { other as mine } from './deep/b.js';",
      "export * from './deep/c.js';",
      '/** What one is. */',
      'export declare const one: B;',
      'declare const hidden: import("./deep/a.js").Far;',
      'declare const unused: number;',
      'export { hidden as shown };',
      'export type Lines =',
      '/** The first. */',
      "'x'",
      '/** The second. */',
      " | 'y';",
      'export declare function f(x: all.Some): void;',
      '//# sourceMappingURL=root.d.ts.map',
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'deep', 'a.d.ts'),
    'export interface A {\n    near: Near;\n}\ninterface Near {\n    x: 1;\n}\nexport type Far = 2;\nexport type Unmet = 3;\n',
  );
  writeFileSync(
    join(folder, 'deep', 'b.d.ts'),
    'export declare const other: string;\nexport interface Some {\n    x: 1;\n}\n',
  );
  writeFileSync(
    join(folder, 'deep', 'c.d.ts'),
    'export declare abstract class C {\n    abstract c: number;\n}\n',
  );
  const own = new OwnTypes(folder, [join(folder, 'root.d.ts')]);
  t.same(own.exportsOf(join(folder, 'root.d.ts')).sort(), ['C', 'Lines', 'f', 'mine', 'one', 'shown']);
  const text = own.texts({}, 10).join('\n');
  for (const word of ['unused', 'Unmet', 'sourceMappingURL']) t.notMatch(text, word);
  const file = join(folder, 'all.d.ts');
  writeFileSync(file, text);
  const user = join(folder, 'user.ts');
  writeFileSync(
    user,
    "import { one, shown, mine, f, C, type Lines } from 'ringside:root';\n" +
      "export const ok: [1, 2, string, 'x' | 'y', number] = [one.near.x, shown, mine, null! as Lines, (null! as C).c];\n" +
      'f({ x: 1 });\n' +
      "import { hidden } from 'ringside:root';\n",
  );
  const program = ts.createProgram([file, user], OPTIONS);
  t.same(
    ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText),
    [`Module '"ringside:root"' declares 'hidden' locally, but it is exported as 'shown'.`],
  );
  t.match(text, /\/\*\* What one is\. \*\/\nexport const one: B;/);
});
