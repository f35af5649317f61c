import { formatNumber } from '../display/numbers.js';
import { bar, StatusLine } from './status-line.js';
import type { StatusOutput } from './status-line.js';

/** A run shorter than this says nothing, and a longer one ten times a second. */
const QUIET_MS = 500;
const INTERVAL_MS = 100;

/** On a terminal: one line that says how a long run goes. Elsewhere nothing, as it would only fill a log. */
export class RunProgress {
  private readonly status: StatusLine;
  private readonly began: number;
  private shown = 0;

  /** @param now milliseconds of the host. */
  constructor(
    private readonly options: { technique: string; maxInstructions?: number },
    private readonly out: StatusOutput,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.status = new StatusLine(out);
    this.began = now();
  }

  /** For `onProgress` of a run, which goes on. */
  readonly report = ({ instructions, cycles }: { instructions: number; cycles: number }): false => {
    const now = this.now();
    if (!this.out.isTTY || now - this.began < QUIET_MS || now - this.shown < INTERVAL_MS) return false;
    this.shown = now;
    const { technique, maxInstructions } = this.options;
    const rate = (1000 * instructions) / (now - this.began);
    const compact = (value: number) => formatNumber(value, 'compact');
    const share = maxInstructions === undefined ? '' : `${bar(Math.min(1, instructions / maxInstructions))} `;
    this.status.show(
      `${share}${technique}: ${compact(instructions)} instructions, ${compact(cycles)} cycles, ${compact(rate)} instructions/s`,
    );
    return false;
  };

  /** Leaves the terminal as it was, for what is written next. */
  clear(): void {
    this.status.clear();
  }
}
