import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { temporaryFolder } from '../server/helpers.js';
import { TestKernel } from './client.js';

/*
 * Files beside the notebook that are edited while the kernel runs: what is written or removed before a cell, the cell, and
 * its result or error. One kernel, one story a test.
 */
interface Row {
  readonly write?: Readonly<Record<string, string>>;
  readonly remove?: string;
  readonly code: string;
  readonly result?: string;
  readonly error?: RegExp;
  readonly trace?: string;
}

const STORIES: Readonly<Record<string, readonly Row[]>> = {
  'the next cell that imports a file has its new text': [
    {
      write: { 'one.ts': 'export const f = (x: number): number => x + 1;' },
      code: 'import { f } from "./one.ts"; const g = (x: number) => f(x); f(1)',
      result: '2',
    },
    { code: 'f(1)', result: '2' },
    { write: { 'one.ts': 'export const f = (x: number): number => x + 2;' }, code: 'f(1)', result: '3' },
    { code: 'g(1)', result: '3' },
    {
      write: { 'one.ts': 'export const f = (x: string): string => x + "!";' },
      code: 'import { f } from "./one.ts"; f(1)',
      error: /not assignable to parameter of type 'string'/,
    },
    { code: 'import { f } from "./one.ts"; f("a")', result: "'a!'" },
    { write: { 'one.ts': 'export const h = 3;' }, code: 'f', error: /no exported member 'f'/ },
    { code: 'import * as one from "./one.ts"; one', result: '[Object: null prototype] [Module] { h: 3 }' },
    {
      write: { 'one.ts': '\n\nexport const h = (): never => { throw new Error("h") }' },
      code: 'one.h()',
      error: /Error h/,
      trace: 'at Module.h (FOLDER/one.ts:3:39)',
    },
    {
      write: { 'one.ts': '\nexport const h = (): never => { throw new Error("h") }' },
      code: 'one.h()',
      error: /Error h/,
      trace: 'at Module.h (FOLDER/one.ts:2:39)',
    },
  ],
  'a file that has not changed keeps its state': [
    {
      write: {
        'state.ts':
          'import { by } from "./by.ts"; export let count = 0; export const next = () => (count += by());',
        'by.ts': 'export let calls = 0; export const by = (): number => (calls++, 1);',
      },
      code: 'import { next } from "./state.ts"; next(); next()',
      result: '2',
    },
    {
      write: { 'by.ts': 'export let calls = 0; export const by = (): number => (calls++, 10);' },
      code: 'next()',
      result: '12',
    },
    { code: 'import { calls } from "./by.ts"; calls', result: '1' },
    { code: 'calls + next()', result: '23' },
    {
      write: { 'by.ts': 'export let calls = 0; export const by = (): string => "";' },
      code: 'next()',
      error: /TypeCheckError .*state.ts:1:\d+/,
    },
    {
      write: { 'by.ts': 'export let calls = 0; export const by = (): number => 100;' },
      code: 'next()',
      result: '122',
    },
  ],
  'what a file passes on is new too': [
    {
      write: {
        'inner.ts': 'export const a = 1; export const b = 1;',
        'outer.ts':
          'export { a } from "./inner.ts"; export * from "./inner.ts"; export const b = "own"; import { b as c } from "./inner.ts"; export { c };',
      },
      code: 'import * as outer from "./outer.ts"; [outer.a, outer.b, outer.c]',
      result: "[ 1, 'own', 1 ]",
    },
    {
      write: { 'inner.ts': 'export const a = 2; export const b = 2; export const d = 2;' },
      code: '[outer.a, outer.b, outer.c]',
      result: "[ 2, 'own', 2 ]",
    },
    {
      write: { 'outer.ts': 'export * from "./inner.ts"; export const c = "c"; export const a = 3;' },
      code: '[outer.a, outer.b, outer.c, outer.d]',
      result: "[ 3, 2, 'c', 2 ]",
    },
  ],
  'a file with an error can be mended': [
    {
      write: { 'bad.ts': 'export const bad: number = "";' },
      code: 'import { bad } from "./bad.ts"; bad',
      error: /TypeCheckError .*bad.ts:1:14/,
    },
    {
      write: { 'bad.ts': 'export const bad: number = 1 +;' },
      code: 'import { bad } from "./bad.ts"; bad',
      error: /SyntaxError .*bad.ts:1:31/,
    },
    {
      write: { 'bad.ts': 'export const bad: number = 7;' },
      code: 'import { bad } from "./bad.ts"; bad',
      result: '7',
    },
    {
      write: { 'bad.ts': 'export const bad: number = 8; throw new Error("at the end");' },
      code: 'bad',
      error: /Error at the end/,
    },
    { write: { 'bad.ts': 'export const bad: number = 9;' }, code: 'bad', result: '9' },
    {
      write: { 'needs.ts': 'import { late } from "./late.ts"; export const needs = late + 1;' },
      code: 'import { needs } from "./needs.ts"; needs',
      error: /Cannot find module '.\/late.ts'/,
    },
    {
      write: { 'late.ts': 'export const late = 1;' },
      code: 'import { needs } from "./needs.ts"; needs',
      result: '2',
    },
    {
      remove: 'late.ts',
      code: 'import { needs } from "./needs.ts"; needs',
      error: /Cannot find module '.\/late.ts'/,
    },
    {
      remove: 'needs.ts',
      code: 'import { needs } from "./needs.ts"; needs',
      error: /Cannot find module '.\/needs.ts'/,
    },
  ],
  'JSON files are read again too': [
    {
      write: { 'data.json': '{ "n": 1, "default": 5 }' },
      code: 'import data from "./data.json"; import { n as named } from "./data.json"; import required = require("./data.json"); [data.n, named, required.n]',
      result: '[ 1, 1, 1 ]',
    },
    {
      code: 'const kept = data; import again from "./data.json" with { type: "json" }; again === kept',
      result: 'true',
    },
    {
      write: { 'data.json': '\ufeff{ "n": "two" }' },
      code: '[data.n.length, named, required.n]',
      result: "[ 3, 'two', 'two' ]",
    },
    { code: 'data.n.toFixed()', error: /'toFixed' does not exist on type 'string'/ },
    { write: { 'data.json': '[1, 2]' }, code: 'data[1]', result: '2' },
    {
      write: { 'late.json': '{' },
      code: 'const json = async (name: string) => (await import("./" + name + ".json")).default; await json("late")',
      error: /SyntaxError .*late\.json: /,
    },
    { write: { 'late.json': 'null' }, code: 'await json("late")', result: 'null' },
  ],
  'what is imported at run time': [
    {
      write: { 'named.ts': 'export const n = 1;' },
      code: 'const load = async (name: string) => (await import("./" + name + ".ts")).n; await load("named")',
      result: '1',
    },
    { write: { 'named.ts': 'export const n = 2;' }, code: 'await load("named")', result: '2' },
    { code: 'const { n } = await import("./named.ts"); n', result: '2' },
    { write: { 'named.ts': 'export const n = 3;' }, code: '(await import("./named.ts")).n', result: '3' },
    { code: 'n', result: '2' },
  ],
};

