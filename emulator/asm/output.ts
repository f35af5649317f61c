/** A byte buffer that grows. */
export class ByteBuffer {
  #bytes = new Uint8Array(256);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Appends `count` copies of `bytes`. */
  appendRepeated(bytes: Uint8Array, count: number): void {
    this.#reserve(bytes.length * count);
    if (bytes.length === 1) this.#bytes.fill(bytes[0], this.#length, this.#length + count);
    else for (let copy = 0; copy < count; copy++) this.#bytes.set(bytes, this.#length + copy * bytes.length);
    this.#length += bytes.length * count;
  }

  /** A copy of the bytes from `start` to `end`. */
  slice(start = 0, end = this.#length): Uint8Array {
    return this.#bytes.slice(start, end);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
