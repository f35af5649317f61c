import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { CommMessage, OutputSink } from '../protocol/index.js';
import type { CompiledCell, CompiledFile, Prelude } from './cell.js';
import { Client } from './rpc.js';
import { FLAGS, POLLED, REQUESTED } from './runner/interruptible.js';
import type { RunnerData, RunnerEvent, RunResult } from './runner/protocol.js';
import type { RunnerMethods } from './runner/worker.js';
import { StreamJoiner } from './stream-joiner.js';
import { Terminator } from './terminate.js';
import { TextReader, textRing } from './text-ring.js';

const PROGRAM = new URL('./runner/worker.js', import.meta.url);

/** A thread that has not come to its event loop for so long is busy. One that does ends its cell by itself. */
const BUSY_MS = 5;
/** After the start, when the thread has long been ready, as a rule. */
const REHEARSAL_MS = 2500;
/** How long a cell has to end by itself: when it waits for something, and when it polls the interrupt flag. */
const GRACE_MS = 1000;
/** Text that cells print is sent on after this long: many lines travel as one message. */
const HOLD_MS = 10;
/** How long a thread has to answer after its JavaScript was terminated, before that is done again. */
const ANSWER_MS = 100;

const nothing = () => undefined;

/** The thread that runs cells, seen from the kernel's main thread. */
export class RunnerThread {
  readonly #client: Client<RunnerMethods>;
  readonly #flag = new Int32Array(new SharedArrayBuffer(FLAGS * Int32Array.BYTES_PER_ELEMENT));
  readonly #ready: Promise<unknown>;
  #running: Promise<unknown> | undefined;
  #abandon: (result: RunResult) => void = () => undefined;
  #comms = 0;
  #ended = false;
  readonly #streams = new StreamJoiner();
  readonly #texts: TextReader;
  #textsTimer: NodeJS.Timeout | undefined;
  /** How many messages of the thread have been delivered. */
  #delivered = 0;
  /** Where each cell's output goes, also long after it ended. */
  readonly #outputs = new Map<number, OutputSink>();