const folder = temporaryFolder();
function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
write('package.json', '{"type":"module"}');

const kernel = await TestKernel.start({ folder });
t.teardown(() => kernel.stop());

for (const [story, rows] of Object.entries(STORIES)) {
  await t.test(story, async (t) => {
    for (const { write: files = {}, remove, code, result, error, trace } of rows) {
      for (const [path, text] of Object.entries(files)) write(path, text);
      if (remove !== undefined) rmSync(join(folder, remove));
      const { reply, of } = await kernel.execute(code);
      if (error === undefined) t.equal(reply.status, 'ok', `${code}: ${reply.evalue ?? ''}`);
      else t.match(`${reply.ename} ${reply.evalue}`, error, code);
      t.equal(of('execute_result')[0]?.data['text/plain'], result, `result of ${code}`);
      if (trace === undefined) continue;
      const expected = trace.replace('FOLDER', folder);
      t.ok(
        reply.traceback?.some((line) => line.includes(expected)),
        `${expected} in ${reply.traceback?.join('\n')}`,
      );
    }
  });
}

t.test('an import that was not there is found, whatever was asked meanwhile', async (t) => {
  write('wanting.ts', 'import { missing } from "./missing.ts"; export const wanting = missing + 1;');
  const code = 'import { wanting } from "./wanting.ts"; wanting';
  t.match((await kernel.execute(code)).reply.evalue, /Cannot find module '.\/missing.ts'/);
  await kernel.request('complete_request', { code: 'Math.', cursor_pos: 5 });
  await kernel.request('inspect_request', { code: 'Math', cursor_pos: 4, detail_level: 0 });
  write('missing.ts', 'export const missing = 1;');
  t.equal((await kernel.execute(code)).of('execute_result')[0]?.data['text/plain'], '2');
});

t.test('completion and inspection see edited files', async (t) => {
  write('typed.ts', 'export const thing = { first: 1 };');
  await kernel.execute('import { thing } from "./typed.ts";');
  const asked = async () => {
    const [{ content: list }, { content: page }] = [
      await kernel.request('complete_request', { code: 'thing.', cursor_pos: 6 }),
      await kernel.request('inspect_request', { code: 'thing', cursor_pos: 5, detail_level: 0 }),
    ];
    return [list.matches, page.data?.['text/plain']];
  };
  t.match(await asked(), [['first'], /first: number/]);
  write('typed.ts', 'export const thing = { second: "" };');
  t.match(await asked(), [['second'], /second: string/]);
});
