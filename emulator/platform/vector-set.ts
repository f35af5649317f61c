/** A bit for each of 256 vectors: a local APIC's ISR, TMR or IRR. */
export class VectorSet {
  /** As the APIC shows them: eight registers of 32 bits; signed. */
  readonly words = new Int32Array(8);

  add(vector: number): void {
    this.words[vector >> 5] |= 1 << (vector & 31);
  }

  delete(vector: number): void {
    this.words[vector >> 5] &= ~(1 << (vector & 31));
  }

  has(vector: number): boolean {
    return (this.words[vector >> 5] & (1 << (vector & 31))) !== 0;
  }

  clear(): void {
    this.words.fill(0);
  }

  /** The vector of highest priority, or -1. */
  get highest(): number {
    for (let index = 7; index >= 0; index--) {
      const word = this.words[index];
      if (word !== 0) return index * 32 + 31 - Math.clz32(word);
    }
    return -1;
  }
}
