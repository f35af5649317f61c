/** A stretch of TypeScript: text of the cell from one offset to another, or text that stands for something in it. */
export type Piece = { readonly from: number; readonly to: number } | { readonly text: string };

/** TypeScript made of a cell's text, and which offset of the one is which of the other. */
export class Rewritten {
  readonly text: string;
  /** Stretches that are the cell's own text. */
  readonly #copies: { from: number; to: number; at: number }[] = [];

  constructor(
    readonly original: string,
    pieces: readonly Piece[],
  ) {
    let text = '';
    for (const piece of pieces) {
      if ('text' in piece) {
        text += piece.text;
      } else {
        this.#copies.push({ ...piece, at: text.length });
        text += original.slice(piece.from, piece.to);
      }
    }
    this.text = text;
  }

  /** Offset in the TypeScript of an offset in the cell, which is the nearest one where the cell's text is not in it. */
  toRewritten(offset: number): number {
    const last = this.#copies.findLast(({ from }) => from <= offset);
    const holding = this.#copies.find(({ from, to }) => from <= offset && offset <= to) ?? last;
    if (holding === undefined) return 0;
    return holding.at + Math.min(offset, holding.to) - holding.from;
  }

  /** Offset in the cell of an offset in the TypeScript; of inserted text, where it was inserted. */
  toOriginal(offset: number): number {
    const last = this.#copies.findLast(({ at }) => at <= offset);
    if (last === undefined) return this.#copies[0]?.from ?? 0;
    const inside = last.from + offset - last.at;
    if (inside <= last.to) return inside;
    // Behind the copy: inserted text belongs to the line it stands for, which begins where the next copy ends a line.
    return last.to;
  }
}
