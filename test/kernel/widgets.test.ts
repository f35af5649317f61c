import assert from 'node:assert/strict';
import t from 'tap';
import { TestKernel } from './client.js';
import type { Contents } from './messages.js';

/* Widgets over comms, seen as a front end sees them. */
const VIEW = 'application/vnd.jupyter.widget-view+json';

const kernel = await TestKernel.start();
t.teardown(() => kernel.stop());

/** Sends a comm message as a front end does and waits until the kernel has dealt with it. */
async function send(type: string, content: object): Promise<string> {
  const { id, frames } = kernel.frames(type, content);
  await kernel.sockets.shell.send(frames);
  await kernel.idle(id);
  return id;
}
const change = (comm_id: string, state: object) =>
  send('comm_msg', { comm_id, data: { method: 'update', state, buffer_paths: [] } });

/** State of the model that a cell's last value shows. */
async function shown(code: string) {
  const { reply, of } = await kernel.execute(code);
  t.equal(reply.status, 'ok', `${code}: ${reply.evalue ?? ''}`);
  const { data } = of('execute_result')[0];
  const opened = of('comm_open');
  const id = data[VIEW]?.model_id;
  assert(id !== undefined, `${code} shows a widget`);
  return { id, data, opened, state: opened.find(({ comm_id }) => comm_id === id)?.data.state };
}

/** The comm of the slider among those that a cell has opened. */
function sliderAmong(opened: readonly Contents['comm_open'][]): Contents['comm_open'] {
  const slider = opened.find(({ data }) => data.state?.['_model_name'] === 'IntSliderModel');
  assert(slider !== undefined, 'a slider was opened');
  return slider;
}

const resultOf = async (code: string) =>
  (await kernel.execute(code)).of('execute_result')[0]?.data['text/plain'];

t.test('each widget is a model of ipywidgets 8 and reads well without widgets', async (t) => {
  const rows: [code: string, state: object, text: string, changed?: object, value?: string][] = [
    [
      "const w0 = widgets.slider({ label: 'n', max: 9, value: 3 }); w0",
      { _model_name: 'IntSliderModel', _view_name: 'IntSliderView', min: 0, max: 9, step: 1, value: 3 },
      'n: 3 (0 to 9)',
      { value: 70 },
      '9',
    ],
    [
      'const w1 = widgets.slider({ max: 1.5 }); w1',
      { _model_name: 'FloatSliderModel', step: 0.015, value: 0 },
      'slider: 0 (0 to 1.5)',
      { value: 0.5 },
      '0.5',
    ],
    [
      "const w2 = widgets.dropdown({ one: 1, two: 2 }, { label: 'd', value: 2 }); w2",
      { _model_name: 'DropdownModel', _options_labels: ['one', 'two'], index: 1 },
      'd: two',
      { index: 0 },
      '1',
    ],
    [
      "const w3 = widgets.checkbox({ label: 'c' }); w3",
      { _model_name: 'CheckboxModel', value: false },
      'c: no',
      { value: true },
      'true',
    ],
    [
      "const w4 = widgets.text({ value: 'a' }); w4",
      { _model_name: 'TextModel' },
      'text: a',
      { value: 'b' },
      "'b'",
    ],
    ["widgets.button('go')", { _model_name: 'ButtonModel', description: 'go' }, 'button: go'],
    ['widgets.box([w0, w3])', { _model_name: 'VBoxModel' }, 'n: 9 (0 to 9)\nc: yes'],
    ["widgets.box([w0], { direction: 'row' })", { _model_name: 'HBoxModel' }, 'n: 9 (0 to 9)'],
    ['widgets.dropdown([{ x: 1 }])', { _options_labels: ['{ x: 1 }'] }, 'choice: { x: 1 }'],
    [
      'const proxies = widgets.output(); proxies.show(new Proxy({}, { get() { throw 1 } })); proxies',
      { outputs: [] },
      'output: {}',
    ],
    [
      'const out = widgets.output(); out.show({ a: 1 }); out',
      { _model_name: 'OutputModel', outputs: [] },
      'output: { a: 1 }',
    ],
  ];
  for (const [index, [code, state, text, changed, value]] of rows.entries()) {
    const model = await shown(code);
    t.match(model.state, state, code);
    t.equal(model.data['text/plain'], text);
    t.match(model.data['text/html'], /^<div class="ringside-widget">/);
    const parts = [model.state?.['layout'], model.state?.['style']].filter((part) => part !== undefined);
    for (const part of parts)
      t.ok(
        model.opened.some(({ comm_id }) => `IPY_MODEL_${comm_id}` === part),
        'layout and style are models too',
      );
    if (changed === undefined) continue;
    await change(model.id, changed);
    t.equal(await resultOf(`w${index}.value`), value, `${code} was changed`);
    // What makes no sense changes nothing.
    for (const nonsense of [{ value: null, index: 99 }, { index: 'x', value: [] }, 7, null])
      await change(model.id, nonsense as object);
    t.equal(await resultOf(`w${index}.value`), value);
  }
});

