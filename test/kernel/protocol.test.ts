import t from 'tap';
import { Dealer } from 'zeromq';
import { TestKernel } from './client.js';

const kernel = await TestKernel.start();
t.teardown(() => kernel.stop());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
await kernel.execute(
  'const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms)); let kept = 1; let n = 0;',
);

t.test('kernel_info on shell and control', async (t) => {
  for (const channel of ['shell', 'control'] as const) {
    const { type, content } = await kernel.request('kernel_info_request', {}, channel);
    t.equal(type, 'kernel_info_reply');
    t.match(content, {
      status: 'ok',
      protocol_version: '5.5',
      implementation: 'ringside',
      implementation_version: /^\d+\.\d+/,
      language_info: { name: 'typescript', file_extension: '.ts' },
      supported_features: [],
    });
  }
});

t.test('an execution is framed: busy, input, output, result, idle, with its own parent', async (t) => {
  const { reply, published, of } = await kernel.execute('console.log("out"); 5');
  t.match(reply, { status: 'ok', execution_count: Number, payload: [], user_expressions: {} });
  t.same(
    published.map(({ type, content }) => (type === 'status' ? content.execution_state : type)),
    ['busy', 'execute_input', 'stream', 'execute_result', 'idle'],
  );
  t.equal(of('execute_input')[0].execution_count, reply.execution_count);
  t.not(published[0].header['session'], kernel.session, "the kernel's session is its own");
});

t.test('10,000 lines all arrive, in order', async (t) => {
  const { text } = await kernel.execute('for (let i = 0; i < 10_000; i++) console.log(`line ${i}`)');
  t.equal(text('stdout'), Array.from({ length: 10_000 }, (_, i) => `line ${i}\n`).join(''));
});

t.test('stdout and stderr keep their order', async (t) => {
  const { of } = await kernel.execute('console.log(1); console.error(2); console.log(3)');
  t.same(of('stream'), [
    { name: 'stdout', text: '1\n' },
    { name: 'stderr', text: '2\n' },
    { name: 'stdout', text: '3\n' },
  ]);
});

t.test('silent and store_history', async (t) => {
  const first = (await kernel.execute('1')).reply.execution_count;
  const silent = await kernel.execute('console.log("x"); 7', { silent: true });
  t.same(
    silent.published.map(({ type }) => type),
    ['status', 'status'],
  );
  const failed = await kernel.execute('throw new RangeError("unheard")', { silent: true });
  t.match(failed.reply, { status: 'error', ename: 'RangeError' });
  t.equal(failed.published.length, 2, 'only busy and idle');
  t.equal((await kernel.execute('2', { store_history: false })).reply.execution_count, first);
  t.equal((await kernel.execute('3')).reply.execution_count, first + 1);
  const { content } = await kernel.request('history_request', { hist_access_type: 'tail', n: 2 });
  t.same(content.history, [
    [1, first, '1'],
    [1, first + 1, '3'],
  ]);
});

t.test('history by range and by pattern, with results when they are asked for', async (t) => {
  const one = (await kernel.execute('const sought = 1; sought')).reply.execution_count;
  const two = (await kernel.execute('sought + 1; // again')).reply.execution_count;
  await kernel.execute('sought + 1; // again');
  const rows: [request: object, found: unknown[]][] = [
    [
      { hist_access_type: 'range', session: 0, start: one, stop: two + 1, output: true },
      [
        [1, one, ['const sought = 1; sought', '1']],
        [1, two, ['sought + 1; // again', '2']],
      ],
    ],
    [{ hist_access_type: 'search', pattern: 'sought ? 1*', n: 1 }, [[1, two + 1, 'sought + 1; // again']]],
    [
      { hist_access_type: 'search', pattern: '*sought*', unique: true },
      [
        [1, one, 'const sought = 1; sought'],
        [1, two + 1, 'sought + 1; // again'],
      ],
    ],
    [{ hist_access_type: 'range', session: -9 }, []],
    [{}, []],
  ];
  for (const [request, found] of rows)
    t.same(
      (await kernel.request('history_request', request)).content.history,
      found,
      JSON.stringify(request),
    );
});

t.test('clear_output, at once or with the next output', async (t) => {
  const { of } = await kernel.execute('clearOutput(); clearOutput({ wait: true })');
  t.same(of('clear_output'), [{ wait: false }, { wait: true }]);
});

