import type { Comms } from './comms.js';
import { toCodePoints, toUtf16 } from './codepoints.js';
import { flagOf, integerOf, textOf } from './content.js';
import type { Executions } from './executions.js';
import type { History } from './history.js';
import type { CommMessage, Interpreter } from './interpreter.js';
import type { Header, Message, Published } from './messages.js';
import { PROTOCOL_VERSION } from './messages.js';
import type { OutputSinks } from './output-sinks.js';

/** The program that serves the protocol, as kernel_info_reply names it. */
export interface Implementation {
  readonly name: string;
  readonly version: string;
}

/** What a handler may use of the kernel. */
export interface HandlerContext {
  readonly implementation: Implementation;
  readonly interpreter: Interpreter;
  readonly executions: Executions;
  readonly history: History;
  readonly comms: Comms;
  readonly sinks: OutputSinks;
  publish<T extends keyof Published>(type: T, content: Published[T], parent: Header): void;
  interrupt(): Promise<void>;
  shutdown(restart: boolean): void;
}

type Handler = (kernel: HandlerContext, message: Message) => Promise<object | undefined>;

const SHELL = ['shell'] as const;
const CONTROL = ['control'] as const;
const BOTH = ['shell', 'control'] as const;

/**
 * Message type to handler and the channels it is served on. A handler returns the content of the reply, whose type is
 * the request's with `_request` replaced by `_reply`, or nothing for a message that has none.
 */
export const HANDLERS: Readonly<
  Record<string, { channels: readonly ('shell' | 'control')[]; handle: Handler }>
> = {
  kernel_info_request: { channels: BOTH, handle: kernelInfo },
  execute_request: { channels: SHELL, handle: (kernel, message) => kernel.executions.execute(message) },
  complete_request: { channels: SHELL, handle: complete },
  inspect_request: { channels: SHELL, handle: inspect },
  is_complete_request: { channels: SHELL, handle: isComplete },
  history_request: { channels: SHELL, handle: history },
  comm_info_request: { channels: SHELL, handle: commInfo },
  comm_open: { channels: SHELL, handle: comm },
  comm_msg: { channels: SHELL, handle: comm },
  comm_close: { channels: SHELL, handle: comm },
  interrupt_request: { channels: BOTH, handle: interrupt },
  // Protocol 5.4 moved shutdown to control; older clients still send it on shell.
  shutdown_request: { channels: BOTH, handle: shutdown },
  debug_request: { channels: CONTROL, handle: debug },
};

async function kernelInfo({ implementation, interpreter }: HandlerContext): Promise<object> {
  return {
    status: 'ok',
    protocol_version: PROTOCOL_VERSION,
    implementation: implementation.name,
    implementation_version: implementation.version,
    language_info: interpreter.language,
    banner: interpreter.banner,
    help_links: [],
    debugger: false,
    supported_features: [],
  };
}

async function complete({ interpreter }: HandlerContext, { content }: Message): Promise<object> {
  const code = textOf(content, 'code');
  const cursor = integerOf(content, 'cursor_pos', [...code].length);
  const found = await interpreter.complete(code, toUtf16(code, cursor));
  const start = toCodePoints(code, found.start);
  const end = toCodePoints(code, found.end);
  return {
    status: 'ok',
    matches: found.matches.map(({ text }) => text),
    cursor_start: start,
    cursor_end: end,
    // Understood by JupyterLab and by ipykernel's other front ends (IPython, "jupyter_types_experimental").
    metadata: { _jupyter_types_experimental: found.matches.map((match) => ({ start, end, ...match })) },
  };
}

async function inspect({ interpreter }: HandlerContext, { content }: Message): Promise<object> {
  const code = textOf(content, 'code');
  const cursor = integerOf(content, 'cursor_pos', [...code].length);
  const detail = content['detail_level'] === 1 ? 1 : 0;
  const found = await interpreter.inspect(code, toUtf16(code, cursor), detail);
  return {
    status: 'ok',
    found: found !== undefined,
    data: found?.data ?? {},
    metadata: found?.metadata ?? {},
  };
}

async function isComplete({ interpreter }: HandlerContext, { content }: Message): Promise<object> {
  return interpreter.isComplete(textOf(content, 'code'));
}

async function history(kernel: HandlerContext, { content }: Message): Promise<object> {
  // With `output` the source comes with the cell's text result, null where it had none.
  const output = flagOf(content, 'output', false);
  const entries = kernel.history
    .find(content)
    .map(({ session, line, source, result }) => [session, line, output ? [source, result] : source]);
  return { status: 'ok', history: entries };
}

async function commInfo({ comms }: HandlerContext, { content }: Message): Promise<object> {
  const target = content['target_name'];
  return {
    status: 'ok',
    comms: comms.list(typeof target === 'string' && target !== '' ? target : undefined),
  };
}

async function comm(kernel: HandlerContext, request: Message): Promise<undefined> {
  const { header, content, metadata, buffers } = request;
  const type = header.msg_type as CommMessage['type'];
  const data = content['data'];
  const message: CommMessage = {
    type,
    commId: textOf(content, 'comm_id'),
    targetName: type === 'comm_open' ? textOf(content, 'target_name') : '',
    data: typeof data === 'object' && data !== null ? (data as CommMessage['data']) : {},
    metadata,
    buffers,
  };
  // What is for a comm that is not open comes too late, as its closing may have crossed with it.
  if (type !== 'comm_open' && !kernel.comms.has(message.commId)) return;
  kernel.comms.note(message);
  const taken = await kernel.interpreter.comm(message, kernel.sinks.of(request));
  if (taken || type !== 'comm_open') return;
  // The protocol's answer to a target that nobody has registered.
  kernel.comms.note({ ...message, type: 'comm_close' });
  kernel.publish('comm_close', { comm_id: message.commId, data: {} }, header);
}

async function interrupt(kernel: HandlerContext): Promise<object> {
  await kernel.interrupt();
  return { status: 'ok' };
}

async function shutdown(kernel: HandlerContext, { content, header }: Message): Promise<object> {
  const restart = flagOf(content, 'restart', false);
  const reply = { status: 'ok', restart } as const;
  // Also on IOPub, for the other clients of this kernel.
  kernel.publish('shutdown_reply', reply, header);
  // After the reply and idle are queued, which happens in this turn of the event loop.
  setImmediate(() => kernel.shutdown(restart));
  return reply;
}

async function debug(): Promise<object> {
  return { status: 'error', ename: 'NotSupported', evalue: 'this kernel has no debugger', traceback: [] };
}
