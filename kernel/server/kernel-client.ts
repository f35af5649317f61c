import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Dealer, Subscriber } from 'zeromq';
import { endpoint } from '../protocol/connection.js';
import type { Connection } from '../protocol/connection.js';
import { PROTOCOL_VERSION } from '../protocol/messages.js';
import type { Header, Message } from '../protocol/messages.js';
import { SendQueue } from '../protocol/send-queue.js';
import { Wire, WireError } from '../protocol/wire.js';
import type { Channel, ChannelMessage } from './websocket-wire.js';

type Content = Readonly<Record<string, unknown>>;
type RequestChannel = 'shell' | 'control';

/** One kernel_info_request is lost when the kernel did not listen yet, so it is repeated. */
const NUDGE_MS = 250;

/** The client side of one kernel process: four ZeroMQ sockets, signed messages, and requests of our own. */
export class KernelClient {
  readonly #session = randomUUID();
  readonly #wire: Wire;
  readonly #sockets: Record<'shell' | 'control' | 'stdin', Dealer>;
  readonly #queues: Record<'shell' | 'control' | 'stdin', SendQueue>;
  readonly #iopub = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  readonly #replies = new Map<string, (content: Content) => void>();
  /** Settles when every socket is connected: what the kernel sends to one that is not would be lost. */
  readonly #connected: Promise<unknown>;
  #heardIopub = false;

  /** @param receive gets every message that is not an answer to our own requests. */
  constructor(
    connection: Connection,
    private readonly receive: (message: ChannelMessage) => void,
  ) {
    this.#wire = new Wire(connection.key);
    // One identity: the kernel sends an input_request on stdin to whoever asked on shell.
    const routingId = randomUUID();
    const dealer = () => new Dealer({ routingId, linger: 0, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
    this.#sockets = { shell: dealer(), control: dealer(), stdin: dealer() };
    const queue = (socket: Dealer) => new SendQueue({ send: (frames) => socket.send([...frames]) });
    const { shell, control, stdin } = this.#sockets;
    this.#queues = { shell: queue(shell), control: queue(control), stdin: queue(stdin) };
    const sockets = [...Object.values(this.#sockets), this.#iopub];
    this.#connected = Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.events.on('handshake', resolve))),
    );
    this.#iopub.subscribe();
    for (const [name, socket] of [...Object.entries(this.#sockets), ['iopub', this.#iopub]] as [
      Channel,
      Dealer,
    ][]) {
      socket.connect(endpoint(connection, name));
      void this.#listen(name, socket);
    }
  }

  /** Passes a message on as it is. Nothing is sent on IOPub. */
  send({ channel, message }: ChannelMessage): void {
    if (channel !== 'iopub') this.#queues[channel].push(this.#wire.encode(message));
  }

  /** The content of the reply. @throws Error when none comes in time. */
  async request(
    channel: RequestChannel,
    type: string,
    content: Content,
    timeoutMs: number,
  ): Promise<Content> {
    const message = newMessage(this.#session, type, content);
    const id = message.header.msg_id;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.#replies.set(id, resolve);
        timer = setTimeout(() => reject(new Error(`no answer to ${type} within ${timeoutMs} ms`)), timeoutMs);
        this.send({ channel, message });
      });
    } finally {
      clearTimeout(timer);
      this.#replies.delete(id);
    }
  }

  /**
   * Resolves when the kernel answers and its IOPub messages arrive: from then on none is missed.
   * @throws Error when the time is over, or with the sentence of `ended` when that comes first.
   */
  async ready(timeoutMs: number, ended: Promise<string>): Promise<void> {
    let death: string | undefined;
    const died = ended.then((what) => (death = what));
    let connected = false;
    void this.#connected.then(() => (connected = true));
    let answered = false;
    const asked = new Set<string>();
    const deadline = Date.now() + timeoutMs;
    try {
      while (Date.now() < deadline) {
        const message = newMessage(this.#session, 'kernel_info_request', {});
        asked.add(message.header.msg_id);
        // Any of the answers will do: on a busy computer each may take longer than the next question.
        const answer = new Promise<void>((resolve) =>
          this.#replies.set(message.header.msg_id, () => resolve(void (answered = true))),
        );
        this.send({ channel: 'shell', message });
        const pause = sleep(NUDGE_MS);
        await Promise.race([answered ? pause : answer, died, pause]);
        if (death !== undefined) throw new Error(death);
        if (answered && connected && this.#heardIopub) return;
      }
    } finally {
      for (const id of asked) this.#replies.delete(id);
    }
    const missing = [
      ...(answered ? [] : ['it did not answer']),
      ...(connected ? [] : ['it did not listen on all its ports']),
      ...(this.#heardIopub ? [] : ['nothing came from it on IOPub']),
    ];
    throw new Error(`${missing.join(', ')} within ${timeoutMs / 1000} s`);
  }

  close(): void {
    for (const socket of [...Object.values(this.#sockets), this.#iopub]) socket.close();
  }

  async #listen(channel: Channel, socket: AsyncIterable<Buffer[]>): Promise<void> {
    for await (const frames of socket) {
      const message = this.#decode(frames);
      if (message === undefined) continue;
      if (channel === 'iopub') this.#heardIopub = true;
      if (message.parentHeader.session === this.#session) {
        if (channel !== 'iopub' && message.parentHeader.msg_id !== undefined)
          this.#replies.get(message.parentHeader.msg_id)?.(message.content);
      } else this.receive({ channel, message });
    }
  }

  /** Undefined for what is not from our kernel; as any program may connect, that is no error of ours. */
  #decode(frames: Buffer[]): Message | undefined {
    try {
      return this.#wire.decode(frames);
    } catch (error) {
      if (error instanceof WireError) return undefined;
      throw error;
    }
  }
}

/** A message of protocol 5.5 in `session`. */
export function newMessage(session: string, type: string, content: Content): Message {
  const header: Header = {
    msg_id: randomUUID(),
    msg_type: type,
    session,
    username: 'ringside',
    date: new Date().toISOString(),
    version: PROTOCOL_VERSION,
  };
  return { identities: [], header, parentHeader: {}, metadata: {}, content, buffers: [] };
}
