/**
 * Text on its way from the thread that runs cells to the main thread, in memory that both share: a message for each piece
 * would cost more than the piece. What does not fit goes as a message. Pieces keep their place
 * among messages: each carries how many messages the writer had posted before it.
 */

/**
 * Int32 elements at the start: bytes written and read so far, modulo 2^32, whether the reader has been told, and how many
 * messages of the writer it has taken.
 */
const WRITTEN = 0;
const READ = 1;
const TOLD = 2;
const TAKEN = 3;
const HEADER_BYTES = 16;
/** Int32 elements before each piece: its bytes, the messages before it, its cell, its stream. */
const PIECE_HEADER_BYTES = 16;
/** A power of two, so that counts modulo 2^32 stay in step with it. */
const CAPACITY_BYTES = 1 << 18;
const LONGEST_CHARACTERS = CAPACITY_BYTES / 8;

/** Half of a pair, which UTF-8 cannot say: it may belong to the next piece. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const STREAMS = ['stdout', 'stderr'] as const;

export interface Piece {
  readonly cell: number;
  readonly name: (typeof STREAMS)[number];
  readonly text: string;
}

export function textRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + CAPACITY_BYTES);
}

/** Pieces lie at multiples of four bytes, and each in one piece: what is left at the end of the ring is skipped. */
const SKIP = -1;

class Ring {
  protected readonly state: Int32Array;
  protected readonly bytes: Uint8Array;
  protected readonly words: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.state = new Int32Array(shared, 0, HEADER_BYTES / 4);
    this.bytes = new Uint8Array(shared, HEADER_BYTES);
    this.words = new Int32Array(shared, HEADER_BYTES);
  }

  protected at(count: number): number {
    return count & (CAPACITY_BYTES - 1);
  }
}

/** The writer waits when so many of its messages have not been taken. */
const MOST_AHEAD = 500;
const WAIT_MS = 20;

export class TextWriter extends Ring {
  readonly #encoder = new TextEncoder();
  /** Where a piece is made before it is known how long it is. */
  #scratch = new Uint8Array(1024);

  /**
   * @param messages how many the writer has posted
   * @returns whether it fitted, and whether the reader has yet to be told that there is something
   */
  write({ cell, name, text }: Piece, messages: number): 'told' | 'tell' | 'full' {
    if (text.length > LONGEST_CHARACTERS || LONE_SURROGATE.test(text)) return 'full';
    if (this.#scratch.length < 3 * text.length) this.#scratch = new Uint8Array(6 * text.length);
    const { written: length } = this.#encoder.encodeInto(text, this.#scratch);
    const needed = PIECE_HEADER_BYTES + ((length + 3) & ~3);
    let from = Atomics.load(this.state, WRITTEN);
    const free = CAPACITY_BYTES - ((from - Atomics.load(this.state, READ)) >>> 0);
    const toEnd = CAPACITY_BYTES - this.at(from);
    const skipped = toEnd < needed ? toEnd : 0;
    if (free < needed + skipped) return 'full';
    if (skipped > 0) {
      this.words[this.at(from) >> 2] = SKIP;
      from = (from + skipped) | 0;
    }
    const word = this.at(from) >> 2;
    this.words[word] = length;
    this.words[word + 1] = messages;
    this.words[word + 2] = cell;
    this.words[word + 3] = STREAMS.indexOf(name);
    this.bytes.set(this.#scratch.subarray(0, length), this.at(from) + PIECE_HEADER_BYTES);
    // Last: a writer that is terminated amid all this has written nothing.
    Atomics.store(this.state, WRITTEN, (from + needed) | 0);
    return Atomics.exchange(this.state, TOLD, 1) === 0 ? 'tell' : 'told';
  }

  /**
   * Waits while the reader is far behind: what is shown without end would keep it from everything else, an interrupt too.
   * @param messages how many the writer has posted @param onWait called before each wait; may throw
   */
  keepUp(messages: number, onWait: () => void): void {
    for (;;) {
      const taken = Atomics.load(this.state, TAKEN);
      if (messages - taken <= MOST_AHEAD) return;
      onWait();
      Atomics.wait(this.state, TAKEN, taken, WAIT_MS);
    }
  }
}

export class TextReader extends Ring {
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** Lets a writer that waits know how many of its messages have been taken. */
  took(messages: number): void {
    Atomics.store(this.state, TAKEN, messages);
    Atomics.notify(this.state, TAKEN);
  }

  /** Hands out what was written before the writer's message of this number, in order. */
  read(messages: number, take: (piece: Piece) => void): void {
    Atomics.store(this.state, TOLD, 0);
    for (;;) {
      const from = Atomics.load(this.state, READ);
      if (from === Atomics.load(this.state, WRITTEN)) return;
      const at = this.at(from);
      const length = this.words[at >> 2];
      if (length === SKIP) {
        Atomics.store(this.state, READ, (from + CAPACITY_BYTES - at) | 0);
        continue;
      }
      const word = at >> 2;
      if (this.words[word + 1] > messages) return;
      const cell = this.words[word + 2];
      const name = STREAMS[this.words[word + 3]];
      const text = this.#decoder.decode(
        this.bytes.slice(at + PIECE_HEADER_BYTES, at + PIECE_HEADER_BYTES + length),
      );
      Atomics.store(this.state, READ, (from + PIECE_HEADER_BYTES + ((length + 3) & ~3)) | 0);
      take({ cell, name, text });
    }
  }
}
