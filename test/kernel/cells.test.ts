import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { TestKernel } from './client.js';

/*
 * What cells mean: one kernel, one story a test, cells in order. `result` is the text of the result, `error` matches
 * the error's name and value, `trace` a line of its traceback, `out` what was printed, `err` what was on stderr.
 */
interface Row {
  code: string;
  result?: string;
  error?: RegExp;
  trace?: string;
  out?: string;
  err?: RegExp;
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
    { code: 'null', result: 'null' },
    { code: 'let assigned; assigned = 5', result: '5' },
    { code: '(class Named { x = 1 })', result: '[class Named]' },
    { code: '10n ** 20n', result: '100000000000000000000n' },
    { code: "Symbol('s')", result: 'Symbol(s)' },
    { code: 'new Map([[1, new Set([2])]])', result: 'Map(1) { 1 => Set(1) { 2 } }' },
    { code: 'const round: unknown[] = []; round.push(round); round', result: '<ref *1> [ [Circular *1] ]' },
    { code: "'lone \\ud800'", result: "'lone \\ud800'" },
    { code: '{ a: 1, b: two }', result: '{ a: 1, b: 2 }' },
    { code: ' {} // nothing ' },
    { code: '\n{ two }\n', result: '{ two: 2 }' },
    { code: '{ a: missing }', error: /Cell \d+:1:6 - Cannot find name 'missing'/ },
    { code: '{ const two = 3; two }' },
    { code: 'label: for (const i of [1, 2]) { if (i > 1) break label }' },
  ],
  'a value may be a proxy, whatever that says': [
    { code: 'new Proxy({ a: 1 }, { get() { throw 1 }, has() { throw 2 } })', result: '{ a: 1 }' },
    {
      code: 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); proxy',
      result: '<Revoked Proxy>',
    },
    {
      code: 'const remote: any = new Proxy(function () {}, { get: () => remote, apply: () => remote }); remote',
      result: '[Function (anonymous)]',
    },
    { code: 'new Proxy(html`<b>`, {})', result: '<b>' },
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
    {
      code: 'interface P { x: number } interface P { y: number } const both: P = { x: 1, y: 2 }; both.y',
      result: '2',
    },
    { code: 'export default function named() { return 8 }' },
    { code: 'named()', result: '8' },
    { code: 'export const said = 1; export { said as again }; said', result: '1' },
  ],
  'what TypeScript has beside types': [
    {
      code: "{ using held = { [Symbol.dispose]() { console.log('let go') } }; console.log('in') }",
      out: 'in\nlet go\n',
    },
    {
      code: 'await using slow = { async [Symbol.asyncDispose]() { console.log("gone") } }; 1',
      result: '1',
      out: 'gone\n',
    },
    {
      code: 'const noted = (c: unknown, { name }: ClassDecoratorContext) => console.log(name);\n@noted class Marked { accessor v = 3; static #p = 4; static get p() { return Marked.#p } }\n[new Marked().v, Marked.p]',
      result: '[ 3, 4 ]',
      out: 'Marked\n',
    },
    { code: 'function* numbers() { yield 1; yield* [2, 3] }\n[...numbers()]', result: '[ 1, 2, 3 ]' },
    { code: 'let p = 1, q = 2; [p, q] = [q, p]; ({ a: p } = { a: 9 }); [p, q]', result: '[ 9, 1 ]' },
    { code: "/a[/]b/.test('a/b') ? `t${`n${1}`}` : ''", result: "'tn1'" },
    {
      code: 'const enum Flag { On = 5 } abstract class Base {} declare const never: number; Flag.On',
      result: '5',
    },
    { code: 'globalThis.kept = 1; globalThis.kept', result: '1' },
  ],
  'var inside of something is a name of the cell': [
    { code: '{ var inner = 1; var text: string }' },
    { code: 'inner + 1', result: '2' },
    { code: "inner = 'one'", error: /TypeCheckError.*not assignable to type 'number'/ },
    { code: "text = 'set'; text", result: "'set'" },
    { code: 'for (var i = 0, end = 3; i < end; i++) { var square = i * i }' },
    { code: '[i, end, square]', result: '[ 3, 3, 4 ]' },
    { code: 'if (i > 2) { var yes = () => inner } else { var no = 1 }' },
    { code: '[yes(), yes.name, no]', result: "[ 1, 'yes', undefined ]" },
    {
      code: 'for (var key in { a: 1 }) {}; for (var [first, , ...others] of ["abcd"]) {}',
    },
    { code: '[key, first, others]', result: "[ 'a', 'a', [ 'c', 'd' ] ]" },
    {
      code: 'try { var { p, q: [r = () => 5], ...rest }: any = { p: 1, q: [], s: 2, t: 3 }; } finally { switch (p) { case 1: var found = p } }',
    },
    { code: '[p, r(), r.name, rest, found]', result: "[ 1, 5, 'r', { s: 2, t: 3 }, 1 ]" },
    { code: 'const see = () => seen; do { var seen = 1 } while (false); seen++; see()', result: '2' },
    { code: 'seen = 7; see()', result: '7' },
    { code: 'for await (var last of [1, Promise.resolve(2)]) await 0; label: { var labelled = 2 }' },
    { code: 'last + labelled', result: '4' },
    { code: 'var again = 1; { var again = again + 1 }; again', result: '2' },
    { code: 'again', result: '2' },
    {
      code: 'function own() { var hidden = 1; } class C { static { var hidden = 2 } } hidden',
      error: /find name 'hidden'/,
    },
    { code: '{ let hidden = 3 } hidden', error: /find name 'hidden'/ },
    {
      code: 'const before = 1;\nif (before) {\n  var thrown = 2, notSet = missingAtRun();\n}\nfunction missingAtRun(): number { throw new Error("x") }',
      error: /Error x/,
      trace: 'at Cell N:3:28',
    },
    { code: 'thrown', result: '2' },
    { code: 'notSet', error: /find name 'notSet'/ },
    { code: 'for (var i = 5; ;) break; for (var k; ;) break; i', result: '5' },
    { code: 'let declared = 4' },
    { code: 'let declared: number | undefined; declared' },
    { code: 'declared ?? "nothing"', result: "'nothing'" },
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
    { code: 'throw undefined', error: /Uncaught undefined/ },
    { code: 'throw Object.freeze(new Error("frozen"))', error: /Error frozen/ },
    {
      code: 'import { readFile } from "node:fs/promises";\nconst read = async () => {\n  return await readFile("/no/such");\n};\n\nawait read()',
      error: /Error ENOENT/,
      trace: 'at async read (Cell N:3:10)',
    },
    { code: '\nawait Promise.all([read()])', error: /Error ENOENT/, trace: 'at async Cell N:2:1' },
    {
      code: 'try { processor("nope" as never) } catch (error) { console.log(String((error as Error).stack).match(/^ +at .*\\/emulator\\/.*$/gm)) }',
      out: 'null\n',
    },
    {
      code: 'await fetch("http://127.0.0.1:1/")',
      error: /fetch failed/,
      trace: '[cause]: Error: bad port',
    },
    {
      code: 'throw new Error("outer", { cause: new Error("inner") })',
      error: /Error outer/,
      trace: '[cause]: Error: inner',
    },
    {
      code: 'const deep = (): number => deep() + 1; deep()',
      error: /RangeError Maximum call stack/,
      trace: 'at deep (Cell N:1:',
    },
    { code: '('.repeat(5000) + ')'.repeat(5000), error: /Maximum call stack size exceeded/ },
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
    { code: 'import call, { extra } from "cjs-function"; call("x") + extra', result: "'hi x5'" },
    { code: 'const required = require("cjs-function"); required("y")', result: "'hi y'" },
    { code: 'import answers from "./data.json"; answers.answer', result: '42' },
    { code: 'import.meta.url.endsWith("/notebook.ts") && import.meta.dirname === __dirname', result: 'true' },
    { code: 'import.meta.resolve("./x.js") === new URL("./x.js", import.meta.url).href', result: 'true' },
  ],
  'TypeScript files beside the notebook are imported': [
    {
      code: 'import Box, { area, Color, type Shape } from "./shapes.ts"; const s: Shape = { w: 2, h: 3 }; [area(s), Color.Green, new Box(s).s.w]',
      result: '[ 6, 1, 2 ]',
    },
    { code: 'area({ w: 1 })', error: /TypeCheckError .*parameter of type 'Shape'/ },
    {
      code: 'import { area as other } from "./shapes.js"; import { area as third } from "./shapes"; other === area && third === area',
      result: 'true',
    },
    {
      code: 'import * as uses from "./deep"; uses',
      result:
        "[Object: null prototype] [Module] {\n  next: [Function: next],\n  default: [class Box],\n  total: 8,\n  lazy: [AsyncFunction: lazy],\n  where: 'index.ts',\n  count: 0\n}",
    },
    {
      code: 'uses.next(); [uses.count, await uses.lazy(), (await import("./deep/index.ts")) === uses]',
      result: '[ 1, 5, true ]',
    },
    {
      code: 'import { fail } from "./shapes.ts"; \nfail()',
      error: /RangeError in a file/,
      trace: 'at fail (FOLDER/shapes.ts:6:9)',
    },
    {
      code: 'import "./wrong.ts"',
      error: /TypeCheckError .*wrong.ts:2:14 - TS2322: /s,
      trace: 'TypeCheckError: FOLDER/wrong.ts:2:14',
    },
    {
      code: 'import "./broken.ts"',
      error: /SyntaxError .*broken.ts:1:12/,
      trace: 'SyntaxError: FOLDER/broken.ts',
    },
    { code: 'import { busy } from "./busy.mts"; busy.length', result: '0' },
    { code: 'import { ping } from "./ping.ts"; ping(2)', result: "'ping pong ping'" },
    { code: 'await import("./no" + "thing.ts")', error: /ERR_MODULE_NOT_FOUND|Cannot find module/ },
    { code: '(await import("./sha" + "pes.ts")).area === area', result: 'true' },
  ],
  'what a cell passes on is known to later cells': [
    {
      code: 'export { area as surface, type Shape as Form } from "./shapes.ts"; export { basename } from "node:path"',
    },
    { code: 'const form: Form = { w: 2, h: 5 }; [surface(form), basename("/a/b")]', result: "[ 10, 'b' ]" },
    { code: 'surface({ w: 1 })', error: /parameter of type 'Shape'/ },
    { code: 'const surface = 1; surface', result: '1' },
    { code: 'surface + 1', result: '2' },
    { code: 'export { area as hereNot } from "./shapes.ts"; hereNot', error: /Cannot find name 'hereNot'/ },
    { code: 'export * from "./shapes.ts"; export * as shapes from "./shapes.ts"' },
    {
      code: 'const all: Shape[] = []; [area({ w: 1, h: 1 }), Color.Green, shapes.Color.Red, all]',
      result: '[ 1, 1, 0, [] ]',
    },
    { code: 'export * from "./shapes.ts"; function fail() { return "own" }' },
    { code: 'fail()', result: "'own'" },
    { code: 'const area = 7; area', result: '7' },
    {
      code: '\nexport * from "esm-package"',
      error: /:2:15 - "esm-package" has no types.*name it, as in export \{ a \} from "esm-package"/,
    },
    { code: 'export { extra, default as called } from "cjs-function"' },
    { code: 'called("z") + extra', result: "'hi z5'" },
    {
      code: 'export {\n  local\n} from "./local.js"; nowhere()',
      error: /:3:22 - Cannot find name 'nowhere'/,
    },
    {
      code: 'export {\n  local\n} from "./local.js"; throw new Error("behind")',
      error: /behind/,
      trace: 'at Cell N:3:28',
    },
    { code: 'local', result: "'here'" },
    { code: 'interface Inner { z: 1 } const said = 1; export { said as other, type Inner as Outer }' },
    { code: 'const outer: Outer = { z: 1 }; other + outer.z', result: '2' },
    { code: 'export { other as third, Inner as Alike, said }' },
    { code: 'const alike: Alike = { z: 1 }; third + said', result: '2' },
    { code: 'export { x as y }; const x = 3' },
    { code: 'x + y', result: '6' },
  ],
  'imports that are assignments': [
    { code: 'import hi = require("cjs-function"); hi("a")', result: "'hi a'" },
    { code: 'hi("b") + hi.extra', result: "'hi b5'" },
    {
      code: 'import ways = require("node:path"); import type kinds = require("node:fs"); ways.sep',
      result: "'/'",
    },
    {
      code: 'const stats = (s: kinds.Stats) => ways.basename("/c/d") + s.size; ways.dirname(1)',
      error: /not assignable to parameter of type 'string'/,
    },
    {
      code: 'import shaped = require("./shapes.ts"); const made: shaped.Shape = { w: 3, h: 3 }; shaped.area(made)',
      result: '9',
    },
    { code: 'import * as shapes from "./shapes.ts"; shaped.area === shapes.area', result: 'true' },
    { code: 'import data = require("./data.json"); data.answer', result: '42' },
    { code: 'import asm2 = require("ringside"); typeof asm2.assemble', result: "'function'" },
    { code: 'import { byRequire } from "./requires.ts"; byRequire', result: "'hi file'" },
    {
      code: 'namespace Outside { export const deep = 6; export interface Kind { k: number } export namespace Empty { export type T = 1 } }',
    },
    {
      code: 'import deep = Outside.deep; import Kind = Outside.Kind; import Empty = Outside.Empty; deep',
      result: '6',
    },
    { code: 'const kind: Kind = { k: deep }; const one: Empty.T = 1; kind', result: '{ k: 6 }' },
    { code: 'import T = Empty.T; export import again = Outside.deep; const t: T = 1; again', result: '6' },
    { code: 'const t2: T = 2', error: /Type '2' is not assignable to type '1'/ },
    { code: 'again', result: '6' },
    { code: 'export = 5', error: /export default/ },
  ],
  'what a cell says of things that are not its own': [
    {
      code: 'declare global { interface Array<T> { second(): T } var __shared: number }\nArray.prototype.second = function () { return this[1] }; globalThis.__shared = 1;',
      result: '1',
    },
    { code: '[1, 2].second() + __shared', result: '3' },
    { code: '[1, 2].second().length', error: /'length' does not exist on type 'number'/ },
    {
      code: 'declare global { var __shared: string; interface Array<T> { second(): T } } globalThis.__shared = "s"; __shared.length',
      result: '1',
    },
    { code: '__shared.toFixed()', error: /'toFixed' does not exist on type 'string'/ },
    {
      code: 'declare global { interface Array<T> { third: number } } Array.prototype.third = 3; [1].third',
      result: '3',
    },
    { code: '[[1, 2].second(), [0].third, __shared]', result: "[ 2, 3, 's' ]" },
    {
      code: 'declare module "esm-package" { const made: { name: string }; export default made }',
      error: /cannot be augmented/,
    },
    {
      code: 'import fs from "node:fs"; declare module "node:fs" { interface Stats { extra?: 5 } } export type More = fs.Stats',
    },
    { code: 'import { Stats } from "node:fs"; const e: Stats["extra"] = 5; e', result: '5' },
  ],
  'what ends with its cell': [
    { code: 'const lock = 1; const file = () => ({ [Symbol.dispose]() {} })' },
    { code: 'using lock = file(); typeof lock', result: "'object'" },
    { code: 'lock', error: /Cannot find name 'lock'/ },
  ],
  'what is printed comes to the cell': [
    {
      code: 'console.log("a", { b: 1 }); process.stdout.write("c\\u{1F600}\\n")',
      result: 'true',
      out: 'a { b: 1 }\nc😀\n',
    },
    { code: 'for (let i = 0; i < 3; i++) console.log(i)', out: '0\n1\n2\n' },
    {
      code: "console.group('G'); console.table([{ a: 1 }]); console.groupEnd(); console.count()",
      out: 'G\n  ┌─────────┬───┐\n  │ (index) │ a │\n  ├─────────┼───┤\n  │ 0       │ 1 │\n  └─────────┴───┘\ndefault: 1\n',
    },
    { code: "console.log('%s %i %j %%', 'a', 4.5, { b: 1 })", out: 'a 4 {"b":1} %\n' },
    {
      code: "process.stdout.write(Buffer.from('é\\n')); process.stdout.end('end\\n'); console.log('after')",
      out: 'é\nend\nafter\n',
    },
    {
      code: "console.log('x'.repeat(500_000)); console.log('\\ud800', '\\0')",
      out: `${'x'.repeat(500_000)}\n\ufffd \0\n`,
    },
    { code: "console.trace('here')", out: '', err: /^Trace: here\n    at Cell \d+:1:9\n$/ },
    {
      code: "queueMicrotask(() => { throw new Error('micro') }); await new Promise((done) => setTimeout(done, 5))",
      err: /^Uncaught Error: micro\n    at Cell \d+:1:\d+\n$/,
    },
  ],
  'no name is sacred': [
    { code: 'let require = 3, exports = 4, module = 5; require + exports + module', result: '12' },
    { code: 'const Promise = 1, Object = 2, Error = 3; await (Object + Error)', result: '5' },
    { code: 'let __await = 7, __imported = 8; await 9', result: '9' },
    { code: 'let __result = 7; __result + 1', result: '8' },
    { code: '__result + 2', result: '9' },
    { code: 'const shared = 4; const plus = (exports: number) => exports + shared; plus(1)', result: '5' },
    {
      code: '{ const exports = { shared: 5 }; let n = exports.shared; n += shared; console.log(n) }',
      out: '9\n',
    },
    {
      code: 'const exports = { shared: 6 }; let m = exports.shared; m += shared; ({ exports, m })',
      result: '{ exports: { shared: 6 }, m: 10 }',
    },
    {
      code: 'async function late(__await: number, __each: number) { for await (const x of [__await]) __each += x; return __each + (await 1) } await late(2, 3)',
      result: '6',
    },
    {
      code: 'const os = async (__import: number, __meta: string) => (await import("node:os")).EOL + typeof import.meta.url + __meta + __import; await os(1, "m")',
      result: "'\\nstringm1'",
    },
    {
      code: 'import { sep } from "node:path"; const across = (__imported: string, __star: string) => __imported + sep + __star; across("a", "b")',
      result: "'a/b'",
    },
    {
      code: 'class require { n = 1 } class __imported { n = 2 } const __filename = () => 3; [new require().n, new __imported().n, __filename()]',
      result: '[ 1, 2, 3 ]',
    },
    {
      code: 'import * as exports from "./named.ts"; [exports.exports, exports.twice()]',
      result: '[ 5, 10 ]',
    },
    {
      code: 'import __dirname = require("node:path"); using __result = { n: 1, [Symbol.dispose]() {} }; __dirname.sep + __result.n',
      result: "'/1'",
    },
    {
      code: '\nconst x1 = 1, __session = 2',
      error: /SyntaxError .*:2:1 - .*'__session' is what magics call.*another name/,
    },
    { code: '{ var __show = 1 }', error: /SyntaxError .*:1:1 - .*'__show'/ },
    { code: 'missing()', error: /TypeCheckError .*missing/ },
    { code: 'throw 1', error: /Uncaught 1/ },
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
file('node_modules/cjs-function/package.json', '{"name":"cjs-function","main":"index.js"}');
file('node_modules/cjs-function/index.js', 'module.exports = (x) => "hi " + x; module.exports.extra = 5;');
file(
  'shapes.ts',
  `export interface Shape { w: number; h: number }
export const area = ({ w, h }: Shape): number => w * h;
export enum Color { Red, Green }
export default class Box { constructor(public s: Shape) {} }
export function fail(): never {
  throw new RangeError('in a file');
}`,
);
file(
  'deep/index.ts',
  `import Box, { area } from '../shapes.ts';
import { local } from '../local.js';
import type { Shape } from '../shapes.js';
const shape: Shape = { w: 2, h: await Promise.resolve(local.length) };
export const total: number = area(shape);
export const lazy = async () => (await import('./' + 'lazy.ts')).five;
export const where = import.meta.url.split('/').at(-1);
export let count = 0;
export function next(): void { count++; }
export { Box as default };`,
);
file('deep/lazy.ts', 'export const five: number = 5;');
file('requires.ts', "import hi = require('cjs-function');\nexport const byRequire: string = hi('file');");
file(
  'named.ts',
  'export const exports = 5; export function twice() { return ((__await, exports) => exports * __await)(2, exports) }',
);
file('broken.ts', 'let x = 1 +;');
file('busy.mts', 'export const busy = (): never => { for (;;); };');
file('wrong.ts', 'export {};\nexport const n: number = "text";');
file(
  'ping.ts',
  'import { pong } from "./pong.ts"; export const ping = (n: number): string => n > 0 ? "ping " + pong(n - 1) : "ping";',
);
file(
  'pong.ts',
  'import { ping } from "./ping.ts"; export const pong = (n: number): string => n > 0 ? "pong " + ping(n - 1) : "pong";',
);
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
      for (const { code, result, error, trace, out, err } of rows) {
        const { reply, of, text } = await kernel.execute(code);
        if (error === undefined) t.equal(reply.status, 'ok', `${code}: ${reply.evalue ?? ''}`);
        else {
          t.match(`${reply.ename} ${reply.evalue}`, error, code);
          t.match(
            of('error'),
            [{ ename: reply.ename, traceback: reply.traceback }],
            `${code}: it is published`,
          );
        }
        t.equal(of('execute_result')[0]?.data['text/plain'], result, `result of ${code}`);
        if (out !== undefined) t.equal(text('stdout'), out, `output of ${code}`);
        if (err !== undefined) t.match(text('stderr'), err, code);
        if (trace !== undefined) {
          const expected = trace.replace('Cell N', `Cell ${reply.execution_count}`).replace('FOLDER', folder);
          t.ok(
            reply.traceback?.some((line) => line.trim().startsWith(expected)),
            `${expected} in:\n${reply.traceback?.join('\n')}`,
          );
        }
      }
    });
  }
});
