import { types } from 'node:util';

/** A value under this key says that it has been shown already: as a cell's last value it is not shown again. */
export const ALREADY_SHOWN = Symbol.for('ringside.shown');

/** A shown value that can be replaced in place. */
export class DisplayHandle {
  readonly [ALREADY_SHOWN] = true;
  readonly #show: (value: unknown) => void;

  /** @param show puts a value where the first one stands */
  constructor(show: (value: unknown) => void) {
    this.#show = show;
  }

  /** Shows another value where the first one stands. */
  update(value: unknown): void {
    this.#show(value);
  }
}

export function isAlreadyShown(value: unknown): boolean {
  // A proxy's answer may be anything, or an error.
  return typeof value === 'object' && value !== null && !types.isProxy(value) && ALREADY_SHOWN in value;
}