t.test('user_expressions', async (t) => {
  const { reply } = await kernel.execute('1', {
    user_expressions: { good: 'kept + 1', bad: 'nope', thrown: '(() => { throw new RangeError("far") })()' },
  });
  t.match(reply.user_expressions, {
    good: { status: 'ok', data: { 'text/plain': '2' } },
    bad: { status: 'error', ename: 'TypeCheckError' },
    thrown: {
      ename: 'RangeError',
      evalue: 'far',
      traceback: ['RangeError: far', /at Expression thrown:1:16$/],
    },
  });
});

t.test('rich results and display', async (t) => {
  const bundle = `({ [Symbol.for('Jupyter.display')]: () => ({ 'application/json': { a: [1] }, 'text/plain': 'J' }) })`;
  t.same((await kernel.execute(bundle)).of('execute_result')[0].data, {
    'application/json': { a: [1] },
    'text/plain': 'J',
  });
  t.same((await kernel.execute('display(1)')).of('execute_result'), [], 'a handle is no result');
  const hooks: [code: string, mime: string, content: unknown][] = [
    ['html`<b>${"<i>"}</b>${html`<hr>`}${[1, "&"]}`', 'text/html', '<b>&lt;i&gt;</b><hr>1&amp;'],
    ['markdown`# ${1}`', 'text/markdown', '# 1'],
    ['svg`<svg/>`', 'image/svg+xml', '<svg/>'],
    ['latex`\\pi`', 'text/latex', '$\\pi$'],
    ['json({ a: [1] })', 'application/json', { a: [1] }],
    ['png("iVBORw0KGgo=")', 'image/png', 'iVBORw0KGgo='],
    ['png(Buffer.from("iVBORw0KGgo=", "base64"))', 'image/png', 'iVBORw0KGgo='],
    ['({ $$mime: { "text/x": "y" } })', 'text/x', 'y'],
    ['({ $$html$$: () => "<p>" })', 'text/html', '<p>'],
    ['({ $$svg: "<svg>" })', 'image/svg+xml', '<svg>'],
  ];
  for (const [code, mime, content] of hooks)
    t.same((await kernel.execute(code)).of('execute_result')[0]?.data[mime], content, code);
  t.match((await kernel.execute('png("AAAA")')).reply, { status: 'error', evalue: /do not begin as one/ });
  const shown = await kernel.execute(
    'const handle = display({ a: 1 }); console.log("after"); handle.update("new")',
  );
  t.same(
    shown.published.map(({ type }) => type).filter((type) => type !== 'status'),
    ['execute_input', 'display_data', 'stream', 'update_display_data'],
  );
  const [data] = shown.of('display_data');
  t.equal(data.data['text/plain'], '{ a: 1 }');
  t.same(shown.of('update_display_data')[0].transient, data.transient);
  const broken = await kernel.execute(`({ [Symbol.for('Jupyter.display')]: () => 'text' })`);
  t.match(broken.reply, {
    status: 'error',
    ename: 'TypeError',
    evalue: /must return an object of MIME types/,
  });
});

t.test('output of an ended cell is filed under that cell', async () => {
  const started = await kernel.execute('setTimeout(() => console.log("late"), 50)');
  const parent = started.published[0].parent;
  await kernel.execute('console.log("another")');
  await kernel.waitFor(() => kernel.textOf(parent, 'stdout') === 'late\n', 'late output');
});

t.test('what a cell left behind may fail without harm', async (t) => {
  const { text } = await kernel.execute(
    'setTimeout(() => { throw new Error("timer") }); void Promise.reject(new Error("promise")); await sleep(30)',
  );
  t.match(text('stderr'), /Uncaught Error: timer/);
  t.match(text('stderr'), /Uncaught Error: promise/);
});

t.test('input', async (t) => {
  kernel.onInput((prompt) => `answer to ${prompt}`);
  const asked = await kernel.execute('await input("name?")', { allow_stdin: true });
  t.equal(asked.of('execute_result')[0].data['text/plain'], "'answer to name?'");
  kernel.onInput((_, password) => `hidden: ${password}`);
  const secret = await kernel.execute('await input("", { password: true })', { allow_stdin: true });
  t.equal(secret.of('execute_result')[0].data['text/plain'], "'hidden: true'");
  const refused = await kernel.execute('await input("name?")');
  t.match(refused.reply, { status: 'error', evalue: /cannot be asked/ });
  kernel.onInput(...['a', 'b', 'c'].map((name) => (prompt: string) => `${name} to ${prompt}`));
  const several = await kernel.execute('(await Promise.all([input("1"), input("2")])).join()', {
    allow_stdin: true,
    user_expressions: { x: 'await input("3")' },
  });
  t.equal(several.of('execute_result')[0].data['text/plain'], "'a to 1,b to 2'");
  t.equal(several.reply.user_expressions?.['x']?.data?.['text/plain'], "'c to 3'");
});

