import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ContentsManager,
  KernelManager,
  KernelSpecAPI,
  ServerConnection,
  SessionManager,
} from '@jupyterlab/services';
import t from 'tap';
import { kernelSpec } from '../../kernel/kernelspec.js';
import { startServer } from '../../kernel/server/server.js';
import { temporaryFolder } from './helpers.js';

// The client library reports connections with console.debug, which would stand in the test's output.
console.debug = () => undefined;

const root = temporaryFolder();
writeFileSync(
  join(root, 'n.ipynb'),
  JSON.stringify({ cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
);
const server = await startServer({ root, kernelName: 'ringside', kernelSpec: kernelSpec(), version: '0' });
const serverSettings = ServerConnection.makeSettings({ baseUrl: server.url, token: server.token });
const kernelManager = new KernelManager({ serverSettings });
const sessionManager = new SessionManager({ kernelManager, serverSettings });
const contents = new ContentsManager({ serverSettings });
t.teardown(async () => {
  for (const part of [sessionManager, kernelManager, contents]) part.dispose();
  await server.close();
});

t.test('kernel specs', async (t) => {
  const specs = await KernelSpecAPI.getSpecs(serverSettings);
  t.match(specs, { default: 'ringside', kernelspecs: { ringside: { language: 'typescript' } } });
});

t.test('contents: get, save, rename, copy, checkpoint, delete', async (t) => {
  const { content } = await contents.get('n.ipynb');
  t.match(content, { nbformat: 4 });
  await contents.save('n.ipynb', {
    type: 'notebook',
    format: 'json',
    content: { ...content, metadata: { a: 1 } },
  });
  const checkpoint = await contents.createCheckpoint('n.ipynb');
  t.same(
    (await contents.listCheckpoints('n.ipynb')).map(({ id }) => id),
    [checkpoint.id],
  );
  t.match(await contents.rename('n.ipynb', 'm.ipynb'), { path: 'm.ipynb' });
  t.match(await contents.copy('m.ipynb', ''), { path: 'm-Copy.ipynb' });
  t.match(await contents.newUntitled({ type: 'directory', path: '' }), { path: 'Untitled Folder' });
  await contents.delete('m-Copy.ipynb');
  await t.rejects(contents.get('m-Copy.ipynb'), { message: /no file or folder/ });
});

t.test('a session runs cells, is interrupted, restarts and ends', async (t) => {
  await sessionManager.ready;
  const session = await sessionManager.startNew({
    path: 'm.ipynb',
    name: 'm.ipynb',
    type: 'notebook',
    kernel: { name: 'ringside' },
  });
  const kernel = session.kernel;
  if (kernel === null) return t.fail('no kernel');
  t.match(await kernel.info, { language_info: { name: 'typescript' } });

  const run = async (code: string) => {
    const future = kernel.requestExecute({ code });
    const texts: string[] = [];
    future.onIOPub = ({ content }) => {
      if ('text' in content) texts.push(String(content.text));
      if ('data' in content) texts.push(String((content.data as Record<string, unknown>)['text/plain']));
    };
    const reply = await future.done;
    return { status: reply.content.status, text: texts.join('') };
  };
  t.same(await run('const answer: number = 42; answer'), { status: 'ok', text: '42' });
  const many = await run('for (let i = 0; i < 5000; i++) console.log(i);');
  t.equal(many.text.split('\n').length, 5001, 'no line is lost');

  const endless = run('for (;;);');
  setTimeout(() => void kernel.interrupt(), 1000);
  t.equal((await endless).status, 'error');
  t.same(await run('answer + 1'), { status: 'ok', text: '43' }, 'the state is kept');

  await kernel.restart();
  t.equal((await run('answer')).status, 'error', 'a restart forgets');
  t.match(await run('1 + 1'), { status: 'ok', text: '2' });
  await session.shutdown();
  await kernelManager.refreshRunning();
  t.equal([...kernelManager.running()].length, 0);
});
