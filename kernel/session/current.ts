import { findProfile, usableTechniques } from '../../emulator/index.js';
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

/**
 * Finds a wrong name, which types would not let through, where it is written instead of at the first run.
 * @throws RangeError naming the known ones.
 */
export function checkNames({ technique, profile }: { technique?: Technique; profile?: unknown }): void {
  if (technique !== undefined && !usableTechniques().includes(technique))
    throw new RangeError(
      `no technique is called '${String(technique)}'; there are: ${usableTechniques().join(', ')}`,
    );
  if (profile !== undefined && typeof profile !== 'object') findProfile(String(profile));
}