t.test('what a cell sets is sent, and what a reader does calls listeners', async (t) => {
  const set = await kernel.execute('w0.value = 4');
  t.same(set.of('comm_msg')[0].data, { method: 'update', state: { value: 4 }, buffer_paths: [] });
  await kernel.execute('let heard: unknown[] = []; const stop = w0.onChange((value) => heard.push(value));');
  const { id } = await shown('w0');
  await change(id, { value: 5 });
  await kernel.execute('stop()');
  await change(id, { value: 6 });
  t.equal(await resultOf('heard'), '[ 5 ]');
  const button = await shown("const b = widgets.button('go', () => console.log('clicked')); b");
  await send('comm_msg', { comm_id: button.id, data: { method: 'custom', content: { event: 'click' } } });
  await kernel.waitFor(
    () => kernel.publishedOf('stream').some(({ content }) => content.text === 'clicked\n'),
    'the click',
  );
  const refused = await kernel.execute('widgets.slider({ min: 5, max: 1 })');
  t.match(refused.reply, { ename: 'RangeError' });
  t.match(refused.reply.traceback?.slice(1), [/^    at Cell \d+:1:9$/], 'where the cell asked for it');
  for (const code of ['w0.value = NaN', "w0.value = 'x' as never", 'widgets.dropdown([])'])
    t.match((await kernel.execute(code)).reply, { ename: 'RangeError' }, code);
  t.match((await kernel.execute("widgets.dropdown(['a'], { value: 'b' as 'a' })")).reply, {
    ename: 'RangeError',
  });
});

t.test('what a reader changes is echoed, and corrected when it is out of range', async (t) => {
  const { id } = await shown('w0');
  const told = () => kernel.publishedOf('comm_msg').filter(({ content }) => content.comm_id === id);
  for (const [state, expected] of [
    [{ value: 2 }, [{ method: 'echo_update', state: { value: 2 } }]],
    [
      { value: 99 },
      [
        { method: 'echo_update', state: { value: 99 } },
        { method: 'update', state: { value: 9 } },
      ],
    ],
    // What the model has not, or a front end may not set, is not taken and not echoed.
    [{ nosuch: 1, _model_name: 'x' }, []],
  ] as const) {
    const before = told().length;
    await change(id, state);
    t.match(
      told()
        .slice(before)
        .map(({ content }) => content.data),
      expected,
      JSON.stringify(state),
    );
    t.equal(told().length, before + expected.length);
  }
  await change(id, { value: 6 });
});

t.test('interact shows values in their own form, below what they are of', async (t) => {
  const hook = "[Symbol.for('Jupyter.display')]";
  const said = '<div>x = 3</div>';
  const rows: [f: string, shown: object, absent?: string][] = [
    ['html`<b>${x}</b>`', { 'text/html': `${said}<b>3</b>` }],
    [
      'svg`<svg>${x}</svg>`',
      {
        'text/html': `${said}<img style="max-width:100%;height:auto" src="data:image/svg+xml;base64,${btoa('<svg>3</svg>')}" alt="">`,
      },
    ],
    ['markdown`**${x}**`', { 'text/markdown': `${said}\n\n**3**` }, 'text/html'],
    ['latex`x = ${x}`', { 'text/markdown': `${said}\n\n$x = 3$` }, 'text/html'],
    ['({ $$html: `<i>${x}</i>` })', { 'text/html': `${said}<i>3</i>` }],
    [`({ ${hook}: async () => ({ 'text/plain': 'late' }) })`, { 'text/plain': 'x = 3\nlate' }],
    [
      `({ ${hook}: () => ({ 'text/html': '<u></u>' }) })`,
      { 'text/html': `${said}<u></u>`, 'text/plain': 'x = 3\n' },
    ],
    [`({ ${hook}: async () => { throw 'no' } })`, { 'text/plain': "x = 3\n'no'" }],
  ];
  for (const [f, expected, absent] of rows) {
    const { of, reply } = await kernel.execute(`await interact(({ x }) => ${f}, { x: range(0, 5) });`);
    t.equal(reply.status, 'ok', f);
    const { data } = of('display_data').at(-1)!;
    t.match(data, expected, f);
    if (absent !== undefined) t.notOk(absent in data, `${f}: front ends would prefer ${absent}`);
  }
  const chosen = await kernel.execute(
    'await interact(({ o, s }) => 1, { o: widgets.dropdown({ one: Object.create(null), two: {} }), s: widgets.dropdown([{ a: 1 }]) });',
  );
  t.equal(chosen.of('display_data').at(-1)?.data['text/plain'], 'o = one, s = { a: 1 }\n1');
  const shown = await kernel.execute(
    `const several = widgets.output(); several.show(svg\`<svg/>\`); await several.show({ ${hook}: async () => ({ 'text/html': '<b>' }) }); several`,
  );
  t.match(shown.of('execute_result')[0].data['text/html'], /<img [^>]*svg\+xml;base64,[^>]*><\/div><div><b>/);
});

