import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import t from 'tap';
import type { CompiledCell } from '../../kernel/language/cell.js';
import { Runner } from '../../kernel/language/runner/runner.js';
import { textRing } from '../../kernel/language/text-ring.js';
import { temporaryFolder } from '../server/helpers.js';

function cell(number: number, code: string, values: string[]): CompiledCell {
  const sourceMap = JSON.stringify({ version: 3, sources: [], names: [], mappings: '' });
  return { name: `Cell ${number}`, code, sourceMap, renamed: {}, insertions: [], imports: [], values };
}

t.test('a cell whose end was lost is abandoned, and the next one runs', async (t) => {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const runner = new Runner({
    folder,
    preludes: [],
    ownModules: {},
    interruptFlag: new SharedArrayBuffer(8),
    texts: textRing(),
  });
  let wake: () => void = () => undefined;
  (globalThis as Record<string, unknown>)['asleep'] = new Promise<void>((resolve) => (wake = resolve));
  const first = runner.run(1, cell(1, 'exports.a = 1; await asleep; exports.b = 2;', ['a', 'b']));
  await turn();
  t.match(runner.abandon(), { outcome: { status: 'error', ename: 'Interrupted' }, unset: ['b'] });
  const second = runner.run(2, cell(2, 'await __await(new Promise(() => undefined));', []));
  await turn();
  wake();
  t.match(await first, { outcome: { status: 'ok' } });
  runner.interrupt();
  t.match(await second, { outcome: { ename: 'Interrupted' } }, 'the first has not ended the second');
  t.match(runner.abandon().unset, [], 'there is none to abandon');
});

t.test("variables of cells are an object's fast properties", async (t) => {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const prelude = join(folder, 'prelude.mjs');
  writeFileSync(prelude, Array.from({ length: 60 }, (_, n) => `export const given${n} = ${n};`).join('\n'));
  const runner = new Runner({
    folder,
    preludes: [prelude],
    ownModules: {},
    interruptFlag: new SharedArrayBuffer(8),
    texts: textRing(),
  });
  for (let n = 1; n <= 50; n++) await runner.run(n, cell(n, `exports.v${n} = exports.given${n};`, [`v${n}`]));
  await runner.run(51, cell(51, 'globalThis.scope = exports;', []));
  setFlagsFromString('--allow-natives-syntax');
  const isFast = runInThisContext('(object) => %HasFastProperties(object)') as (object: unknown) => boolean;
  const { scope } = globalThis as unknown as { scope: Record<string, unknown> };
  t.ok(isFast(scope));
  t.equal(scope['v50'], 50);
  t.notOk('toString' in scope, 'and no other names are in scope');
  t.notOk(isFast(Object.create(null)), 'others are not');
});
