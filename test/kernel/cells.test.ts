import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { TestKernel } from './client.js';

/*
 * What cells mean: one kernel, one story a test, cells in order. `result` is the text of the result, `error` matches
 * the error's name and value, `trace` a line of its traceback, `out` what was printed.
 */
interface Row {
  code: string;
  result?: string;
  error?: RegExp;
  trace?: string;
  out?: string;
}

const STORIES: Record<string, Row[]> = {
  'the last expression is the result': [
    { code: '1 + 1', result: '2' },
    { code: 'const two = 2', out: '' },
    { code: 'two; // with a comment', result: '2' },
    { code: 'two.toFixed(), 2', result: '2' },
    { code: 'undefined' },
    { code: 'Promise.resolve(2)', result: 'Promise (put `await` before it to see its value)' },
    { code: 'await Promise.resolve(2)', result: '2' },
    { code: '' },
    { code: '// only a comment' },
    { code: '"use strict"', result: "'use strict'" },
    { code: 'if (two > 1) { two }' },
  ],
  'names and their types live across cells': [
    { code: 'let count = 1; const step = 2; function next(by: number) { return (count += by); }' },
    { code: 'count += step; next(step)', result: '5' },
    { code: 'count', result: '5' },
    { code: "count = 'five'", error: /TypeCheckError.*Type 'string' is not assignable to type 'number'/ },
    { code: 'step = 3', error: /TypeCheckError.*'step'/ },
    { code: "next('1')", error: /TypeCheckError.*parameter of type 'number'/ },
    { code: 'const { a, b: [c = 7] } = { a: 1, b: [] as number[] }; ({ a, c })', result: '{ a: 1, c: 7 }' },
    { code: 'a.toFixed(c)', result: "'1.0000000'" },
    { code: 'const scale = <T extends number>(x: T) => x * count; scale(2)', result: '10' },
  ],
  'a later cell may declare a name again, as something else': [
    {
      code: 'const v = 1; class K<T> { constructor(public value: T) {} }; enum E { A, B }; interface P { x: number }',
    },
    { code: "const v = 'text'; v.length", result: '4' },
    { code: 'v.toFixed()', error: /TypeCheckError.*toFixed/ },
    { code: 'new K(v).value.length + E.B', result: '5' },
    { code: 'const p: P = { x: 1 }; p', result: '{ x: 1 }' },
    { code: 'class K { other = 5 }; enum E { C = 9 }; interface P { y: string }' },
    { code: "const q: P = { y: 'q' }; new K().other + E.C", result: '14' },
    { code: 'const q: P = { x: 1 }', error: /TypeCheckError.*'x' does not exist in type 'P'/ },
    { code: 'function v() { return 3 }; v()', result: '3' },
    { code: 'let v = 4; v', result: '4' },
    { code: 'type Pair<A, B> = [A, B]; namespace N { export const deep = 6 }' },
    { code: 'const pair: Pair<number, string> = [N.deep, "x"]; pair', result: "[ 6, 'x' ]" },
    { code: 'const performance = 1; performance', result: '1' },
  ],
  'functions of earlier cells see the newest value of a name': [
    { code: 'let rate = 1; const twice = () => rate * 2;' },
    { code: 'let rate = 10' },
    { code: 'twice()', result: '20' },
  ],
  'a cell may await': [
    {
      code: 'const later = await new Promise<number>((done) => setTimeout(done, 5, 42)); later',
      result: '42',
    },
    { code: 'let sum = 0; for await (const x of [1, Promise.resolve(2)]) sum += x; sum', result: '3' },
    {
      code: 'async function* gen() { try { yield 1; yield 2 } finally { console.log("closed") } }; for await (const x of gen()) break',
      out: 'closed\n',
    },
    { code: 'const read = async () => (await import("node:os")).EOL; await read()', result: "'\\n'" },
  ],
  'errors are found before anything runs': [
    {
      code: 'console.log("ran");\nconst n: number = "a";',
      out: '',
      error: /TypeCheckError Cell \d+:2:7 - .*string/,
    },
    { code: 'console.log("ran"); const = 3', out: '', error: /SyntaxError Cell \d+:1:27 - / },
    { code: 'missing + 1', error: /TypeCheckError .*:1:1 - Cannot find name 'missing'/ },
    { code: 'return 1', error: /SyntaxError|TypeCheckError/ },
    { code: 'const rows = []; rows.push(1); rows', result: '[ 1 ]' },
    { code: 'function untyped(x) { return x }; untyped(1)', result: '1' },
  ],
  'a failing cell says where, in its own lines': [
    {
      code: 'interface Gone { erased: true }\nfunction fail() {\n  throw new RangeError("too far");\n}\nawait null;\n  fail()',
      error: /RangeError too far/,
      trace: 'at fail (Cell N:3:9)',
    },
    { code: '\nfail()', error: /RangeError/, trace: 'at Cell N:2:' },
    { code: 'const before = 1; throw new Error("x"); const after = 2', error: /Error x/ },
    { code: 'before', result: '1' },
    { code: 'after', error: /Cannot find name 'after'/ },
    { code: 'const before = fail()', error: /RangeError/ },
    { code: 'before', result: '1' },
    { code: 'throw "words"', error: /Uncaught 'words'/ },
    { code: 'throw { toString() { throw 1 } }', error: /Uncaught/ },
    { code: 'throw null', error: /Uncaught null/ },
  ],
  'packages and files are imported from the folder of the notebook': [
    {
      code: 'import fs, { readFileSync as read } from "node:fs"; import * as path from "node:path"; typeof fs.statSync',
      result: "'function'",
    },
    { code: 'path.basename("/a/b") + typeof read', result: "'bfunction'" },
    { code: 'import esm from "esm-package"; esm.name', result: "'esm'" },
    { code: 'import { name } from "cjs-package"; name', result: "'cjs'" },
    { code: 'import { local } from "./local.js"; local', result: "'here'" },
    { code: 'import data from "./data.json" with { type: "json" }; data.answer', result: '42' },
    { code: 'const { local: again } = await import("./local.js"); again', result: "'here'" },
    { code: 'import nothing from "no-such-package"', error: /TypeCheckError.*no-such-package/ },
    {
      code: 'import type { Stats } from "node:fs"; const size = (s: Stats) => s.size; typeof size',
      result: "'function'",
    },
  ],
  'what is printed comes to the cell': [
    {
      code: 'console.log("a", { b: 1 }); process.stdout.write("c\\u{1F600}\\n")',
      result: 'true',
      out: 'a { b: 1 }\nc😀\n',
    },
    { code: 'for (let i = 0; i < 3; i++) console.log(i)', out: '0\n1\n2\n' },
  ],
};