t.test('comms: a target that nobody takes is closed', async (t) => {
  t.same((await kernel.request('comm_info_request', {})).content, { status: 'ok', comms: {} });
  const { frames } = kernel.frames('comm_open', { comm_id: 'c1', target_name: 'unknown', data: {} });
  await kernel.sockets.shell.send(frames);
  const closed = () => kernel.publishedOf('comm_close').some(({ content }) => content.comm_id === 'c1');
  await kernel.waitFor(closed, 'comm_close');
  for (const content of [{ comm_id: 'c1', data: {} }, {}]) {
    const late = kernel.frames('comm_msg', content);
    await kernel.sockets.shell.send(late.frames);
    await kernel.idle(late.id);
  }
  t.same((await kernel.request('comm_info_request', {})).content.comms, {});
});

t.test('comms that a cell opens: data, metadata, buffers, both ways, until closed', async (t) => {
  const opened = await kernel.execute(`
    const line = openComm('some.target', { a: 1 }, { id: 'c2', metadata: { version: '9' }, buffers: [Uint8Array.of(1, 2)] });
    line.onMessage = async (data, { buffers }) => {
      console.log('heard', data, buffers?.length);
      line.send({ echo: data }, { buffers });
    };
    line.onClose = () => console.log('closed');`);
  const [open] = opened.published.filter(({ type }) => type === 'comm_open');
  t.same(open.content, { comm_id: 'c2', target_name: 'some.target', data: { a: 1 } });
  t.same(open.metadata, { version: '9' });
  t.same(
    open.buffers.map((buffer) => [...buffer]),
    [[1, 2]],
  );
  const info = async (target_name?: string) =>
    (await kernel.request('comm_info_request', { target_name })).content.comms;
  t.same(await info(), { c2: { target_name: 'some.target' } });
  t.same(await info('other'), {});

  const send = async (type: string, content: object) => {
    const { id, frames } = kernel.frames(type, { comm_id: 'c2', ...content });
    await kernel.sockets.shell.send([...frames, Buffer.from('raw')]);
    await kernel.idle(id);
  };
  const parent = opened.published[0].parent;
  await send('comm_msg', { data: { x: 5 } });
  const [echo] = kernel.publishedOf('comm_msg');
  t.same(echo?.content, { comm_id: 'c2', data: { echo: { x: 5 } } });
  t.same(echo?.buffers.map(String), ['raw']);
  t.equal(
    kernel.textOf(parent, 'stdout'),
    'heard { x: 5 } 1\n',
    'it prints to the cell that opened the comm',
  );
  await kernel.execute(`line.onMessage = () => { throw new Error('in a handler') }`);
  await send('comm_msg', { data: {} });
  t.match(kernel.textOf(parent, 'stderr'), /Error: in a handler/);
  await send('comm_close', { data: {} });
  t.match(kernel.textOf(parent, 'stdout'), /closed\n$/);
  t.same(await info(), {});
  await send('comm_msg', { data: {} });
});

t.test("comms: what cannot travel is the cell's error", async (t) => {
  const rows: [code: string, evalue: RegExp][] = [
    ["openComm('t', { big: 10n })", /BigInt/],
    ["const loop: Record<string, unknown> = {}; loop.self = loop; openComm('t', loop)", /circular/],
    ["openComm('t', {}, { buffers: [5 as any] })", /Uint8Arrays, not 5/],
    ["openComm('t', {}, { metadata: { big: 10n } })", /BigInt/],
  ];
  for (const [code, evalue] of rows)
    t.match((await kernel.execute(code)).reply, { ename: 'TypeError', evalue }, code);
  t.same((await kernel.request('comm_info_request', {})).content.comms, {});
});

t.test('comms that the front end opens', async (t) => {
  await kernel.execute(`registerCommTarget('mine', (comm, data) => {
    comm.onMessage = (more) => comm.send({ sum: Number(data['n']) + Number(more['n']) });
  })`);
  for (const [type, content] of [
    ['comm_open', { comm_id: 'c3', target_name: 'mine', data: { n: 1 } }],
    ['comm_msg', { comm_id: 'c3', data: { n: 2 } }],
  ] as const) {
    const { id, frames } = kernel.frames(type, content);
    await kernel.sockets.shell.send(frames);
    await kernel.idle(id);
  }
  t.match(kernel.publishedOf('comm_msg').at(-1)?.content, {
    comm_id: 'c3',
    data: { sum: 3 },
  });
});

