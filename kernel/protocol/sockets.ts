import { Reply, Router, XPublisher } from 'zeromq';
import type { Connection, SocketName } from './connection.js';
import { endpoint } from './connection.js';
import type { DropReason } from './wire.js';
import { Wire, WireError } from './wire.js';
import type { Header, Message, Published } from './messages.js';
import { SendQueue } from './send-queue.js';
import type { Session } from './session.js';

/** Sockets that carry signed messages both ways. */
export type Channel = 'shell' | 'control' | 'stdin';

/** First byte of what an XPUB socket receives when a subscriber comes (zmq_socket(3), "ZMQ_XPUB"). */
const SUBSCRIBED = 1;

/** A socket's address is taken or not ours to take. */
export class BindError extends Error {
  override readonly name = 'BindError';
}

/** The five ZeroMQ sockets of a kernel: receiving, verifying, signing and sending, with no idea what is said. */
export class Sockets {
  readonly #wire: Wire;
  readonly #routers: Record<Channel, Router>;
  readonly #queues: Record<Channel | 'iopub', SendQueue>;
  readonly #iopub = new XPublisher({ sendHighWaterMark: 0, linger: 1000, verbosity: 'allSubs' });
  readonly #heartbeat = new Reply({ linger: 0 });
  readonly #dropped = new Map<DropReason, number>();

  constructor(
    private readonly connection: Connection,
    private readonly session: Session,
  ) {
    this.#wire = new Wire(connection.key);
    const router = () => new Router({ sendHighWaterMark: 0, receiveHighWaterMark: 0, linger: 1000 });
    this.#routers = { shell: router(), control: router(), stdin: router() };
    this.#queues = {
      shell: new SendQueue(this.#routers.shell),
      control: new SendQueue(this.#routers.control),
      stdin: new SendQueue(this.#routers.stdin),
      iopub: new SendQueue(this.#iopub),
    };
  }

  /**
   * Binds all sockets, then hands each valid message to `receive`.
   * @throws BindError naming the socket and its endpoint when it cannot be bound
   */
  async open(receive: (channel: Channel, message: Message) => void): Promise<void> {
    await this.#bind('hb', this.#heartbeat);
    await this.#bind('iopub', this.#iopub);
    for (const channel of ['stdin', 'control', 'shell'] as const)
      await this.#bind(channel, this.#routers[channel]);
    void this.#echo();
    void this.#welcome();
    for (const channel of ['stdin', 'control', 'shell'] as const) void this.#receive(channel, receive);
  }

  send(channel: Channel, message: Message): void {
    this.#queues[channel].push(this.#wire.encode(message));
  }

  /** Publishes on IOPub. The topic is for subscribers that filter; the content says all. */
  publish<T extends keyof Published>(
    type: T,
    content: Published[T],
    parent?: Header,
    extra?: Partial<Pick<Message, 'metadata' | 'buffers'>>,
  ): void {
    const topic = Buffer.from(`kernel.${this.session.id}.${type}`);
    this.#queues.iopub.push(this.#wire.encode(this.session.message(type, content, parent, [topic], extra)));
  }

  /** Counts a message that is not acted on and says so, at the 1st, 2nd, 4th, 8th... so that a flood stays quiet. */
  drop(channel: Channel, reason: DropReason): void {
    const count = (this.#dropped.get(reason) ?? 0) + 1;
    this.#dropped.set(reason, count);
    if ((count & (count - 1)) === 0) {
      process.stderr.write(`ringside: dropped a message on ${channel}: ${reason} (${count} so far)\n`);
    }
  }

  /** How many messages were dropped, by reason. */
  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped;
  }

  /** Hands what is queued to ZeroMQ, then closes every socket. */
  async close(): Promise<void> {
    await Promise.all(Object.values(this.#queues).map((queue) => queue.drained()));
    for (const socket of [...Object.values(this.#routers), this.#iopub, this.#heartbeat]) socket.close();
  }

  async #bind(name: SocketName, socket: { bind(address: string): Promise<void> }): Promise<void> {
    const address = endpoint(this.connection, name);
    try {
      await socket.bind(address);
    } catch (error) {
      throw new BindError(`cannot bind the ${name} socket to ${address}: ${(error as Error).message}`);
    }
  }

  async #receive(channel: Channel, receive: (channel: Channel, message: Message) => void): Promise<void> {
    for await (const frames of received(this.#routers[channel])) {
      let message: Message;
      try {
        message = this.#wire.decode(frames);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.drop(channel, error.reason);
        continue;
      }
      receive(channel, message);
    }
  }

  /** Protocol 5.5 (JEP 65): each subscription is greeted, so a client knows from when on it misses nothing. */
  async #welcome(): Promise<void> {
    for await (const [frame] of received(this.#iopub)) {
      if (frame === undefined || frame[0] !== SUBSCRIBED) continue;
      const topic = frame.subarray(1);
      const message = this.session.message(
        'iopub_welcome',
        { subscription: topic.toString('utf8') },
        undefined,
        [topic],
      );
      this.#queues.iopub.push(this.#wire.encode(message));
    }
  }

  async #echo(): Promise<void> {
    for await (const frames of received(this.#heartbeat)) await this.#heartbeat.send(frames);
  }
}

/**
 * What a socket receives, until it is closed. A message that libzmq drops itself, such as a request without the empty
 * frame before it, wakes the reader and then is not there: that is no end.
 */
async function* received(socket: Reply | Router | XPublisher): AsyncGenerator<Buffer[]> {
  while (!socket.closed) {
    try {
      yield await socket.receive();
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'EAGAIN') throw error;
    }
  }
}
