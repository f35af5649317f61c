import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Checker } from '../../kernel/language/checker/checker.js';
import { MAGICS } from '../../kernel/session/magics.js';
import { temporaryFolder } from '../server/helpers.js';

/*
 * What the checker leaves out until it is needed, and what it does not do again, is not to be seen from outside.
 */
const folder = temporaryFolder();
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'beside.ts'),
  "import { assemble } from 'ringside';\nexport const assembled = () => assemble('nop');",
);
const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

function checker(): Checker {
  return new Checker({
    folder,
    preludes: ['kernel/language/runner/api.js', 'kernel/session/index.js'].map((path) => ({
      path: file(path),
    })),
    ownModules: { ringside: file('emulator/index.js') },
    magics: MAGICS,
  });
}

function errors(checker: Checker, code: string): string[] {
  const compilation = checker.compile('Cell 1', code, 'strict');
  return compilation.ok ? [] : compilation.diagnostics.map(({ message }) => message);
}

/** Each leads to our own types in another way. */
const LEADS: readonly (readonly [code: string, error: RegExp])[] = [
  ["run(asm``, { technique: 'none' })", /Type '"none"' is not assignable/],
  ["import { assemble } from 'ringside'; assemble('nop').nope", /'nope' does not exist/],
  ["import { assembled } from './beside.ts'; assembled().nope", /'nope' does not exist/],
  ["(await import('ringside')).nope", /'nope' does not exist/],
  ['%technique 5', /'(5|number)' is not assignable/],
];

t.test('our own types are there for the first cell that needs one', async (t) => {
  const warm = checker();
  await warm.warmUp();
  for (const [code, error] of LEADS) {
    const first = errors(checker(), code);
    t.match(first[0], error, code);
    t.same(first, errors(warm, code), code);
  }
});

t.test('a checker that warms up answers meanwhile', async (t) => {
  const one = checker();
  const warm = one.warmUp();
  t.same(errors(one, 'const x: number = 41; x + 1'), []);
  t.match(errors(one, 'run(5)')[0], /not assignable/);
  await warm;
  t.match(errors(one, 'run(6)')[0], /not assignable/);
});

t.test('what could not be imported can be when it is there', async (t) => {
  const one = checker();
  const code = "import { later } from './later.ts'; import { more } from 'a-package'; later + more";
  t.match(errors(one, code), [/Cannot find module '.\/later.ts'/, /Cannot find module 'a-package'/]);
  writeFileSync(join(folder, 'later.ts'), 'export const later = 1;');
  t.match(errors(one, code), [/Cannot find module 'a-package'/]);
  const packageFolder = join(folder, 'node_modules', 'a-package');
  mkdirSync(packageFolder, { recursive: true });
  writeFileSync(join(packageFolder, 'package.json'), '{ "name": "a-package", "types": "index.d.ts" }');
  writeFileSync(join(packageFolder, 'index.d.ts'), 'export declare const more: number;');
  t.same(errors(one, code), []);
});

/** Text before and after the cursor; how much of the end of the first is typed letter by letter. */
const TYPED: readonly (readonly [before: string, letters: number, after?: string])[] = [
  ['Math.max', 3],
  ['const m = Math; m.max', 3, '(1, 2)'],
  ['console', 7],
  ['cons', 4, ' + 1'],
  ['const a = { b: 1, c: 2 }; const d: typeof a = { b', 1, ': 1 }'],
  ['const index = 1; for', 3, ' (const x of []) {}'],
  ["run(asm``, { technique: 'bi", 2, "' })"],
  ['const display', 7],
  ['let performer = 1; perf', 4],
  ['function f(paint: number) { return pa', 2, ' }'],
  ['import { asse', 5, " } from 'ringside'"],
  ["run('", 0, "')"],
];

t.test('a list that is asked for again with each letter is what it would be anew', async (t) => {
  const [one, other] = [checker(), checker()];
  for (const [before, letters, after = ''] of TYPED) {
    for (let left = letters; left >= 0; left--) {
      const typed = before.slice(0, before.length - left);
      await other.complete('Math.', 5);
      const anew = await other.complete(typed + after, typed.length);
      t.same(await one.complete(typed + after, typed.length), anew, `${typed}|${after}`);
    }
  }
  const { matches } = await one.complete('Math.ma', 7);
  t.same(
    matches.map(({ text }) => text),
    ['max'],
  );
});

/** The cursor is at `|`: what is completed there, from which column, and what is not. */
const SPECIFIERS: readonly (readonly [code: string, start: number, matches: string, others?: string])[] = [
  ["import './hel|", 10, 'helix.json hell hello.ts helm.js help.mts', 'helt.d.ts'],
  ["import { a } from './hel|'", 21, 'hello.ts'],
  ["export * from './hell/|'", 22, 'deep.ts', 'hello.ts'],
  ["await import('../|')", 17, 'AROUND'],
  ["require('./he|')", 11, 'hello.ts'],
  ["import x = require('./he|')", 22, 'hello.ts'],
  ["let x: import('./he|')", 17, 'hello.ts'],
  ["import {} from 'pack|'", 16, 'pack-age'],
  ["import {} from 'pack-age/|'", 25, 'sub'],
  ["import {} from '|'", 16, 'pack-age untyped @scope/one ringside node:fs', 'fs .bin'],
  ["import {} from '@scope/|'", 16, '@scope/one'],
  ["import {} from 'node:fs/|'", 16, 'node:fs/promises', 'node:fs'],
  ["import {} from 'f|'", 16, 'fs fs/promises', 'node:fs'],
];

t.test('paths and packages are completed where a module is named', async (t) => {
  const beside = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const path of ['hello.ts', 'help.mts', 'helm.js', 'helt.d.ts', 'hell/deep.ts'])
    beside(path, 'export {};');
  beside('helix.json', '{}');
  beside('node_modules/.bin/tool', '');
  beside('node_modules/untyped/index.js', '');
  beside('node_modules/@scope/one/package.json', '{ "name": "@scope/one" }');
  beside(
    'node_modules/pack-age/package.json',
    '{ "name": "pack-age", "exports": { "./sub": "./sub.d.ts" } }',
  );
  beside('node_modules/pack-age/sub.d.ts', 'export {};');
  const one = checker();
  for (const [marked, start, matches, others = ''] of SPECIFIERS) {
    const [before, after] = marked.split('|');
    const found = await one.complete(before + after, before.length);
    const texts = found.matches.map(({ text }) => text);
    const wanted = matches.replace('AROUND', basename(folder)).split(' ');
    t.same([found.start, found.end], [start, before.length], marked);
    t.same(
      wanted.filter((text) => !texts.includes(text)),
      [],
      `${marked}: ${texts.join(' ')}`,
    );
    t.same(
      others.split(' ').filter((text) => texts.includes(text)),
      [],
      `not for ${marked}`,
    );
  }
  const folderOf = await one.complete("import {} from './hello.ts'", 17);
  t.same(folderOf, { matches: [], start: 17, end: 17 }, 'what is replaced is not behind the cursor');
  beside('help2.ts', 'export {};');
  t.match((await one.complete("import './help2", 15)).matches, [{ text: 'help2.ts', type: 'path' }]);
});
