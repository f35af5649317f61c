import { Console } from 'node:console';
import type { MessagePort } from 'node:worker_threads';
import type { TextWriter } from '../text-ring.js';
import { currentCell } from './current.js';
import { REQUESTED } from './interruptible.js';
import { Interrupted } from './interruption.js';
import type { RunnerEvent } from './protocol.js';

/**
 * Everything a cell puts out, in order, to the kernel's main thread. Nothing is held back here: a cell that prints and then
 * computes for a minute would keep its words for as long. The main thread joins what comes together.
 */
export class Output {
  #messages = 0;

  constructor(
    private readonly port: MessagePort,
    private readonly texts: TextWriter,
    private readonly flags: Int32Array,
  ) {}

  /** Makes `process.stdout`, `process.stderr` and `console` of this thread write to the cell that uses them. */
  capture(): void {
    for (const name of ['stdout', 'stderr'] as const) {
      const decoder = new TextDecoder();
      process[name].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
        this.write(name, typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }));
        const done = rest.find((argument) => typeof argument === 'function') as (() => void) | undefined;
        if (done !== undefined) process.nextTick(done);
        return true;
      };
      // It is the cells' as long as the kernel lives.
      const end = (...last: unknown[]) => {
        if (last.length > 0 && typeof last[0] !== 'function') process[name].write(last[0] as string);
        return process[name];
      };
      Object.assign(process[name], { end });
    }
    // Ignoring errors, a console listens for them at each line: half of what the line takes. Here only an interrupt is one.
    const { stdout, stderr } = process;
    globalThis.console = new Console({ stdout, stderr, colorMode: false, ignoreErrors: false });
  }

  write(name: 'stdout' | 'stderr', text: string): void {
    if (text === '') return;
    const piece = { cell: currentCell(), name, text };
    const written = this.texts.write(piece, this.#messages);
    if (written === 'full') this.send({ type: 'stream', ...piece });
    else if (written === 'tell') this.port.postMessage({ event: { type: 'texts' } satisfies RunnerEvent });
  }

  /** @throws Interrupted when an interrupt is wanted of who shows more than the main thread can take */
  send(event: Exclude<RunnerEvent, { type: 'texts' }>): void {
    this.texts.keepUp(this.#messages, () => {
      if (Atomics.load(this.flags, REQUESTED) !== 0) throw new Interrupted();
    });
    this.#messages++;
    this.port.postMessage({ event });
  }
}
