import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dealer, Request, Subscriber } from 'zeromq';
import { kernelSpec } from '../../kernel/kernelspec.js';
import { allOf, isReplyTo, received } from './messages.js';
import type { Contents, MessageType, Question, Received } from './messages.js';

/*
 * A Jupyter client on bare ZeroMQ, with a wire format of its own: an error in the kernel's is not repeated here.
 */

/** Everything that came of one execute_request. */
export interface Executed {
  readonly reply: Contents['execute_reply'];
  readonly published: readonly Received[];
  /** Contents of one type, in order. */
  of<Type extends MessageType>(type: Type): Contents[Type][];
  /** Text of a stream. */
  text(name: 'stdout' | 'stderr'): string;
}

export interface StartOptions {
  readonly folder?: string;
  /** File of the history; one of its own unless told. */
  readonly history?: string;
  readonly command?: readonly string[];
  /** Address to listen on; 127.0.0.1 unless told. */
  readonly ip?: string;
  /** Permissions of the connection file. */
  readonly mode?: number;
  /** More words of the command line. */
  readonly words?: readonly string[];
}

/** Answers a question. */
type Answer = (prompt: string, password: boolean) => string;

type Channel = 'shell' | 'control' | 'stdin';

const TIMEOUT_MS = 60_000;

/** A kernel process and a client of it. */
export class TestKernel {
  readonly published: Received[] = [];
  stderr = '';
  readonly exited: Promise<number | NodeJS.Signals | null>;
  #replies = new Map<string, (message: Received) => void>();
  #watchers = new Set<() => void>();
  /** Requests that have ended. */
  #idle = new Set<string>();
  #inputs: Answer[] = [];
  readonly session = randomUUID();
  readonly identity = randomBytes(8).toString('hex');

  private constructor(
    readonly process: ChildProcess,
    readonly key: string,
    readonly sockets: Record<Channel, Dealer>,
    readonly iopub: Subscriber,
    readonly heartbeat: Request,
    /** Ports by socket: shell, control, iopub, stdin, hb. */
    readonly ports: Readonly<Record<string, number>>,
  ) {
    process.stderr?.on('data', (bytes: Buffer) => {
      this.stderr += bytes.toString('utf8');
      this.#notify();
    });
    this.exited = new Promise((resolve) => process.once('exit', (code, signal) => resolve(code ?? signal)));
    for (const channel of ['shell', 'control'] as const) void this.#receiveReplies(channel);
    void this.#receivePublished();
    void this.#receiveQuestions();
  }

  /**
   * Starts a kernel in `folder` and waits until it publishes to us and answers.
   * @param options.command another kernel's command line, `{connection_file}` in it replaced
   */
  static async start(options: StartOptions = {}): Promise<TestKernel> {
    const names = ['shell', 'control', 'iopub', 'stdin', 'hb'];
    const ports = await freePorts(names.length);
    const key = randomUUID();
    const { ip = '127.0.0.1' } = options;
    const folder = mkdtempSync(join(tmpdir(), 'ringside-test-'));
    const file = join(folder, 'connection.json');
    const portsByName = Object.fromEntries(names.map((name, index) => [name, ports[index]]));
    const fields = Object.fromEntries(names.map((name) => [`${name}_port`, portsByName[name]]));
    writeFileSync(
      file,
      JSON.stringify({ transport: 'tcp', ip, key, signature_scheme: 'hmac-sha256', ...fields }),
      { mode: 0o600 },
    );
    if (options.mode !== undefined) chmodSync(file, options.mode);
    // The extra word is what `jupyter run` appends.
    const { argv, env } = kernelSpec();
    const [program, ...words] = (options.command ?? [...argv, 'notebook.ts', ...(options.words ?? [])]).map(
      (word) => (word === '{connection_file}' ? file : word),
    );
    const child = spawn(program, words, {
      cwd: options.folder ?? folder,
      // Whatever becomes of the test, its kernel ends with it.
      env: {
        ...process.env,
        ...(options.command === undefined && env),
        JPY_PARENT_PID: String(process.pid),
        RINGSIDE_HISTORY: options.history ?? join(folder, 'history.jsonl'),
      },
      stdio: ['ignore', options.command === undefined ? 'inherit' : 'ignore', 'pipe'],
    });
    child.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const host = ip === '0.0.0.0' ? '127.0.0.1' : ip;
    const address = (name: string) => `tcp://${host}:${fields[`${name}_port`]}`;
    // Short, because the start is timed and the kernel is not there yet.
    const common = { linger: 0, receiveHighWaterMark: 0, reconnectInterval: 5 };
    const dealer = () => new Dealer({ ...common, sendHighWaterMark: 0 });
    const sockets = { shell: dealer(), control: dealer(), stdin: dealer() };
    const iopub = new Subscriber(common);
    const heartbeat = new Request({ linger: 0 });
    const kernel = new TestKernel(child, key, sockets, iopub, heartbeat, portsByName);
    for (const channel of ['shell', 'control', 'stdin'] as const) {
      sockets[channel].routingId = kernel.identity;
      sockets[channel].connect(address(channel));
    }
    iopub.connect(address('iopub'));
    iopub.subscribe();
    heartbeat.connect(address('hb'));
    if (options.command === undefined) {
      await kernel.waitFor(
        () => kernel.published.some(({ type }) => type === 'iopub_welcome'),
        'iopub_welcome',
      );
    } else {
      await kernel.#hearPublished();
    }
    return kernel;
  }

