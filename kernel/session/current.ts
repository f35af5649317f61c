import type { ProfileName, Technique } from '../../emulator/index.js';
import type { CellMachine } from './machine.js';
import type { Run } from './run.js';
import type { Runs } from './runs.js';

/** What magics and calls without arguments speak of: the notebook's choices, and what ran last. */
export interface Current {
  /** Of runs that name none. */
  technique?: Technique;
  profile?: ProfileName;
  /** Gives the last run, finished or standing, or comparison of runs. */
  last?: () => Run | Runs;
  /** The last machine that was made. */
  machine?: CellMachine;
  /** Model cycles of all runs so far. */
  cycles: number;
  /** How many runs there were. */
  count: number;
}

export const current: Current = { cycles: 0, count: 0 };

/** Options with the notebook's choices where they name none. */
export function withChoices<T extends { technique?: Technique; profile?: unknown }>(options: T): T {
  const { technique, profile } = current;
  return { ...(technique && { technique }), ...(profile && { profile }), ...options };
}
