import t from 'tap';
import ts from 'typescript';
import { Library } from '../../kernel/language/checker/library.js';

const OPTIONS: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, types: [], strict: true, noEmit: true };
const NAMES = ['es2023', 'esnext.disposable'];
/** As packages do that want to be sure. */
const TEXT = '/// <reference lib="es2020" />\n/// <reference lib="esnext.disposable" />\nexport {};';

function programOf(library?: Library): ts.Program {
  const options = library ? OPTIONS : { ...OPTIONS, lib: NAMES.map((name) => `lib.${name}.d.ts`) };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (file, how, ...others) => {
    const text = file === 'cell.ts' ? TEXT : library?.textOf(file);
    return text === undefined
      ? getSourceFile(file, how, ...others)
      : ts.createSourceFile(file, text, how, true);
  };
  if (library) host.getDefaultLibFileName = () => library.file;
  return ts.createProgram(['cell.ts'], options, host);
}

/** Without the numbers that TypeScript gives to symbols and, by those of types, the order of a union's parts. */
const normal = (text: string) => text.replaceAll(/@\d+/g, '').split(' | ').sort().join(' | ');

/** Each global name, what it means, and its members. */
function globalsOf(program: ts.Program): string[] {
  const checker = program.getTypeChecker();
  const cell = program.getSourceFile('cell.ts')!;
  const all = ts.SymbolFlags.Value | ts.SymbolFlags.Type | ts.SymbolFlags.Namespace;
  return checker
    .getSymbolsInScope(cell, all)
    .flatMap((symbol) => {
      const types = [checker.getDeclaredTypeOfSymbol(symbol), checker.getTypeOfSymbol(symbol)];
      const members = types.flatMap((type) =>
        checker.getPropertiesOfType(type).map((member) => {
          const text = checker.typeToString(checker.getTypeOfSymbol(member), cell);
          return `${symbol.name}.${normal(member.name)}: ${normal(text)}`;
        }),
      );
      return [
        `${symbol.name}: ${types.map((type) => checker.typeToString(type, cell)).join(', ')}`,
        ...members,
      ];
    })
    .sort();
}

t.test('the one file declares what the library of TypeScript declares', (t) => {
  const library = new Library(NAMES);
  const one = programOf(library);
  t.same(one.getSemanticDiagnostics(one.getSourceFile(library.file)), []);
  const [held, theirs] = [globalsOf(one), globalsOf(programOf())];
  t.ok(theirs.length > 2000, `${theirs.length} names and members`);
  t.same(
    held.filter((line) => !theirs.includes(line)),
    [],
    'nothing else',
  );
  t.equal(held.length, theirs.length, 'and nothing less');
  const texts = one.getSourceFiles().filter(({ text }) => text !== '');
  t.same(
    texts.map(({ fileName }) => fileName),
    [library.file, 'cell.ts'],
    'what is referred to by name is in the one file',
  );
  t.end();
});

t.test('a library that is not there', (t) => {
  t.throws(
    () => new Library(['es1999']),
    /TypeScript has no library es1999: .*lib\.es1999\.d\.ts is not there/,
  );
  t.end();
});
