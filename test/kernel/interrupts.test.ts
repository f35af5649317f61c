import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { CompiledCell } from '../../kernel/language/cell.js';
import { RunnerThread } from '../../kernel/language/runner-thread.js';
import type { OutputSink } from '../../kernel/protocol/index.js';

const nothing = () => undefined;
const output: OutputSink = {
  stream: nothing,
  display: nothing,
  updateDisplay: nothing,
  clearOutput: nothing,
  comm: nothing,
  input: () => Promise.resolve(''),
};

const cell = (code: string): CompiledCell => ({
  name: 'cell',
  code,
  sourceMap: JSON.stringify({ version: 3, sources: ['cell'], names: [], mappings: '' }),
  renamed: {},
  insertions: [],
  imports: [],
  values: [],
});

/** Some 2 ms of jobs that each enter and leave an asynchronous context. */
const WORK = 'for (const end = performance.now() + 2; performance.now() < end; ) await __await(0);';
/** Some 10 ms. */
const CALLS =
  "const { pbkdf2Sync } = require('crypto'); const call = () => pbkdf2Sync('', '', 10000, 64, 'sha512');";
const rows: [what: string, code: string][] = [
  ['turns and jobs', `for (;;) { await __await(new Promise((f) => setTimeout(f, 0))); ${WORK} }`],
  ['jobs alone', `for (;;) { ${WORK} }`],
  ['no job at all', 'for (globalThis.n = 0; ; ) n++;'],
  ['jobs of a library', 'const next = () => Promise.resolve().then(next); await __await(next());'],
  // Without an await of the cell's own, which would look for the interrupt.
  ['awaits of a library', 'await __await((async () => { for (;;) await null; })());'],
  ['microtasks', 'const next = () => queueMicrotask(next); next(); await __await(new Promise(() => {}));'],
  ['ticks', 'const next = () => process.nextTick(next); next(); await __await(new Promise(() => {}));'],
  // Of Node, amid which nothing is to be ended.
  ['calls that take long', `${CALLS} for (;;) call();`],
  [
    'jobs of such calls',
    `${CALLS} const next = () => { call(); call(); call(); call(); queueMicrotask(next); }; next(); await __await(new Promise(() => {}));`,
  ],
  ['calls that take no time', "const { statSync } = require('fs'); for (;;) statSync('.');"],
  // Half of a character goes as a message.
  ['more messages than can be taken', "for (;;) process.stdout.write('\\ud83d');"],
];
for (const [what, code] of rows)
  t.test(`interrupts in quick succession: ${what}`, async (t) => {
    const thread = new RunnerThread({ folder: process.cwd(), preludes: [], ownModules: {} }, nothing);
    const loop = cell(code);
    const names = new Set<string>();
    for (let run = 1; run <= 40; run++) {
      const result = thread.run(run, loop, output);
      await sleep((run * 7) % 11);
      await thread.stop();
      const { outcome } = await result;
      names.add(outcome.status === 'error' ? outcome.ename : outcome.status);
    }
    t.same([...names], ['Interrupted']);
    t.match(await thread.run(41, cell('__result(6 * 7)'), output), { outcome: { status: 'ok' } }, 'a cell');
    await thread.end();
  });
