import { KernelManager, ServerConnection } from '@jupyterlab/services';
import type { KernelMessage } from '@jupyterlab/services';
import t from 'tap';
import { kernelSpec } from '../../kernel/kernelspec.js';
import { startServer } from '../../kernel/server/server.js';
import { temporaryFolder } from '../server/helpers.js';

/* The kernel as JupyterLab's own client sees it, over our server. */

// The client library reports connections with console.debug, which would stand in the test's output.
console.debug = () => undefined;
process.env['RINGSIDE_HISTORY'] = 'off';

const root = temporaryFolder();
const server = await startServer({ root, kernelName: 'ringside', kernelSpec: kernelSpec(), version: '0' });
const serverSettings = ServerConnection.makeSettings({ baseUrl: server.url, token: server.token });
const manager = new KernelManager({ serverSettings });
const kernel = await manager.startNew({ name: 'ringside' });
t.teardown(async () => {
  await kernel.shutdown();
  manager.dispose();
  await server.close();
});

/** Runs a cell: its reply, and what was published for it. */
async function run(code: string, fields: object = {}, answer?: string) {
  const future = kernel.requestExecute({ code, ...fields });
  const published: KernelMessage.IIOPubMessage[] = [];
  future.onIOPub = (message) => void published.push(message);
  if (answer !== undefined)
    future.onStdin = () => future.sendInputReply({ value: answer, status: 'ok' }, {} as never);
  const { content } = await future.done;
  const of = (type: string) =>
    published
      .filter(({ header }) => header.msg_type === type)
      .map(({ content }) => content as Record<string, unknown>);
  return { content: content as unknown as Record<string, unknown>, of };
}

t.test('kernel_info', async (t) => {
  t.match(await kernel.info, {
    status: 'ok',
    protocol_version: '5.5',
    implementation: 'ringside',
    language_info: { name: 'typescript' },
    supported_features: [],
  });
});

t.test(
  'execute: result, streams, display in place, errors, silence, expressions, a page of help',
  async (t) => {
    const plain = (content: Record<string, unknown>) =>
      (content['data'] as Record<string, unknown>)['text/plain'];
    const cell = await run(
      'console.log("out"); const shown = display(1); shown.update(2); const kept = 3; kept',
    );
    t.equal(cell.of('stream')[0]['text'], 'out\n');
    t.equal(plain(cell.of('display_data')[0]), '1');
    t.equal(plain(cell.of('update_display_data')[0]), '2');
    t.equal(plain(cell.of('execute_result')[0]), '3');
    t.match((await run('clearOutput({ wait: true })')).of('clear_output'), [{ wait: true }]);
    const failed = await run('\nthrow new RangeError("far")');
    t.match(failed.content, { status: 'error', ename: 'RangeError', evalue: 'far' });
    t.match((failed.content['traceback'] as string[]).join('\n'), /at Cell \d+:2:7/);
    t.same((await run('kept', { silent: true })).of('execute_result'), []);
    t.match((await run('1', { user_expressions: { k: 'kept' } })).content, {
      user_expressions: { k: { status: 'ok', data: { 'text/plain': '3' } } },
    });
    t.match((await run('display?')).content, { payload: [{ source: 'page' }] });
    const asked = await run('await input("name?")', { allow_stdin: true }, 'Ada');
    t.equal(plain(asked.of('execute_result')[0]), "'Ada'");
  },
);

