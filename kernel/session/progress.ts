import { interruptRequested } from './interrupt.js';

/** How a long run is going. */
export interface ProgressState {
  /** What runs: a technique, a configuration. */
  readonly label: string;
  readonly instructions: number;
  readonly cycles: number;
  /** Instructions per second of the host. */
  readonly rate: number;
  /** Of the work that is known to be ahead, from 0 to 1; null when the end is not known. */
  readonly share: number | null;
  readonly done: boolean;
}

/** Set by the kernel: shows how a run is going where the run's cell is. Without a kernel nothing is shown. */
const PROGRESS = Symbol.for('ringside.progress');

/** A run shorter than this says nothing, and a longer one ten times a second. */
const QUIET_MS = 500;
const INTERVAL_MS = 100;

/** Follows one run: tells the front end how it goes, and the run whether to go on. */
export class Progress {
  readonly #began: number;
  #shown = 0;
  #latest = { instructions: 0, cycles: 0 };

  /**
   * @param share of the instructions so far, what share of the work is done; leave it out when the end is not known
   * @param clock in milliseconds
   */
  constructor(
    private readonly label: string,
    private readonly share: (instructions: number) => number | null = () => null,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.#began = clock();
  }

  /** For `onProgress` of a run: true when the user wants it to stop. */
  readonly report = (state: { instructions: number; cycles: number }): boolean => {
    this.#latest = state;
    const now = this.clock();
    if (now - this.#began >= QUIET_MS && now - this.#shown >= INTERVAL_MS) {
      this.#shown = now;
      this.#show(false);
    }
    return interruptRequested();
  };

  /** Leaves the final state, if anything has been shown. */
  end(state: { instructions: number; cycles: number }): void {
    this.#latest = state;
    if (this.#shown > 0) this.#show(true);
  }

  #show(done: boolean): void {
    const show = (globalThis as Record<symbol, unknown>)[PROGRESS];
    if (typeof show !== 'function') return;
    const { instructions, cycles } = this.#latest;
    const seconds = (this.clock() - this.#began) / 1000;
    const share = done ? 1 : this.share(instructions);
    const state: ProgressState = {
      label: this.label,
      instructions,
      cycles,
      rate: instructions / seconds,
      share,
      done,
    };
    (show as (state: ProgressState) => void)(state);
  }
}
