import t from 'tap';
import { TestKernel } from './client.js';

const kernel = await TestKernel.start();
t.teardown(() => kernel.stop());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
await kernel.execute(
  'const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms)); let kept = 1; let n = 0;',
);

async function start(code: string) {
  const { id, frames } = kernel.frames('execute_request', {
    code: `console.log('under way');\n${code}`,
    allow_stdin: true,
  });
  await kernel.sockets.shell.send(frames);
  await kernel.waitFor(() => kernel.textOf(id, 'stdout') === 'under way\n', 'the cell');
  const ended = async () => {
    await kernel.idle(id);
    return kernel.publishedOf('error', id)[0]?.content;
  };
  return { ended };
}

const resultOf = async (code: string) =>
  (await kernel.execute(code)).of('execute_result')[0]?.data['text/plain'];

const BUSY: Readonly<Record<string, string>> = {
  'a cell is busy': 'while (true);',
  'input is awaited': 'await input("?")',
  'a guest runs': 'run(asm`again: jmp again`, { limits: { instructions: 1e12 } })',
};
for (const [what, code] of Object.entries(BUSY))
  t.test(`control and heartbeat answer while ${what}`, async (t) => {
    const busy = await start(code);
    await kernel.heartbeat.send('beat');
    t.equal(String((await kernel.heartbeat.receive())[0]), 'beat');
    t.equal((await kernel.request('kernel_info_request', {}, 'control')).content.status, 'ok');
    await kernel.request('interrupt_request', {}, 'control');
    t.match(await busy.ended(), { ename: code.startsWith('await') ? /Interrupted|Error/ : 'Interrupted' });
  });

t.test('several interrupts at once are one', async (t) => {
  for (const code of ['while (true);', 'await sleep(1e6)']) {
    const busy = await start(code);
    kernel.process.kill('SIGINT');
    const both = [1, 2].map(() => kernel.request('interrupt_request', {}, 'control'));
    for (const { content } of await Promise.all(both)) t.match(content, { status: 'ok' });
    t.match(await busy.ended(), { ename: 'Interrupted' });
    t.equal(await resultOf('kept'), '1', code);
  }
});

t.test('an interrupt stops a cell whatever it does and keeps all names', async (t) => {
  const rows: [what: string, code: string][] = [
    ['a busy loop', 'while (true) n++;'],
    ['a busy loop behind an await', 'await sleep(1); while (true) n++;'],
    ['an await', 'await sleep(1e6)'],
    ['jobs without end', 'const again = (): Promise<void> => Promise.resolve().then(again); await again()'],
    [
      'microtasks without end',
      'const next = () => queueMicrotask(next); next(); await new Promise(() => {})',
    ],
    ['ticks without end', 'const tick = () => process.nextTick(tick); tick(); await new Promise(() => {})'],
    [
      'awaits of a library',
      'await (eval("(async () => { for (;;) await null; })") as () => Promise<void>)()',
    ],
    ['promises without end', 'for (;;) Promise.resolve()'],
    ['pictures without end', 'for (;;) display(n)'],
    [
      'a for await',
      'import { EventEmitter, on } from "node:events"; for await (const _ of on(new EventEmitter(), "x")) n++;',
    ],
    ['a loop of awaits', 'for (;;) { await sleep(1); n++; }'],
    ['an endless chain of promises', 'while (true) await null;'],
    ['a busy timer', 'setTimeout(() => { while (true) n++; }, 1); await sleep(1e6)'],
    ['a wait for memory', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)'],
    ['a busy callback of a library', 'while (true) [3, 1, 2].sort((a, b) => a - b + 0 * n++)'],
  ];
  for (const [index, [what, code]] of rows.entries()) {
    const running = await start(code);
    await sleep(20);
    if (index % 2 === 1) kernel.process.kill('SIGINT');
    else t.match((await kernel.request('interrupt_request', {}, 'control')).content, { status: 'ok' });
    t.match(await running.ended(), { ename: 'Interrupted', evalue: /names keep their values/ }, what);
    t.equal(await resultOf('kept'), '1', `names after ${what}`);
  }
  const before = await resultOf('n');
  await sleep(20);
  t.equal(await resultOf('n'), before, 'no interrupted loop goes on');
});

t.test('an interrupted cell still runs its finally blocks', async (t) => {
  const running = await start('try { await sleep(1e6) } finally { await sleep(1); kept = 2 }');
  await kernel.request('interrupt_request', {}, 'control');
  await running.ended();
  t.equal(await resultOf('await sleep(100); kept'), '2');
});

t.test('an interrupt without a running cell does nothing', async (t) => {
  await kernel.request('interrupt_request', {}, 'control');
  kernel.process.kill('SIGINT');
  // A signal has no answer to wait for.
  await sleep(200);
  t.equal((await kernel.execute('1')).reply.status, 'ok');
});

t.test('when the thread of the cells is lost, the kernel says so and goes on', async (t) => {
  const lost = await kernel.execute('process.exit(3)');
  t.match(lost.reply, {
    status: 'error',
    ename: 'StateLost',
    evalue: /ended with code 3.*names of earlier cells are gone/,
  });
  t.match((await kernel.execute('kept')).reply, { status: 'error', evalue: /Cannot find name 'kept'/ });
  t.equal((await kernel.execute('1')).reply.status, 'ok');
});
