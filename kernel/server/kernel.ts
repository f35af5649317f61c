import { randomUUID } from 'node:crypto';
import { RequestError } from './errors.js';
import { KernelClient, newMessage } from './kernel-client.js';
import { KernelProcess } from './kernel-process.js';
import type { KernelLaunch } from './kernel-process.js';
import type { ChannelMessage } from './websocket-wire.js';

/** Jupyter's model of a running kernel (jupyter_server, "Kernels API"). */
export interface KernelModel {
  id: string;
  name: string;
  last_activity: string;
  execution_state: string;
  connections: number;
}

/** A front end at the other end of a WebSocket. */
export interface FrontEnd {
  /** Whether it asked in this session: replies and input requests go to the asker, IOPub to everyone. */
  owns(session: string | undefined): boolean;
  deliver(message: ChannelMessage): void;
}

const START_TIMEOUT_MS = 60_000;
/** Starts tried before giving up: another program may take a port between our choice and the kernel's bind. */
const START_ATTEMPTS = 3;
const INTERRUPT_TIMEOUT_MS = 2000;
const SHUTDOWN_TIMEOUT_MS = 2000;

/** A kernel as front ends know it: its id stays while processes come and go. */
export class Kernel {
  readonly id = randomUUID();
  readonly #frontEnds = new Set<FrontEnd>();
  #process: KernelProcess | undefined;
  #client: KernelClient | undefined;
  #state = 'starting';
  #lastActivity = new Date();

  private constructor(private readonly launch: KernelLaunch) {}

  /** Resolves when the kernel answers. @throws RequestError 500 that says what the kernel said when it does not. */
  static async start(launch: KernelLaunch): Promise<Kernel> {
    const kernel = new Kernel(launch);
    await kernel.#start();
    return kernel;
  }

  get model(): KernelModel {
    return {
      id: this.id,
      name: this.launch.name,
      last_activity: this.#lastActivity.toISOString(),
      execution_state: this.#state,
      connections: this.#frontEnds.size,
    };
  }

  attach(frontEnd: FrontEnd): void {
    this.#frontEnds.add(frontEnd);
  }

  detach(frontEnd: FrontEnd): void {
    this.#frontEnds.delete(frontEnd);
  }

  /** Passes a front end's message on. A dead kernel takes none. */
  send(message: ChannelMessage): void {
    this.#lastActivity = new Date();
    this.#client?.send(message);
  }

  /** Asks on the control channel; a kernel that does not answer gets SIGINT. */
  async interrupt(): Promise<void> {
    const process = this.#process;
    await this.#running()
      .request('control', 'interrupt_request', {}, INTERRUPT_TIMEOUT_MS)
      .catch(() => {
        process?.signal('SIGINT');
      });
  }

  async restart(): Promise<void> {
    this.#setState('restarting');
    await this.#stop(true);
    await this.#start();
  }

  async shutdown(): Promise<void> {
    await this.#stop(false);
    this.#setState('dead');
  }

  #running(): KernelClient {
    if (this.#client === undefined) throw new RequestError(409, `kernel ${this.id} is ${this.#state}`);
    return this.#client;
  }

  async #start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const process = await KernelProcess.start(this.launch);
      const client = new KernelClient(process.connection, (message) => this.#receive(message));
      try {
        await client.ready(START_TIMEOUT_MS, process.ended);
      } catch (error) {
        client.close();
        const diedItself = !process.alive;
        await process.end(0);
        if (diedItself && attempt < START_ATTEMPTS) continue;
        this.#setState('dead');
        throw new RequestError(500, `kernel '${this.launch.name}': ${(error as Error).message}`);
      }
      this.#process = process;
      this.#client = client;
      this.#setState('idle');
      void process.ended.then(() => {
        if (this.#process !== process) return;
        client.close();
        this.#process = this.#client = undefined;
        this.#setState('dead');
      });
      return;
    }
  }

  async #stop(restart: boolean): Promise<void> {
    const [process, client] = [this.#process, this.#client];
    // Forgotten first: the end of this process is no death to report.
    this.#process = this.#client = undefined;
    if (process === undefined || client === undefined) return;
    await client
      .request('control', 'shutdown_request', { restart }, SHUTDOWN_TIMEOUT_MS)
      .catch(() => undefined);
    await process.end();
    client.close();
  }

  #receive(received: ChannelMessage): void {
    const { channel, message } = received;
    this.#lastActivity = new Date();
    const state = message.content.execution_state;
    const isStatus = channel === 'iopub' && message.header.msg_type === 'status';
    // The last words of a process that is gone say nothing about the kernel now.
    if (isStatus && typeof state === 'string' && this.#client !== undefined) this.#state = state;
    for (const frontEnd of this.#frontEnds)
      if (channel === 'iopub' || frontEnd.owns(message.parentHeader.session)) frontEnd.deliver(received);
  }

  /** Front ends hear of states that only the server knows as of the kernel's own. */
  #setState(state: string): void {
    this.#state = state;
    if (state !== 'restarting' && state !== 'dead') return;
    const message = newMessage(this.id, 'status', { execution_state: state });
    for (const frontEnd of this.#frontEnds) frontEnd.deliver({ channel: 'iopub', message });
  }
}
