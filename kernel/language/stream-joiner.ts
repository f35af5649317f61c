import type { OutputSink } from '../protocol/index.js';

type StreamName = 'stdout' | 'stderr';

/** Text is sent on after this long, or this much of it: many lines travel as one message. */
const HOLD_MS = 10;
const HOLD_CHARACTERS = 1 << 16;

/** Joins pieces of text of one stream that come shortly after each other. */
export class StreamJoiner {
  #held: { output: OutputSink; name: StreamName; pieces: string[]; length: number } | undefined;
  #timer: NodeJS.Timeout | undefined;

  write(output: OutputSink, name: StreamName, text: string): void {
    if (this.#held !== undefined && (this.#held.output !== output || this.#held.name !== name)) this.flush();
    this.#held ??= { output, name, pieces: [], length: 0 };
    this.#held.pieces.push(text);
    this.#held.length += text.length;
    if (this.#held.length >= HOLD_CHARACTERS) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), HOLD_MS);
  }

  /** Sends on what is held. To be called before anything else goes to an output, so that order is kept. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const held = this.#held;
    this.#held = undefined;
    held?.output.stream(held.name, held.pieces.join(''));
  }
}
