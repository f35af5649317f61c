import type { MimeBundle } from '../display/bundle.js';

/** What the kernel looks for in a cell's last value: a method under this key returns the value's MIME bundle. */
export const displaySymbol = Symbol.for('Jupyter.display');

/** A value that a notebook shows as more than its text. */
export interface Displayable {
  [displaySymbol](): MimeBundle;
}

/** Wraps a bundle so that a cell can end with it. */
export class View implements Displayable {
  constructor(private readonly bundle: MimeBundle) {}

  [displaySymbol](): MimeBundle {
    return this.bundle;
  }

  /** The plain text of the view, for terminals and tests. */
  toString(): string {
    return this.bundle['text/plain'];
  }
}
