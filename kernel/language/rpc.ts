import type { MessagePort, Worker } from 'node:worker_threads';

/** Methods of a worker, by name: what it takes and gives must survive structured cloning. */
export type Methods = Record<string, (...args: never[]) => unknown>;

interface Call {
  /** None for a call whose answer nobody waits for. */
  readonly id?: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** The worker has ended, so what was asked of it will not be answered. */
export class WorkerEnded extends Error {
  override readonly name = 'WorkerEnded';
}

/** Calls methods of a worker that serves them with {@link serve}. */
export class Client<M extends Methods> {
  #later: Call[] = [];
  readonly #pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #calls = 0;
  #ended: WorkerEnded | undefined;

  /** @param onEvent receives what the worker posts that is not an answer */
  constructor(
    readonly worker: Worker,
    onEvent: (event: unknown) => void = () => undefined,
  ) {
    worker.on('message', (message: { answer?: Answer; event?: unknown }) => {
      if (message.answer === undefined) onEvent(message.event);
      else this.#settle(message.answer);
    });
    let cause = '';
    worker.on('error', (error) => (cause = error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => this.#end(cause === '' ? `it ended with code ${code}` : cause));
  }

  /** Rejects with {@link WorkerEnded} when the worker ends first, else with what the method threw. */
  call<K extends keyof M & string>(method: K, ...args: Parameters<M[K]>): Promise<Awaited<ReturnType<M[K]>>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      const later = this.#later;
      this.#later = [];
      this.worker.postMessage([...later, { id, method, args }] satisfies Call[]);
    });
  }

  /** A call that nobody waits for: it comes before all later ones, and need not wake the worker by itself. */
  callLater<K extends keyof M & string>(method: K, ...args: Parameters<M[K]>): void {
    this.#later.push({ method, args });
  }

  #settle({ id, value, error }: Answer): void {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) call?.resolve(value as never);
    else call?.reject(new Error(error));
  }

  #end(cause: string): void {
    this.#ended = new WorkerEnded(cause);
    for (const call of this.#pending.values()) call.reject(this.#ended);
    this.#pending.clear();
  }
}

/** Serves calls that arrive on a worker's port. */
export function serve(port: MessagePort, methods: Methods): void {
  port.on('message', (calls: readonly Call[]) => {
    for (const { id, method, args } of calls) {
      const answer = (answer: Omit<Answer, 'id'>) => {
        if (id !== undefined) port.postMessage({ answer: { id, ...answer } });
      };
      Promise.resolve()
        .then(() => methods[method](...(args as never[])))
        .then(
          (value) => answer({ value }),
          (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
        );
    }
  });
}
