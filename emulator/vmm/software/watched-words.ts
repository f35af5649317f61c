/** Words of memory and what they held, for something that was derived from them. */
export class WatchedWords {
  private readonly places: number[] = [];
  private readonly values: number[] = [];

  /** @param memory all of the machine's buffer. */
  constructor(private readonly memory: Int32Array) {}

  /** @param bytes offset in the buffer. @returns false unless it is that of a whole word. */
  watch(bytes: number, count: number): boolean {
    if (bytes % Int32Array.BYTES_PER_ELEMENT !== 0) return false;
    for (let word = 0; word < count; word++) {
      const place = bytes / Int32Array.BYTES_PER_ELEMENT + word;
      this.places.push(place);
      this.values.push(this.memory[place]);
    }
    return true;
  }

  /** They hold it still. */
  get stand(): boolean {
    const { memory, places, values } = this;
    for (let at = 0; at < places.length; at++) if (memory[places[at]] !== values[at]) return false;
    return true;
  }
}
