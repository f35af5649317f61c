import { performance } from 'node:perf_hooks';
import { progresses } from './interruptible.js';

/** An interrupt ends a cell with this; what the cell had set stays. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor() {
    super('the cell was stopped; names keep their values');
    // Where the kernel noticed says nothing about the cell.
    this.stack = String(this);
  }
}

/** After an interrupt a cell's `finally` blocks may still await for this long; then its awaits never end. */
const CLEANUP_MS = 1000;

/** The possible interrupt of one run: of a cell, or of what takes a comm message. */
export class Interruption {
  /** Rejects with {@link Interrupted} at the interrupt. */
  readonly happened: Promise<never>;
  #happen: (error: Interrupted) => void = () => undefined;
  readonly #waiting = new Set<(error: Interrupted) => void>();
  #since: number | undefined;

  /**
   * @param requested whether the main thread wants this interrupt: a cell that awaits what is there already does not let
   *   the message in that would tell so
   */
  constructor(private readonly requested: (interruption: Interruption) => boolean) {
    this.happened = new Promise((_, reject) => (this.#happen = reject));
    // A cell that ends by itself leaves nobody waiting for this.
    this.happened.catch(() => undefined);
  }

  interrupt(error = new Interrupted()): void {
    this.#since ??= performance.now();
    this.#happen(error);
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** Ends the cell when it goes on with `result` although an interrupt is wanted. What has failed says why by itself. */
  #checked<T>(result: T): T {
    if (this.#since !== undefined || !this.requested(this)) return result;
    const error = new Interrupted();
    this.interrupt(error);
    throw error;
  }

  /** Every `await` of the cell's own code goes through this, so that the interrupt is thrown where the cell waits. */
  readonly guard = (value: unknown): unknown => {
    progresses();
    if (this.#since !== undefined && performance.now() - this.#since > CLEANUP_MS)
      return new Promise(() => undefined);
    if (!isThenable(value)) return this.#checked(value);
    let interrupted: (error: Interrupted) => void = () => undefined;
    // These handlers as they are: V8 follows them from an error that a library makes to the cell that awaits it.
    const waited = new Promise((resolve, reject) => {
      interrupted = reject;
      this.#waiting.add(interrupted);
      value.then(resolve, reject);
    });
    return waited.finally(() => this.#waiting.delete(interrupted)).then((result) => this.#checked(result));
  };

  /** What a `for await` of the cell's own code goes over, so that the interrupt is thrown where it waits for the next. */
  readonly each = async function* (
    this: void,
    guard: Interruption['guard'],
    iterable: Iterated,
  ): AsyncGenerator {
    const iterator = iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]();
    let done = false;
    try {
      for (;;) {
        const next = (await guard(iterator.next())) as IteratorResult<unknown>;
        done = next.done ?? false;
        if (done) return;
        yield next.value;
      }
    } finally {
      if (!done) await guard(iterator.return?.());
    }
  }.bind(undefined, this.guard);
}

/** Over what `for await` can go: asynchronous, or synchronous with promises in it. */
type Iterated = AsyncIterable<unknown> & Iterable<unknown>;

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}
