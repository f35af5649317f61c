import { Session } from 'node:inspector';
import { setTimeout as sleep } from 'node:timers/promises';
import { HELD, HOLD } from './runner/interruptible.js';
import type { Found } from './runner/interruptible.js';

interface Attached {
  readonly sessionId: string;
  readonly workerInfo: { readonly url: string };
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly result?: { readonly result?: { readonly value?: Found } };
}

/** Tries to find a worker where ending it does no harm, before it is ended elsewhere: in a callback of `setImmediate`, or polling. */
const ATTEMPTS = 1000;
const BETWEEN_ATTEMPTS_MS = 1;
/** How often it is asked whether a worker that does not answer is still to be ended. */
const POLL_MS = 10;
/** How long a worker has to pause: one that steps out of its last frame does not. */
const PAUSE_MS = 1000;
const REHEARSALS = 5;

/**
 * Stops the JavaScript that a worker is running, wherever it is, and leaves the worker alive with all its state: the
 * inspector reaches a thread amid a loop. Reaching it takes some milliseconds, which can be spent before it is needed.
 */
export class Terminator {
  readonly #session = new Session();
  /** The worker's session, or nothing when there is no such worker any more. */
  readonly #reached: Promise<string | undefined>;
  readonly #answers = new Map<number, (found: Found | undefined) => void>();
  #calls = 0;
  #paused: () => void = () => undefined;
  /** Whether a worker has paused, or is to. */
  #debugs = false;

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
        for (const answer of this.#answers.values()) answer(undefined);
        this.#paused();
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
        const { id = 0, method, result } = JSON.parse(params.message) as Message;
        this.#answers.get(id)?.(result?.result?.value);
        this.#answers.delete(id);
        if (method === 'Debugger.paused') this.#paused();
      },
    );
  }

  /**
   * Resolves when what the worker ran has been ended, or when it runs nothing. One thing is asked at a time, however long
   * the answer takes: an evaluation that waited behind a termination would be what V8 ends.
   * @param isWanted whether it is still to be ended
   * @returns whether something was ended
   */
  async terminate(isWanted: () => boolean): Promise<boolean> {
    const sessionId = await this.#reached;
    if (sessionId === undefined) return false;
    // Held, a worker does not answer.
    const isOpen = () => isWanted() && Atomics.load(this.flags, HELD) === 0;
    for (let attempt = 1; isWanted(); attempt++) {
      let found: Found | undefined;
      if (isOpen()) found = await this.#soon(this.#hold(sessionId, attempt > ATTEMPTS), isOpen);
      if (Atomics.compareExchange(this.flags, HELD, 1, 2) === 1) {
        await this.#end(sessionId);
        return true;
      }
      if (found === 'amid Node' && (await this.#pause(sessionId, isOpen))) continue;
      await this.#goOn(sessionId);
      if (found === 'idle') return false;
      await sleep(BETWEEN_ATTEMPTS_MS);
    }
    return false;
  }

  /** Ends what a worker runs that is held. */
  async #end(sessionId: string): Promise<void> {
    const ended = this.#ask(sessionId, 'Runtime.terminateExecution');
    const goesOn = this.#goOn(sessionId);
    Atomics.notify(this.flags, HELD);
    await Promise.all([ended, goesOn]);
    Atomics.store(this.flags, HELD, 0);
  }

  /**
   * Has a worker pause in the code that called Node's: one that calls it again and again is never found anywhere else, as
   * V8 lets nothing in before a call of what is not JavaScript has returned. What is evaluated before it has paused would
   * pause itself.
   * @returns whether it has paused, or need not
   */
  async #pause(sessionId: string, isOpen: () => boolean): Promise<boolean> {
    let isPaused = false;
    const paused = new Promise<void>((resolve) => (this.#paused = resolve)).then(() => (isPaused = true));
    if (!this.#debugs) void this.#ask(sessionId, 'Debugger.enable');
    const asked = this.#ask(sessionId, this.#debugs ? 'Debugger.stepOut' : 'Debugger.pause');
    this.#debugs = true;
    await this.#soon(asked, isOpen);
    const until = performance.now() + PAUSE_MS;
    await this.#soon(paused, () => isOpen() && performance.now() < until);
    return isPaused || !isOpen();
  }

  /** Has a worker go on that has paused, or is to. */
  async #goOn(sessionId: string): Promise<void> {
    if (this.#debugs) await this.#ask(sessionId, 'Debugger.disable');
    this.#debugs = false;
  }

  /**
   * Does what is slow when it is done first, at a worker that runs nothing.
   * @param isIdle whether it still runs nothing
   */
  async rehearse(isIdle: () => boolean): Promise<void> {
    const sessionId = await this.#reached;
    if (sessionId === undefined) return;
    for (let n = 0; n < REHEARSALS && isIdle(); n++) await this.#hold(sessionId, false);
  }

  /** Has the worker wait where it can be ended, or tells how else it was found. */
  async #hold(sessionId: string, anywhere: boolean): Promise<Found> {
    const expression = `globalThis[Symbol.for('${HOLD}')](${anywhere})`;
    return (await this.#ask(sessionId, 'Runtime.evaluate', { expression })) ?? 'idle';
  }

  #ask(sessionId: string, method: string, params: object = {}): Promise<Found | undefined> {
    const id = ++this.#calls;
    return new Promise((resolve) => {
      // First: the answer comes amid whatever runs here, and can come amid what sends the question.
      this.#answers.set(id, resolve);
      const message = JSON.stringify({ id, method, params });
      this.#session.post('NodeWorker.sendMessageToWorker', { sessionId, message }, (error) => {
        // There is no such worker any more.
        if (error !== null) resolve(undefined);
      });
    });
  }

  close(): void {
    this.#answers.clear();
    this.#session.disconnect();
  }

  /** What a promise comes to, or undefined when it is no longer waited for. */
  async #soon<T>(promise: Promise<T>, isOpen: () => boolean): Promise<T | undefined> {
    let result: { readonly value: T } | undefined;
    const settled = promise.then((value) => (result = { value }));
    while (result === undefined && isOpen()) {
      await Promise.race([settled, Atomics.waitAsync(this.flags, HELD, 0, POLL_MS).value]);
    }
    return result?.value;
  }
}
