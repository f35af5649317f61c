import { Session } from 'node:inspector';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { HELD, HOLD, LOOKS } from './runner/interruptible.js';
import type { Found } from './runner/interruptible.js';

interface Attached {
  readonly sessionId: string;
  readonly workerInfo: { readonly url: string };
}

interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: Found } };
}

/** Tries to find a worker where ending it does no harm, before it is ended elsewhere: in a callback of `setImmediate`, or polling. */
const ATTEMPTS = 1000;
const BETWEEN_ATTEMPTS_MS = 1;
/** How long a worker has to answer before it is asked again: the inspector of Node 20 loses a message now and then. */
const ANSWER_MS = 20;
const REHEARSALS = 5;

/**
 * Stops the JavaScript that a worker is running, wherever it is, and leaves the worker alive with all its state: the
 * inspector reaches a thread amid a loop. Reaching it takes some milliseconds, which can be spent before it is needed.
 */
export class Terminator {
  readonly #session = new Session();
  /** The worker's session, or nothing when there is no such worker any more. */
  readonly #reached: Promise<string | undefined>;
  readonly #answers = new Map<number, (found: Found) => void>();
  #calls = 0;

  /**
   * @param url the worker's program, by which the inspector tells workers apart; its own ids are not thread ids
   * @param flags the memory that the worker shares for interrupts
   */
  constructor(
    url: URL,
    private readonly flags: Int32Array,
  ) {
    this.#session.connect();
    this.#reached = new Promise((resolve, reject) => {
      this.#session.on('NodeWorker.attachedToWorker', ({ params }: { params: Attached }) => {
        if (params.workerInfo.url === url.href) resolve(params.sessionId);
      });
      this.#session.on('NodeWorker.detachedFromWorker', () => {
        resolve(undefined);
        for (const answer of this.#answers.values()) answer('idle');
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
        const { id = 0, result } = JSON.parse(params.message) as Answer;
        this.#answers.get(id)?.(result?.result?.value ?? 'idle');
      },
    );
  }

  /**
   * Resolves when the worker has been told, and stops at its next loop or call, or when it runs nothing.
   * @param isWanted whether it is still to be told
   * @returns whether it was told
   */
  async terminate(isWanted: () => boolean): Promise<boolean> {
    const sessionId = await this.#reached;
    if (sessionId === undefined) return false;
    const { flags } = this;
    Atomics.store(flags, HELD, 0);
    for (let attempt = 1; isWanted(); attempt++) {
      let answer: Found | undefined;
      const found = this.#hold(sessionId, attempt > ATTEMPTS).then((where) => (answer = where));
      const until = performance.now() + ANSWER_MS;
      while (answer === undefined && Atomics.load(flags, HELD) === 0 && performance.now() < until)
        await turn();
      if (Atomics.load(flags, HELD) === 1) {
        this.#send(sessionId, 'Runtime.terminateExecution', {});
        Atomics.store(flags, HELD, 2);
        Atomics.notify(flags, HELD);
        await Promise.race([found, sleep(ANSWER_MS)]);
        return true;
      }
      if (answer === 'idle') return false;
      await sleep(BETWEEN_ATTEMPTS_MS);
    }
    return false;
  }

  /**
   * Does what is slow when it is done first, at a worker that runs nothing.
   * @param isIdle whether it still runs nothing: what is looked up here must not come between when it is ended
   */
  async rehearse(isIdle: () => boolean): Promise<void> {
    const sessionId = await this.#reached;
    if (sessionId === undefined) return;
    for (let n = 0; n < REHEARSALS && isIdle(); n++)
      await Promise.race([this.#hold(sessionId, false), sleep(ANSWER_MS)]);
  }

  /** Has the worker wait where it can be ended, or tells how else it was found. */
  #hold(sessionId: string, anywhere: boolean): Promise<Found> {
    const looks = Atomics.load(this.flags, LOOKS);
    const expression = `globalThis[Symbol.for('${HOLD}')](${anywhere}, ${looks})`;
    const id = this.#send(sessionId, 'Runtime.evaluate', { expression });
    return new Promise((resolve) => this.#answers.set(id, resolve));
  }

  #send(sessionId: string, method: string, params: object): number {
    const id = ++this.#calls;
    const message = JSON.stringify({ id, method, params });
    this.#session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
    return id;
  }

  close(): void {
    this.#answers.clear();
    this.#session.disconnect();
  }
}
