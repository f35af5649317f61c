import t from 'tap';
import { WebSocket } from 'ws';
import { V1_SUBPROTOCOL, decodeMessage, encodeMessage } from '../../kernel/server/websocket-wire.js';
import type { ChannelMessage } from '../../kernel/server/websocket-wire.js';
import { newMessage } from '../../kernel/server/kernel-client.js';
import type { RunningServer } from '../../kernel/server/server.js';
import { ask, fakeSpec, startTestServer } from './helpers.js';

const server = await startTestServer();
t.teardown(() => server.close());

/** A front end over one WebSocket. */
class TestFrontEnd {
  readonly received: ChannelMessage[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #wake = () => {};

  constructor(readonly socket: WebSocket) {
    this.closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() })),
    );
    socket.on('message', (data: Buffer, isBinary) => {
      this.received.push(decodeMessage(data, isBinary, socket.protocol));
      this.#wake();
    });
  }

  static async open(on: RunningServer, id: string, protocols: string[] = []): Promise<TestFrontEnd> {
    const url = `${on.url.replace('http', 'ws')}api/kernels/${id}/channels?token=secret`;
    const socket = new WebSocket(url, protocols);
    const frontEnd = new TestFrontEnd(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return frontEnd;
  }

  send(channel: ChannelMessage['channel'], type: string, content: object, buffers: Uint8Array[] = []): void {
    const message = { ...newMessage('test', type, { ...content }), buffers };
    this.socket.send(encodeMessage({ channel, message }, this.socket.protocol));
  }

  async next(type: string): Promise<ChannelMessage> {
    for (;;) {
      const index = this.received.findIndex(({ message }) => message.header.msg_type === type);
      if (index >= 0) return this.received.splice(index, 1)[0];
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

async function startKernel(on = server): Promise<string> {
  const { status, body } = await ask(on, 'POST', '/api/kernels', {});
  t.equal(status, 201, JSON.stringify(body));
  return body.id;
}

for (const [what, protocols] of [
  ['the v1 subprotocol', [V1_SUBPROTOCOL]],
  ['the default protocol', []],
] as [string, string[]][])
  t.test(`a cell runs over ${what}`, async (t) => {
    const id = await startKernel();
    const frontEnd = await TestFrontEnd.open(server, id, protocols);
    t.equal(frontEnd.socket.protocol, protocols[0] ?? '');
    frontEnd.send('shell', 'execute_request', { code: 'grüße 🙂' }, [new Uint8Array([1, 2, 3])]);
    const stream = await frontEnd.next('stream');
    t.equal(stream.channel, 'iopub');
    t.equal(stream.message.content.text, 'grüße 🙂');
    t.same([...stream.message.buffers[0]], [1, 2, 3]);
    const reply = await frontEnd.next('execute_reply');
    t.equal(reply.channel, 'shell');
    t.equal(reply.message.parentHeader.session, 'test');
    frontEnd.socket.close();
    t.equal((await ask(server, 'DELETE', `/api/kernels/${id}`)).status, 204);
    t.equal((await ask(server, 'GET', `/api/kernels/${id}`)).status, 404);
  });

t.test('replies go to the front end that asked, IOPub to all; input is asked and given', async (t) => {
  const id = await startKernel();
  const [asker, other] = [await TestFrontEnd.open(server, id), await TestFrontEnd.open(server, id)];
  asker.send('shell', 'execute_request', { code: 'ask' });
  t.match((await asker.next('input_request')).message.content, { prompt: '?' });
  asker.send('stdin', 'input_reply', { value: 'forty-two' });
  t.equal((await other.next('stream')).message.content.text, 'forty-two');
  await asker.next('execute_reply');
  t.notOk(other.received.some(({ channel }) => channel !== 'iopub'));
  await ask(server, 'DELETE', `/api/kernels/${id}`);
});

t.test('a kernel deaf to interrupt_request gets SIGINT', async (t) => {
  const deaf = await startTestServer(undefined, fakeSpec('--deaf'));
  t.teardown(() => deaf.close());
  const id = await startKernel(deaf);
  const frontEnd = await TestFrontEnd.open(deaf, id);
  frontEnd.send('shell', 'execute_request', { code: 'hang' });
  await frontEnd.next('status');
  t.equal((await ask(deaf, 'POST', `/api/kernels/${id}/interrupt`)).status, 204);
  await frontEnd.next('execute_reply');
});

t.test('a restart keeps the id and the connections', async (t) => {
  const id = await startKernel();
  const frontEnd = await TestFrontEnd.open(server, id);
  t.match(await ask(server, 'POST', `/api/kernels/${id}/restart`), { status: 200, body: { id } });
  const states = [(await frontEnd.next('status')).message.content.execution_state];
  t.same(states, ['restarting']);
  frontEnd.send('shell', 'execute_request', { code: 'again' });
  t.equal((await frontEnd.next('stream')).message.content.text, 'again');
  await ask(server, 'DELETE', `/api/kernels/${id}`);
});

t.test('the death of a kernel is told', async (t) => {
  const id = await startKernel();
  const frontEnd = await TestFrontEnd.open(server, id);
  frontEnd.send('shell', 'execute_request', { code: 'die' });
  for (let state: unknown; state !== 'dead';)
    state = (await frontEnd.next('status')).message.content.execution_state;
  t.match((await ask(server, 'GET', `/api/kernels/${id}`)).body, { execution_state: 'dead' });
  t.match(await ask(server, 'POST', `/api/kernels/${id}/interrupt`), {
    status: 409,
    body: { message: /is dead/ },
  });
  t.match(await ask(server, 'POST', `/api/kernels/${id}/restart`), { status: 200 });
  await ask(server, 'DELETE', `/api/kernels/${id}`);
});

const malformed: [what: string, protocols: string[], data: string | Buffer, reason: RegExp][] = [
  ['text that is not JSON', [], '{', /not JSON/],
  ['an unknown channel', [], '{"channel":"side"}', /unknown channel 'side'/],
  ['no header', [], '{"channel":"shell","header":{}}', /header lacks/],
  ['text under v1', [V1_SUBPROTOCOL], '{}', /are binary/],
  ['too few offsets', [V1_SUBPROTOCOL], Buffer.alloc(16), /0 offsets in 16 bytes/],
  ['offsets outside', [V1_SUBPROTOCOL], outside(), /part 0 at/],
  ['binary parts outside', [], Buffer.from([0, 0, 0, 2, 0, 0, 0, 99, 0, 0, 0, 1]), /part 0 at 99/],
];

function outside(): Buffer {
  const data = Buffer.alloc(64);
  [6, 56, 1 << 20].forEach((value, index) => data.writeBigUInt64LE(BigInt(value), 8 * index));
  return data;
}

t.test('malformed messages close the connection with the reason', async (t) => {
  const id = await startKernel();
  for (const [what, protocols, data, reason] of malformed) {
    const frontEnd = await TestFrontEnd.open(server, id, protocols);
    frontEnd.socket.send(data);
    const closed = await frontEnd.closed;
    t.equal(closed.code, 1007, what);
    t.match(closed.reason, reason, what);
  }
  await ask(server, 'DELETE', `/api/kernels/${id}`);
});

t.test('channels need a token and a kernel', async (t) => {
  const id = await startKernel();
  const base = server.url.replace('http', 'ws');
  for (const [url, status] of [
    [`${base}api/kernels/${id}/channels`, 401],
    [`${base}api/kernels/nobody/channels?token=secret`, 404],
  ] as const) {
    const code = await new Promise((resolve) =>
      new WebSocket(url)
        .on('unexpected-response', (_, response) => resolve(response.statusCode))
        .on('error', () => {}),
    );
    t.equal(code, status, url);
  }
  await ask(server, 'DELETE', `/api/kernels/${id}`);
});

t.test('a session holds a kernel and ends with it', async (t) => {
  const made = await ask(server, 'POST', '/api/sessions', {
    path: 'a.ipynb',
    type: 'notebook',
    kernel: { name: 'fake' },
  });
  t.equal(made.status, 201);
  const { id, kernel } = made.body;
  t.match(
    (await ask(server, 'POST', '/api/sessions', { path: 'a.ipynb' })).body,
    { id },
    'one session a path',
  );
  t.match((await ask(server, 'PATCH', `/api/sessions/${id}`, { path: 'b.ipynb' })).body, {
    path: 'b.ipynb',
    kernel: { id: kernel.id },
  });
  t.match((await ask(server, 'GET', '/api/sessions')).body, [{ id }]);
  t.equal((await ask(server, 'DELETE', `/api/sessions/${id}`)).status, 204);
  t.equal((await ask(server, 'GET', `/api/kernels/${kernel.id}`)).status, 404);
});

t.test('closing the server ends kernel processes', async (t) => {
  const other = await startTestServer();
  await startKernel(other);
  await other.close();
  t.pass('close() waits for every kernel process');
});
