import { Comms } from './comms.js';
import type { Connection } from './connection.js';
import { ContentError } from './content.js';
import { Executions } from './executions.js';
import type { HandlerContext, Implementation } from './handlers.js';
import { HANDLERS } from './handlers.js';
import { History } from './history.js';
import type { HistoryStore } from './history-store.js';
import { InputRequests } from './input.js';
import type { Interpreter } from './interpreter.js';
import type { ErrorContent, Message } from './messages.js';
import { OutputSinks } from './output-sinks.js';
import { Session } from './session.js';
import type { Channel } from './sockets.js';
import { Sockets } from './sockets.js';

/**
 * A Jupyter kernel without a language: it receives, queues, dispatches and answers.
 * Shell requests are served one after another; control requests and the heartbeat at once, also while a cell runs.
 */
export class Kernel {
  readonly #sockets: Sockets;
  readonly #session = new Session();
  readonly #input: InputRequests;
  readonly #executions: Executions;
  readonly #context: HandlerContext;
  #shell: Message[] = [];
  readonly #cancelled: Message[] = [];
  #serving = false;
  /** Resolves with whether a restart was asked for, when a client asked for shutdown and got its answer. */
  readonly shutdownRequested: Promise<boolean>;
  /** Called for each valid message that comes, before anything is done about it. */
  onMessage: () => void = () => undefined;

  constructor(
    connection: Connection,
    readonly interpreter: Interpreter,
    implementation: Implementation,
    historyStore?: HistoryStore,
  ) {
    this.#sockets = new Sockets(connection, this.#session);
    this.#input = new InputRequests(this.#sockets, this.#session);
    const history = new History(historyStore);
    const comms = new Comms();
    const sinks = new OutputSinks(this.#sockets, this.#input, comms);
    this.#executions = new Executions(interpreter, this.#sockets, sinks, history);
    let shutdown: (restart: boolean) => void = () => undefined;
    this.shutdownRequested = new Promise((resolve) => (shutdown = resolve));
    this.#context = {
      implementation,
      interpreter,
      executions: this.#executions,
      history,
      comms,
      sinks,
      publish: (type, content, parent) => this.#sockets.publish(type, content, parent),
      interrupt: () => this.interrupt(),
      shutdown,
    };
  }

  /** @throws BindError naming the socket that could not be bound */
  async start(): Promise<void> {
    await this.#sockets.open((channel, message) => this.#receive(channel, message));
    this.#sockets.publish('status', { execution_state: 'starting' });
  }

  /** Stops the running cell and the question it may be asking. */
  async interrupt(): Promise<void> {
    this.#input.cancel();
    await this.interpreter.interrupt();
  }

  /** Ends the interpreter, sends what is queued and closes the sockets. */
  async stop(): Promise<void> {
    await this.interpreter.shutdown();
    this.#context.history.flush();
    await this.#sockets.close();
  }

  #receive(channel: Channel, message: Message): void {
    this.onMessage();
    if (channel === 'stdin') {
      this.#input.answer(message);
    } else if (channel === 'control') {
      void this.#handle(channel, message);
    } else {
      this.#shell.push(message);
      void this.#serveShell();
    }
  }

  async #serveShell(): Promise<void> {
    if (this.#serving) return;
    this.#serving = true;
    for (let message = this.#shell.shift(); message !== undefined; message = this.#shell.shift()) {
      await this.#handle('shell', message);
      for (const cancelled of this.#cancelled.splice(0)) {
        await this.#answer('shell', cancelled, () => Promise.resolve(this.#executions.aborted()));
      }
    }
    this.#serving = false;
  }

  async #handle(channel: 'shell' | 'control', message: Message): Promise<void> {
    const type = message.header.msg_type;
    const row = Object.hasOwn(HANDLERS, type) ? HANDLERS[type] : undefined;
    if (row === undefined || !row.channels.includes(channel)) {
      this.#sockets.drop(channel, 'unknown type');
      return;
    }
    await this.#answer(channel, message, async () => {
      const reply = await row.handle(this.#context, message);
      if (type === 'execute_request' && isError(reply) && message.content['stop_on_error'] !== false) {
        await this.#cancelQueued();
      }
      return reply;
    });
  }

  /** Cancels the executions that are queued at a failure, before its reply is sent: nothing that comes later. */
  async #cancelQueued(): Promise<void> {
    // What ZeroMQ has already received reaches the queue within a turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve, 1));
    const isExecution = ({ header }: Message) => header.msg_type === 'execute_request';
    this.#cancelled.push(...this.#shell.filter(isExecution));
    this.#shell = this.#shell.filter((message) => !isExecution(message));
  }

  /** Busy, the work, its reply, idle: the frame of every request, whatever the work does. */
  async #answer(
    channel: 'shell' | 'control',
    message: Message,
    work: () => Promise<object | undefined>,
  ): Promise<void> {
    const { header, identities } = message;
    this.#sockets.publish('status', { execution_state: 'busy' }, header);
    try {
      const reply = await work().catch(errorReply);
      const [, request] = /^(.*)_request$/.exec(header.msg_type) ?? [];
      if (request === undefined || reply === undefined) return;
      this.#sockets.send(channel, this.#session.message(`${request}_reply`, reply, header, identities));
    } finally {
      this.#sockets.publish('status', { execution_state: 'idle' }, header);
    }
  }
}

function isError(reply: object | undefined): boolean {
  return (reply as { status?: unknown } | undefined)?.status === 'error';
}

function errorReply(error: unknown): ErrorContent & { status: 'error' } {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const traceback = error instanceof ContentError ? [`${name}: ${message}`] : (stack ?? message).split('\n');
  return { status: 'error', ename: name, evalue: message, traceback };
}
