/** A guest may print for ever; what is kept of it is bounded. */
export const OUTPUT_LIMIT_BYTES = 1 << 20;

/** What a device sent out of the machine: the first {@link OUTPUT_LIMIT_BYTES} bytes and how many came after them. */
export class OutputBuffer {
  private store = new Uint8Array(256);
  private used = 0;
  /** Bytes that came after the limit; `onOutput` saw them, `bytes` has them not. */
  dropped = 0;
  /** Told of every byte as it is sent, dropped or not. */
  onOutput: ((byte: number) => void) | null = null;

  get length(): number {
    return this.used;
  }

  push(byte: number): void {
    this.onOutput?.(byte);
    if (this.used === OUTPUT_LIMIT_BYTES) {
      this.dropped++;
      return;
    }
    if (this.used === this.store.length) {
      const larger = new Uint8Array(this.store.length * 2);
      larger.set(this.store);
      this.store = larger;
    }
    this.store[this.used++] = byte;
  }

  /** A copy. */
  get bytes(): Uint8Array {
    return this.store.slice(0, this.used);
  }

  /** The bytes as UTF-8; what is none shows as U+FFFD. */
  get text(): string {
    return new TextDecoder().decode(this.store.subarray(0, this.used));
  }
}