t.test('a comm handler that never ends is interrupted', async (t) => {
  await kernel.execute(
    `const stuck = openComm('t', {}, { id: 'c4' }); stuck.onMessage = () => { while (true); }`,
  );
  const { id, frames } = kernel.frames('comm_msg', { comm_id: 'c4', data: {} });
  await kernel.sockets.shell.send(frames);
  await sleep(50);
  await kernel.request('interrupt_request', {}, 'control');
  await kernel.idle(id);
  t.equal((await kernel.execute('kept')).of('execute_result')[0].data['text/plain'], '1');
});

t.test('type errors stop a cell, or in lenient mode are shown', async (t) => {
  const wrong = 'const text: string = 5; text';
  t.match((await kernel.execute(wrong)).reply, { ename: 'TypeCheckError' });
  await kernel.execute("typeCheck('lenient')");
  const run = await kernel.execute(wrong);
  t.equal(run.of('execute_result')[0].data['text/plain'], '5');
  t.match(run.text('stderr'), /^warning: Cell \d+:1:7 - TS2322: Type 'number'/);
  t.match((await kernel.execute('const = 1')).reply, { ename: 'SyntaxError' });
  await kernel.execute("typeCheck('strict')");
  t.match((await kernel.execute(wrong)).reply, { ename: 'TypeCheckError' });
});

t.test('requests that make no sense get an error reply', async (t) => {
  t.match((await kernel.request('execute_request', {})).content, {
    status: 'error',
    evalue: /code must be a string/,
  });
  t.match((await kernel.request('complete_request', { code: 'x', cursor_pos: 'y' })).content, {
    status: 'error',
  });
  t.match((await kernel.request('debug_request', {}, 'control')).content, {
    status: 'error',
    evalue: /no debugger/,
  });
});

t.test('messages that are not ours are dropped, counted and harm nothing', async (t) => {
  const rows: [reason: string, frames: Buffer[]][] = [
    ['wrong signature', kernel.frames('execute_request', { code: 'kept = 99' }, 'another key').frames],
    ['malformed', [Buffer.from('noise')]],
    ['not JSON', kernel.frames('x', {}).frames.slice(0, 5)],
    ['unknown type', kernel.frames('no_such_request', {}).frames],
  ];
  rows[2][1] = [
    Buffer.from('<IDS|MSG>'),
    Buffer.from(''),
    ...['{', '{', '{', '{'].map((text) => Buffer.from(text)),
  ];
  rows[2][0] = 'wrong signature';
  for (const [reason, frames] of rows) {
    for (const channel of ['shell', 'control', 'stdin'] as const) {
      const already = kernel.stderr;
      await kernel.sockets[channel].send(frames);
      if (!already.includes(reason)) await kernel.waitFor(() => kernel.stderr.includes(reason), reason);
    }
  }
  const { id, frames } = kernel.frames('kernel_info_request', {});
  await kernel.sockets.shell.send(frames);
  await kernel.idle(id);
  await kernel.sockets.shell.send(frames);
  await kernel.waitFor(() => kernel.stderr.includes('replayed'), 'replayed');
  t.equal((await kernel.execute('kept')).of('execute_result')[0].data['text/plain'], '1');
  t.match(kernel.stderr, /wrong signature \([248] so far\)/, 'the count is told');
});

t.test('a heartbeat that is no request is ignored, and the next one is answered', async (t) => {
  const dealer = new Dealer({ linger: 0 });
  t.teardown(() => dealer.close());
  dealer.connect(`tcp://127.0.0.1:${kernel.ports['hb']}`);
  // A request begins with an empty frame (ZeroMQ RFC 28, "The REQ Socket Type").
  for (const frames of [['no request'], ['no', 'request'], ['', 'beat']]) await dealer.send(frames);
  t.equal(String((await dealer.receive())[1]), 'beat');
  t.equal(kernel.process.exitCode, null);
});

t.test('a failure aborts what was queued, once, and nothing later', async (t) => {
  const send = (code: string, fields = {}) => kernel.request('execute_request', { code, ...fields });
  const failing = send('await sleep(50); throw new Error("stop")');
  const queued = [send('kept = 50'), kernel.request('kernel_info_request', {}), send('kept = 51')];
  t.equal((await failing).content.status, 'error');
  const later = await send('kept');
  t.same(
    (await Promise.all(queued)).map(({ content }) => content.status),
    ['aborted', 'ok', 'aborted'],
  );
  t.equal(later.content.status, 'ok');

  const tolerated = send('await sleep(50); throw new Error("go on")', { stop_on_error: false });
  const next = send('kept');
  t.equal((await tolerated).content.status, 'error');
  t.equal((await next).content.status, 'ok');
});

/** Starts a cell and waits until it prints that it is under way. */
