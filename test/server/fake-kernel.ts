/**
 * A kernel that does as its cell's text says, for what a well-behaved kernel never does to a server:
 * `die`, `hang` (until SIGINT), `ask` (for input), anything else is echoed. `--refuse` ends before it listens.
 */
import { readFileSync } from 'node:fs';
import { Publisher, Reply, Router } from 'zeromq';
import { endpoint, readConnectionFile } from '../../kernel/protocol/connection.js';
import type { Message } from '../../kernel/protocol/messages.js';
import { Wire } from '../../kernel/protocol/wire.js';

const file = process.argv[process.argv.indexOf('-f') + 1];
if (process.argv.includes('--refuse')) {
  process.stderr.write(`no kernel here (${readFileSync(file).length > 0 ? 'file read' : ''})\n`);
  process.exit(3);
}
const connection = readConnectionFile(file);
const wire = new Wire(connection.key);
const [shell, control, stdin] = [new Router(), new Router(), new Router()];
const iopub = new Publisher();
const heartbeat = new Reply();
await Promise.all([
  shell.bind(endpoint(connection, 'shell')),
  control.bind(endpoint(connection, 'control')),
  stdin.bind(endpoint(connection, 'stdin')),
  iopub.bind(endpoint(connection, 'iopub')),
  heartbeat.bind(endpoint(connection, 'hb')),
]);

// A pending receive does not keep Node alive.
setInterval(() => {}, 60_000);

let serial = 0;
function answer(
  parent: Message,
  type: string,
  content: Record<string, unknown>,
  identities: readonly Buffer[],
): Buffer[] {
  const header = { ...parent.header, msg_id: `${process.pid}-${serial++}`, msg_type: type };
  return wire.encode({
    identities,
    header,
    parentHeader: parent.header,
    metadata: {},
    content,
    buffers: parent.buffers,
  });
}
const publish = (parent: Message, type: string, content: Record<string, unknown>) =>
  iopub.send(answer(parent, type, content, [Buffer.from(type)]));

async function serve(socket: Router): Promise<void> {
  for await (const frames of socket) {
    const request = wire.decode(frames);
    const type = request.header.msg_type;
    await publish(request, 'status', { execution_state: 'busy' });
    const content: Record<string, unknown> = {
      status: 'ok',
      execution_count: 1,
      user_expressions: {},
      payload: [],
    };
    if (type === 'kernel_info_request')
      Object.assign(content, {
        protocol_version: '5.5',
        implementation: 'fake',
        implementation_version: '0',
        banner: '',
        help_links: [],
        language_info: {
          name: 'typescript',
          version: '6',
          mimetype: 'text/typescript',
          file_extension: '.ts',
        },
      });
    if (type === 'execute_request') await execute(request, String(request.content.code));
    await socket.send(answer(request, type.replace('_request', '_reply'), content, request.identities));
    await publish(request, 'status', { execution_state: 'idle' });
    if (type === 'shutdown_request') process.exit(0);
  }
}

async function execute(request: Message, code: string): Promise<void> {
  if (code === 'die') process.exit(5);
  if (code === 'hang') await new Promise((resolve) => process.once('SIGINT', resolve));
  if (code === 'ask') {
    await stdin.send(answer(request, 'input_request', { prompt: '?', password: false }, request.identities));
    const reply = wire.decode(await stdin.receive());
    await publish(request, 'stream', { name: 'stdout', text: String(reply.content.value) });
  } else await publish(request, 'stream', { name: 'stdout', text: code });
}

void serve(shell);
async function ignore(socket: Router): Promise<void> {
  for await (const frames of socket) void frames;
}

// 'hang' also means that control does not answer an interrupt. It listens all the same: what nothing refers to is closed.
void (process.argv.includes('--deaf') ? ignore(control) : serve(control));
