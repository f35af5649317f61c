import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { TestKernel } from './client.js';

const MAIN = fileURLToPath(new URL('../../kernel/main.js', import.meta.url));

t.test('the process ends when it is told to, also while a cell is busy', async (t) => {
  const rows: [what: string, end: (kernel: TestKernel) => Promise<unknown>][] = [
    ['shutdown on control', (kernel) => kernel.request('shutdown_request', { restart: false }, 'control')],
    ['shutdown on shell', (kernel) => kernel.request('shutdown_request', { restart: true })],
    ['SIGTERM', async (kernel) => kernel.process.kill('SIGTERM')],
  ];
  await Promise.all(
    rows.map(async ([what, end]) => {
      const kernel = await TestKernel.start();
      // A shell request waits for the cell, so this one gets an idle kernel.
      if (what !== 'shutdown on shell') {
        const { frames } = kernel.frames('execute_request', { code: 'while (true);' });
        await kernel.sockets.shell.send(frames);
        await kernel.waitFor(() => kernel.published.some(({ type }) => type === 'execute_input'), 'the cell');
      }
      await end(kernel);
      t.equal(await kernel.exited, 0, what);
      t.equal(kernel.stderr, '', `${what}: nothing to complain about`);
      if (what.startsWith('shutdown')) {
        await kernel.waitFor(
          () => kernel.published.some(({ type }) => type === 'shutdown_reply'),
          'shutdown_reply',
        );
      }
      await kernel.stop();
    }),
  );
});

t.test('what lets others in is told, or has to be asked for; history outlives the kernel', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-process-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const history = join(folder, 'history.jsonl');
  const kept: unknown[] = [];
  const rows: [what: string, ip: string, file: number, words: string[], stderr: RegExp][] = [
    [
      'an address that others reach',
      '0.0.0.0',
      0o600,
      [],
      /^ringside: listening on 0.0.0.0, which other computers may/,
    ],
    ['a file that others read', '127.0.0.2', 0o644, ['--allow-shared-connection'], /^$/],
  ];
  for (const [what, ip, mode, words, stderr] of rows)
    await t.test(what, async (t) => {
      const kernel = await TestKernel.start({
        ...{ ip, mode, history },
        words: [...words, '--Some.option=1', '-x'],
      });
      t.equal((await kernel.request('kernel_info_request', {}, 'control')).content.status, 'ok');
      t.match(kernel.stderr, stderr);
      await kernel.execute(`'${what}'`);
      kept.push([kept.length + 1, 1, `'${what}'`]);
      const { content } = await kernel.request('history_request', { hist_access_type: 'tail', n: 5 });
      t.same(content.history, kept);
      // At no other address: who binds the same port there gets it.
      const other = createServer();
      const bound = new Promise<boolean>((resolve) => {
        other.once('error', () => resolve(false));
        other.listen(kernel.ports['shell'], '127.0.0.3', () => resolve(true));
      });
      t.equal(await bound, ip !== '0.0.0.0');
      other.close();
      await kernel.request('shutdown_request', { restart: false }, 'control');
      t.equal(await kernel.exited, 0);
      await kernel.stop();
    });
});

t.test('the process ends with its parent', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-parent-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = connectionFile(folder, { shell: 0 });
  const pidFile = join(folder, 'pid');
  // A parent that starts a kernel and is gone at once.
  const parent = `
    const { spawn } = require('node:child_process');
    const { writeFileSync } = require('node:fs');
    const child = spawn(process.execPath, [${JSON.stringify(MAIN)}, '-f', ${JSON.stringify(file)}],
      { stdio: 'ignore', detached: true, env: { ...process.env, JPY_PARENT_PID: String(process.pid) } });
    writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
    process.exit();`;
  spawnSync(process.execPath, ['-e', parent]);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  const deadline = Date.now() + 15_000;
  while (isAlive(pid) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  t.notOk(isAlive(pid));
});

t.test('a wrong start is one clear line and exit code 1', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-start-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{', { mode: 0o600 });
  const shared = connectionFile(folder, { shared: true });
  chmodSync(shared, 0o644);
  const unsigned = join(folder, 'unsigned.json');
  writeFileSync(unsigned, readFileSync(shared, 'utf8').replace('"key":"k"', '"key":""'), { mode: 0o600 });
  const rows: [words: string[], message: RegExp][] = [
    [[], /^ringside: no connection file: start the kernel with -f CONNECTION_FILE\n$/],
    [['-f', join(folder, 'absent.json')], /^ringside: connection file .*absent.json: ENOENT.*\n$/],
    [[`--ringside-connection=${broken}`], /^ringside: connection file .*broken.json: not JSON.*\n$/],
    [
      ['-f', shared],
      /^ringside: connection file .*: others than its owner may use it \(mode 644\).*chmod 600/,
    ],
    [['-f', unsigned], /^ringside: connection file .*unsigned.json: key is empty.*--allow-unsigned\n$/],
    [
      ['-f', connectionFile(folder, { control: 'same' })],
      /^ringside: cannot bind the (control|shell|stdin) socket to tcp:\/\/127.0.0.1:\d+: .*in use/,
    ],
  ];
  for (const [words, message] of rows) {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    t.equal(status, 1, words.join(' '));
    t.match(stderr, message);
  }
});

/** A connection file with ports that are likely free; `{ control: 'same' }` gives control and shell one port. */
function connectionFile(folder: string, clash: Record<string, unknown>): string {
  const first = 20_000 + (process.pid % 20_000);
  const ports = {
    shell_port: first,
    control_port: first + 1,
    iopub_port: first + 2,
    stdin_port: first + 3,
    hb_port: first + 4,
  };
  if (clash['control'] === 'same') ports.control_port = first;
  const file = join(folder, `connection-${Object.keys(clash).join()}.json`);
  writeFileSync(file, JSON.stringify({ transport: 'tcp', ip: '127.0.0.1', key: 'k', ...ports }), {
    mode: 0o600,
  });
  return file;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