  /**
   * @param onCheckMode called when a cell chooses how later ones are checked
   * @param compileFile called for a file that may be TypeScript, as `CompileFile` says
   */
  constructor(
    options: {
      folder: string;
      preludes: readonly Prelude[];
      ownModules: Readonly<Record<string, string>>;
    },
    private readonly onCheckMode: (mode: 'strict' | 'lenient') => void,
    private readonly compileFile: (
      specifier: string,
      from: string,
    ) => Promise<CompiledFile | undefined> = () => Promise.resolve(undefined),
  ) {
    const texts = textRing();
    this.#texts = new TextReader(texts);
    const workerData: RunnerData = {
      folder: options.folder,
      preludes: options.preludes.map(({ path }) => path),
      ownModules: options.ownModules,
      interruptFlag: this.#flag.buffer,
      texts,
    };
    const worker = new Worker(PROGRAM, { workerData, name: 'runner' });
    this.#client = new Client(worker, (event) => this.#deliver(event as RunnerEvent));
    // A thread that ends, or preludes that do not load, fail the cells.
    this.#ready = this.#client.call('ready').catch(() => undefined);
    setTimeout(() => void this.#rehearse(), REHEARSAL_MS).unref();
  }

  /** The first interrupt is to be as quick as the others. */
  async #rehearse(): Promise<void> {
    await this.#ready;
    const isIdle = () => this.#running === undefined && !this.#ended;
    if (!isIdle()) return;
    const terminator = new Terminator(PROGRAM, this.#flag);
    await terminator.rehearse(isIdle).catch(() => undefined);
    terminator.close();
  }

  /** @throws WorkerEnded when the thread ends while the cell runs */
  async run(cell: number, compiled: CompiledCell, output: OutputSink): Promise<RunResult> {
    this.#outputs.set(cell, output);
    Atomics.store(this.#flag, REQUESTED, 0);
    return this.#busy(Promise.race([this.#client.call('run', cell, compiled), this.#abandonment()]));
  }

  /** Hands a comm message to the cells; false when nobody takes the comm that it opens. */
  async comm(message: CommMessage, output: OutputSink): Promise<boolean> {
    // Cells have positive numbers. A comm that the front end opened keeps its place for output.
    const run = -++this.#comms;
    this.#outputs.set(run, output);
    Atomics.store(this.#flag, REQUESTED, 0);
    let taken = false;
    try {
      const given = this.#abandonment().then(() => true);
      return (taken = await this.#busy(Promise.race([this.#client.call('comm', run, message), given])));
    } finally {
      if (message.type !== 'comm_open' || !taken) this.#outputs.delete(run);
    }
  }

  /** What a run ends with when it is abandoned. */
  #abandonment(): Promise<RunResult> {
    return new Promise((resolve) => (this.#abandon = resolve));
  }

  async #busy<T>(work: Promise<T>): Promise<T> {
    this.#running = work;
    try {
      return await work;
    } finally {
      this.#sendTexts();
      this.#running = undefined;
    }
  }

  /** Sends on what cells have printed. */
  #sendTexts(): void {
    clearTimeout(this.#textsTimer);
    this.#textsTimer = undefined;
    this.#readTexts();
    this.#streams.flush();
  }

  #readTexts(): void {
    this.#texts.read(this.#delivered, ({ cell, name, text }) => {
      const output = this.#outputs.get(cell);
      if (output !== undefined) this.#streams.write(output, name, text);
    });
  }

  /**
   * Stops the running cell, whatever it does, keeping all state; resolves when the thread is fit for the next cell. It never
   * resolves when the thread cannot be stopped.
   */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    Atomics.store(this.#flag, REQUESTED, 1);
    await this.#ready;
    // Ends a cell that awaits something; one that is busy gets to it when its JavaScript has been terminated.
    const interrupt = () => this.#client.call('interrupt').catch(() => undefined);
    void interrupt();
    let ended = false;
    const done = running.then(nothing, nothing).then(() => (ended = true));
    const polls = Atomics.load(this.#flag, POLLED) !== 0;
    if (polls && (await Promise.race([done, sleep(GRACE_MS, false)]))) return;
    let found = this.#isWaiting() ? await this.#endsByItself(done) : 'busy';
    if (found === 'ended') return;
    const terminator = new Terminator(PROGRAM, this.#flag);
    try {
      do {
        while (found === 'busy' && !(await terminator.terminate(() => !ended))) {
          found = await this.#endsByItself(done);
          if (found === 'ended') return;
        }
        found = 'busy';
        void interrupt();
      } while (!(await Promise.race([done, sleep(ANSWER_MS, false)])) && !(await this.#abandoned()));
    } finally {
      Atomics.store(this.#flag, REQUESTED, 0);
      terminator.close();
    }
    // The cell may have ended just before it was terminated; then it is the next call that comes to nothing.
    let free = false;
    const ping = () =>
      this.#client
        .call('ping')
        .then(nothing, nothing)
        .then(() => (free = true));
    while (!free) await Promise.race([ping(), sleep(ANSWER_MS)]);
  }

  /** Whether the thread waits in its event loop right now. */
  #isWaiting(): boolean {
    const idleMs = () => this.#client.worker.performance.eventLoopUtilization().idle;
    const before = idleMs();
    return idleMs() > before;
  }

  /** Waits for a cell that waits; tells as soon as the thread is found to be busy. */
  async #endsByItself(done: Promise<boolean>): Promise<'ended' | 'busy' | 'waits'> {
    const { performance: host } = this.#client.worker;
    const until = performance.now() + GRACE_MS;
    let before = host.eventLoopUtilization();
    while (performance.now() < until) {
      if (await Promise.race([done, sleep(BUSY_MS, false)])) return 'ended';
      const now = host.eventLoopUtilization();
      if (now.idle === before.idle) return 'busy';
      before = now;
    }
    return 'waits';
  }

  /** Ends the run when its thread is free and yet has not ended it. False when the thread is not free. */
  async #abandoned(): Promise<boolean> {
    const answered = this.#client.call('abandon').then(
      (result) => (this.#abandon(result), true),
      () => false,
    );
    return Promise.race([answered, sleep(ANSWER_MS, false)]);
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#client.worker.terminate();
  }

  #deliver(event: RunnerEvent): void {
    if (event.type === 'texts') {
      this.#textsTimer ??= setTimeout(() => this.#sendTexts(), HOLD_MS);
      return;
    }
    this.#readTexts();
    this.#texts.took(++this.#delivered);
    if (event.type === 'file') return void this.#compile(event);
    const output = this.#outputs.get(event.cell);
    if (output === undefined) return;
    if (event.type === 'stream') return this.#streams.write(output, event.name, event.text);
    this.#streams.flush();
    switch (event.type) {
      case 'display':
        return output.display(event.data, event.id);
      case 'update':
        return output.updateDisplay(event.data, event.id);
      case 'clear':
        return output.clearOutput(event.wait);
      case 'comm':
        return output.comm(event.message);
      case 'check':
        return this.onCheckMode(event.mode);
      case 'input':
        return void this.#ask(output, event);
    }
  }

  async #ask(
    output: OutputSink,
    { question, prompt, password }: RunnerEvent & { type: 'input' },
  ): Promise<void> {
    const answered = output.input(prompt, password).then(
      (value) => this.#client.call('answer', question, value, ''),
      (error: Error) => this.#client.call('answer', question, undefined, error.message),
    );
    await answered.catch(() => undefined);
  }

  async #compile({ request, specifier, from }: RunnerEvent & { type: 'file' }): Promise<void> {
    const answered = this.compileFile(specifier, from).then(
      (file) => this.#client.call('answerFile', request, file, undefined),
      ({ name, message }: Error) => this.#client.call('answerFile', request, undefined, { name, message }),
    );
    await answered.catch(nothing);
  }
}