t.test('a cell that ends with interact and does not await it shows no promise', async (t) => {
  const { of, reply } = await kernel.execute('interact(({ x }) => x * 2, { x: range(0, 4) })');
  t.equal(reply.status, 'ok');
  t.same(of('execute_result'), []);
  t.equal(of('display_data').at(-1)?.data['text/plain'], 'x = 2\n4');
});

t.test('interact shows what a function gives, again at each change', async (t) => {
  const { of, reply } = await kernel.execute(
    "await interact(({ n, on, pick }) => { if (n === 13) throw new Error('unlucky'); return on ? n * 2 : pick; }, { n: range(0, 20), on: true, pick: ['a', 'b'] })",
  );
  t.equal(reply.status, 'ok', reply.evalue ?? '');
  const [controls, result] = of('display_data');
  // What is above the outcome stays when a reader moves the slider: it may not say a value that is no longer so.
  t.equal(controls.data['text/plain'], 'n: 0 to 20\non: yes or no\npick: a, b');
  t.match(controls.data['text/html'], /n: <b>0 to 20<\/b>/);
  t.ok(controls.data[VIEW]?.model_id);
  t.equal(result.data['text/plain'], 'n = 10, on = true, pick = a\n20');
  const slider = sliderAmong(of('comm_open'));
  for (const [value, text] of [
    [4, 'n = 4, on = true, pick = a\n8'],
    [13, /n = 13, .*\nError: unlucky/],
    [5, 'n = 5, on = true, pick = a\n10'],
  ] as const) {
    await change(slider.comm_id, { value });
    const { content } = kernel.publishedOf('update_display_data').at(-1)!;
    t.match(content.data['text/plain'], text);
    t.same(content.transient, result.transient, 'in place');
  }
  t.match((await kernel.execute('await interact(({ n }) => n.length, { n: range(0, 1) })')).reply, {
    ename: 'TypeCheckError',
    evalue: /'length' does not exist on type 'number'/,
  });
});

t.test('runs are repriced live while the slider moves', async (t) => {
  await kernel.execute(
    "const runs = await compare(guest('port-loop'), { techniques: ['native', 'svm-shadow'] })",
  );
  const { of, reply } = await kernel.execute(`await interact(
    ({ exitCycles }) => runs.get('svm-shadow').reprice(exitRoundTrip(exitCycles)).cycles, { exitCycles: range(0, 5000) })`);
  t.equal(reply.status, 'ok', reply.evalue ?? '');
  const slider = sliderAmong(of('comm_open'));
  const cycles = async (exitCycles: number) => {
    await change(slider.comm_id, { value: exitCycles });
    const text = kernel.publishedOf('update_display_data').at(-1)?.content.data['text/plain'];
    return Number(text?.split('\n')[1]);
  };
  const [free, some, more] = [await cycles(0), await cycles(1000), await cycles(2000)];
  t.ok(some > free);
  t.ok(Math.abs(more - some - (some - free)) <= 1, 'each cycle of an exit costs the same');
});

t.test('a figure says the values that it is for', async (t) => {
  const { of } = await kernel.execute(
    "await interact(({ n }) => plot.lines({ title: 'what if', xLabel: 'x', yLabel: 'y', series: [{ name: 'a', x: [0, 1], y: [0, n] }] }), { n: range(0, 20) })",
  );
  const { data } = of('display_data')[1];
  t.match(data['application/vnd.plotly.v1+json']?.layout.title.text, /^what if<br>.*>n = 10</);
  t.match(data['text/html'], /<div>n = 10<\/div><img/);
  t.match(data['text/plain'], /^n = 10\nwhat if/);
});

t.test('without widgets, values of an output widget keep their form', async (t) => {
  const { data } = await shown(
    "const shownTable = widgets.output(); shownTable.show(table([{ a: 1 }])); shownTable.show('<b>'); shownTable",
  );
  t.match(data['text/html'], /<table class="ringside-table"[^]*<pre>&#39;&lt;b&gt;&#39;<\/pre>/);
});

t.test('a front end that comes later gets all states but those that were closed', async (t) => {
  const closed = await shown('widgets.checkbox()');
  await send('comm_close', { comm_id: closed.id, data: {} });
  await send('comm_open', { comm_id: 'control', target_name: 'jupyter.widget.control', data: {} });
  await send('comm_msg', { comm_id: 'control', data: { method: 'request_states' } });
  const { data } = kernel.publishedOf('comm_msg').at(-1)!.content;
  t.equal(data.method, 'update_states');
  const info = (await kernel.request('comm_info_request', { target_name: 'jupyter.widget' })).content.comms;
  t.same(Object.keys(data.states ?? {}).sort(), Object.keys(info ?? {}).sort());
  const { id } = await shown('w0');
  t.match(data.states?.[id], { model_name: 'IntSliderModel', state: { value: 6 } });
  await send('comm_msg', { comm_id: id, data: { method: 'request_state' } });
  t.match(kernel.publishedOf('comm_msg').at(-1)?.content.data, {
    method: 'update',
    state: { value: 6, max: 9 },
  });
});
