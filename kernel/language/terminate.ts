import { Session } from 'node:inspector';
import { STACK_RESET } from './runner/interruptible.js';

interface Attached {
  readonly sessionId: string;
  readonly workerInfo: { readonly url: string };
}

/**
 * Stops the JavaScript that a worker is running, wherever it is, and leaves the worker alive with all its state: the
 * inspector reaches a thread amid a loop. Reaching it takes some milliseconds, which can be spent before it is needed.
 */
export class Terminator {
  readonly #session = new Session();
  /** The worker's session, or nothing when there is no such worker any more. */
  readonly #reached: Promise<string | undefined>;
  #answered: () => void = () => undefined;
  #calls = 0;

  /** @param url the worker's program, by which the inspector tells workers apart; its own ids are not thread ids */
  constructor(url: URL) {
    this.#session.connect();
    this.#reached = new Promise((resolve, reject) => {
      this.#session.on('NodeWorker.attachedToWorker', ({ params }: { params: Attached }) => {
        if (params.workerInfo.url === url.href) resolve(params.sessionId);
      });
      this.#session.on('NodeWorker.detachedFromWorker', () => {
        resolve(undefined);
        this.#answered();
      });
      this.#session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, (error) => {
        if (error !== null) reject(error);
      });
    });
    // Whoever terminates gets it; who does not need to does not care.
    this.#reached.catch(() => undefined);
    this.#session.on(
      'NodeWorker.receivedMessageFromWorker',
      ({ params }: { params: { message: string } }) => {
        if ((JSON.parse(params.message) as { id?: number }).id === this.#calls) this.#answered();
      },
    );
  }

  /** Resolves when the worker has been told; it stops at its next loop or call. */
  async terminate(): Promise<void> {
    const sessionId = await this.#reached;
    if (sessionId === undefined) return;
    await new Promise<void>((resolve, reject) => {
      this.#answered = resolve;
      const send = (method: string, parameters: object) => {
        const message = JSON.stringify({ id: ++this.#calls, method, params: parameters });
        this.#session.post('NodeWorker.sendMessageToWorker', { sessionId, message }, (error) => {
          if (error !== null) reject(error);
        });
      };
      send('Runtime.evaluate', { expression: `globalThis[Symbol.for('${STACK_RESET}')]()` });
      send('Runtime.terminateExecution', {});
    });
  }

  close(): void {
    this.#session.disconnect();
  }
}