const folder = mkdtempSync(join(tmpdir(), 'ringside-cells-'));
function file(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}
file(
  'node_modules/esm-package/package.json',
  '{"name":"esm-package","type":"module","exports":"./index.js"}',
);
file('node_modules/esm-package/index.js', 'export default { name: "esm" };');
file('node_modules/cjs-package/package.json', '{"name":"cjs-package","main":"index.js"}');
file('node_modules/cjs-package/index.js', 'exports.name = "cjs";');
file('package.json', '{"type":"module"}');
file('local.js', 'export const local = "here";');
file('data.json', '{"answer":42}');

t.test('cells', async (t) => {
  const kernel = await TestKernel.start({ folder });
  t.teardown(async () => {
    await kernel.stop();
    rmSync(folder, { recursive: true });
  });
  for (const [story, rows] of Object.entries(STORIES)) {
    await t.test(story, async (t) => {
      for (const { code, result, error, trace, out } of rows) {
        const { reply, of, text } = await kernel.execute(code);
        if (error === undefined) t.equal(reply.status, 'ok', `${code}: ${reply.evalue ?? ''}`);
        else t.match(`${reply.ename} ${reply.evalue}`, error, code);
        t.equal(of('execute_result')[0]?.data['text/plain'], result, `result of ${code}`);
        if (out !== undefined) t.equal(text('stdout'), out, `output of ${code}`);
        if (trace !== undefined) {
          const expected = `    ${trace.replace('Cell N', `Cell ${reply.execution_count}`)}`;
          t.ok(
            reply.traceback.some((line: string) => line.startsWith(expected)),
            `${expected} in:\n${reply.traceback.join('\n')}`,
          );
        }
      }
    });
  }
});
