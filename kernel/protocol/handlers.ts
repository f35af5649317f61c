import { toCodePoints, toUtf16 } from './codepoints.js';
import { flagOf, integerOf, textOf } from './content.js';
import type { Executions } from './executions.js';
import type { History } from './history.js';
import type { Interpreter } from './interpreter.js';
import type { Header, Message, Published } from './messages.js';
import { PROTOCOL_VERSION } from './messages.js';

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
  comm_open: { channels: SHELL, handle: commOpen },
  // No comm is ever open, so there is nobody to hear these.
  comm_msg: { channels: SHELL, handle: nothing },
  comm_close: { channels: SHELL, handle: nothing },
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
  const { matches, start, end } = await interpreter.complete(code, toUtf16(code, cursor));
  return {
    status: 'ok',
    matches,
    cursor_start: toCodePoints(code, start),
    cursor_end: toCodePoints(code, end),
    metadata: {},
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
  const found = kernel.history.find(content);
  // With `output` the source comes with the cell's text result; results are not kept, so it is null.
  const output = flagOf(content, 'output', false);
  const entries = output ? found.map(([session, line, source]) => [session, line, [source, null]]) : found;
  return { status: 'ok', history: entries };
}

async function commInfo(): Promise<object> {
  return { status: 'ok', comms: {} };
}

/** No comm target is registered: the protocol's answer is to close what was opened. */
async function commOpen(kernel: HandlerContext, { content, header }: Message): Promise<undefined> {
  kernel.publish('comm_close', { comm_id: textOf(content, 'comm_id'), data: {} }, header);
}

async function nothing(): Promise<undefined> {}

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
