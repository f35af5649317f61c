import type { Word } from '../../machine.js';

const WORD = 4;

/** Words of memory and what they hold, for something that is derived from them. */
export class WatchedWords {
  readonly words: Word[] = [];

  /** @param memory all of the machine's buffer. */
  constructor(private readonly memory: Int32Array) {}

  /** @param place byte offset in the buffer. @returns false unless it is that of a whole word. */
  watch(place: number, count: number): boolean {
    if (place % WORD !== 0) return false;
    for (let word = 0; word < count; word++)
      this.words.push([place + word * WORD, this.memory[place / WORD + word]]);
    return true;
  }
}