  /** Before protocol 5.5 nothing says when a subscription holds: asks until something is published. */
  async #hearPublished(): Promise<void> {
    await this.request('kernel_info_request', {});
    while (this.published.length === 0) {
      await this.request('kernel_info_request', {});
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Frames of a signed message, as the kernel expects them. */
  frames(type: string, content: object, key = this.key): { id: string; frames: Buffer[] } {
    const id = randomUUID();
    const header = { msg_id: id, msg_type: type, session: this.session, username: 'test', version: '5.5' };
    const parts = [{ ...header, date: new Date().toISOString() }, {}, {}, content].map((part) =>
      JSON.stringify(part),
    );
    const signature = createHmac('sha256', key).update(parts.join('')).digest('hex');
    return { id, frames: ['<IDS|MSG>', signature, ...parts].map((part) => Buffer.from(part)) };
  }

  /** Sends a request and resolves with its reply. */
  async request<Name extends Question>(
    type: `${Name}_request`,
    content: object,
    channel: 'shell' | 'control' = 'shell',
  ): Promise<Received<`${Name}_reply`>> {
    const { id, frames } = this.frames(type, content);
    const came = new Promise<Received>((resolve) => this.#replies.set(id, resolve));
    await this.sockets[channel].send(frames);
    const reply = await withTimeout(came, `the reply to ${type}`, () => this.stderr);
    if (!isReplyTo(reply, type)) throw new Error(`${type} was answered with ${reply.type}`);
    return reply;
  }

  /** Runs a cell; resolves when its reply and its idle status have come. */
  async execute(code: string, fields: object = {}): Promise<Executed> {
    const content = {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      ...fields,
    };
    const reply = await this.request('execute_request', content);
    await this.idle(reply.parent);
    return this.#executed(reply);
  }

  /** Waits for the idle status of a request. */
  async idle(id: string): Promise<void> {
    await this.waitFor(() => this.#idle.has(id), 'idle');
  }

  /** Waits until something that is published, or said on stderr, makes the condition true. */
  async waitFor(condition: () => boolean, what: string): Promise<void> {
    const happened = new Promise<void>((resolve) => {
      const watcher = () => {
        if (!condition()) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
    await withTimeout(happened, what, () => this.stderr);
  }

  /** Answers the next questions on stdin. */
  onInput(...answers: Answer[]): void {
    this.#inputs.push(...answers);
  }

  /** Text published on a stream by all that has the parent. */
  textOf(parent: string, name: 'stdout' | 'stderr'): string {
    const streams = this.publishedOf('stream', parent).filter(({ content }) => content.name === name);
    return streams.map(({ content }) => content.text).join('');
  }

  /** What is published of one type, in order: all of it, or what has the parent. */
  publishedOf<Type extends MessageType>(type: Type, parent?: string): Received<Type>[] {
    return allOf(this.published, type).filter((message) => parent === undefined || message.parent === parent);
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.exited;
    for (const socket of [...Object.values(this.sockets), this.iopub, this.heartbeat]) socket.close();
  }

  #executed(reply: Received<'execute_reply'>): Executed {
    const published = this.published.filter(({ parent }) => parent === reply.parent);
    return {
      reply: reply.content,
      published,
      of: (type) => allOf(published, type).map(({ content }) => content),
      text: (name) => this.textOf(reply.parent, name),
    };
  }

  #parse(frames: readonly Buffer[]): Received {
    const start = frames.findIndex((frame) => frame.toString() === '<IDS|MSG>');
    const [signature, ...parts] = frames.slice(start + 1, start + 6).map(String);
    const expected = createHmac('sha256', this.key).update(parts.join('')).digest('hex');
    if (signature !== expected) throw new Error('the kernel sent a message with a wrong signature');
    return received(parts, frames.slice(start + 6));
  }

  async #receiveReplies(channel: 'shell' | 'control'): Promise<void> {
    for await (const frames of this.sockets[channel]) {
      const message = this.#parse(frames);
      this.#replies.get(message.parent)?.(message);
    }
  }

  async #receivePublished(): Promise<void> {
    for await (const frames of this.iopub) {
      const message = this.#parse(frames);
      this.published.push(message);
      if (message.type === 'status' && message.content.execution_state === 'idle')
        this.#idle.add(message.parent);
      this.#notify();
    }
  }

  async #receiveQuestions(): Promise<void> {
    for await (const frames of this.sockets.stdin) {
      const { type, content } = this.#parse(frames);
      if (type !== 'input_request') continue;
      const answer = this.#inputs.shift();
      if (answer === undefined) continue;
      const value = answer(content.prompt, content.password);
      await this.sockets.stdin.send(this.frames('input_reply', { value }).frames);
    }
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

async function withTimeout<T>(promise: Promise<T>, what: string, stderr: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come; stderr: ${stderr()}`)), TIMEOUT_MS);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