t.test('completion, inspection, completeness and history', async (t) => {
  const { content } = await kernel.requestComplete({ code: 'kept.toF', cursor_pos: 8 });
  t.match(content, { status: 'ok', matches: ['toFixed'], cursor_start: 5, cursor_end: 8 });
  t.match(content, { metadata: { _jupyter_types_experimental: [{ text: 'toFixed', type: 'function' }] } });
  t.match((await kernel.requestInspect({ code: 'kept', cursor_pos: 2, detail_level: 0 })).content, {
    found: true,
    data: { 'text/plain': 'const kept: 3' },
  });
  const rows: [code: string, status: string][] = [
    ['1', 'complete'],
    ['f(', 'incomplete'],
    ['const = 1', 'invalid'],
    ['%%asm x\nhlt', 'unknown'],
  ];
  for (const [code, status] of rows)
    t.match((await kernel.requestIsComplete({ code })).content, { status }, code);
  const tail = await kernel.requestHistory({ hist_access_type: 'tail', n: 1, output: false, raw: true });
  t.match(tail.content, { history: [[1, Number, 'await input("name?")']] });
});

t.test('comms: a widget of a cell, and one that the client opens', async (t) => {
  const opened = new Promise<{ id: string; state: Record<string, unknown> }>((resolve) => {
    kernel.registerCommTarget('jupyter.widget', (comm, { content }) => {
      const { state } = content.data as { state: Record<string, unknown> };
      if (state['_model_name'] === 'IntSliderModel') resolve({ id: comm.commId, state });
    });
  });
  await run("const slider = widgets.slider({ label: 'n', max: 9 }); slider");
  const { id, state } = await opened;
  t.match(state, { _model_module: '@jupyter-widgets/controls', max: 9, value: 0 });
  const comms = (await kernel.requestCommInfo({ target_name: 'jupyter.widget' })).content;
  t.ok('comms' in comms && id in comms.comms);

  const control = kernel.createComm('jupyter.widget.control');
  const answered = new Promise<Record<string, unknown>>((resolve) => {
    control.onMsg = ({ content }) => resolve(content.data as Record<string, unknown>);
  });
  await control.open().done;
  await control.send({ method: 'request_states' }).done;
  t.match(await answered, { method: 'update_states', states: { [id]: { model_name: 'IntSliderModel' } } });
  await control.close().done;
});

t.test('late output goes to its own cell', async (t) => {
  const late: string[] = [];
  const future = kernel.requestExecute({ code: 'setTimeout(() => console.log("late"), 100)' }, false);
  const heard = new Promise<void>((resolve) => {
    future.onIOPub = ({ header, content }) => {
      if (header.msg_type !== 'stream') return;
      late.push(String((content as { text: string }).text));
      resolve();
    };
  });
  await future.done;
  await run('console.log("another")');
  await heard;
  t.same(late, ['late\n']);
  future.dispose();
});

t.test('a failure aborts what is queued, and an interrupt stops a cell', async (t) => {
  const code = 'await new Promise((done) => setTimeout(done, 50)); throw 1';
  const replies = [code, 'kept'].map((code) => kernel.requestExecute({ code, stop_on_error: true }).done);
  t.same(
    (await Promise.all(replies)).map(({ content }) => content.status),
    ['error', 'aborted'],
  );
  const future = kernel.requestExecute({ code: 'console.log("go"); while (true);' });
  await new Promise<void>((resolve) => {
    future.onIOPub = ({ header }) => void (header.msg_type === 'stream' && resolve());
  });
  await kernel.interrupt();
  t.match((await future.done).content, { status: 'error', ename: 'Interrupted' });
  t.match((await run('kept')).of('execute_result')[0], { data: { 'text/plain': '3' } });
});

t.test('what the client closes, and a restart, after which all names are gone', async (t) => {
  const comm = kernel.createComm('jupyter.widget.control');
  await comm.open().done;
  await comm.close().done;
  const { content } = await kernel.requestCommInfo({});
  t.notOk('comms' in content && comm.commId in content.comms);
  await kernel.restart();
  t.match((await run('kept')).content, { status: 'error', evalue: /Cannot find name 'kept'/ });
});

t.test('a debugger is declined', async (t) => {
  const { content } = await kernel.requestDebug({ seq: 1, type: 'request', command: 'initialize' }).done;
  t.match(content, { status: 'error', evalue: /no debugger/ });
});
