/** The part of a ZeroMQ socket that sends. */
interface Sender {
  send(frames: Buffer[]): Promise<void>;
}

/**
 * The only sender of a socket. zeromq 6 throws EBUSY when a send starts before the last one ended and drops messages
 * beyond the high-water mark, so sends are awaited in order and the mark is lifted (`sendHighWaterMark: 0`).
 */
export class SendQueue {
  readonly #socket: Sender;
  #waiting: Buffer[][] = [];
  #pump: Promise<void> | undefined;

  constructor(socket: Sender) {
    this.#socket = socket;
  }

  push(frames: Buffer[]): void {
    this.#waiting.push(frames);
    this.#pump ??= this.#run();
  }

  /** Resolves when everything pushed so far has been handed to ZeroMQ. */
  async drained(): Promise<void> {
    await this.#pump;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const frames of batch) {
        try {
          await this.#socket.send(frames);
        } catch {
          // The peer of a ROUTER is gone, or the socket was closed: there is nobody left to tell.
        }
      }
    }
    this.#pump = undefined;
  }
}
