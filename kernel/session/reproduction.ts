import { findProfile } from '../../emulator/index.js';
import type { ProfileName } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { reproduce } from '../reproduce/index.js';
import type { Figure, Row } from '../reproduce/index.js';
import { reproductionTable } from '../reproduce/table.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';

/** The paper's figures and ours; as a cell's value: a table. */
export class Reproduction implements Displayable {
  constructor(
    readonly profile: string,
    readonly rows: readonly Row[],
  ) {}

  /** Those rows that have to meet something and do not. */
  get missed(): Reproduction {
    return new Reproduction(
      this.profile,
      this.rows.filter(({ met }) => met === false),
    );
  }

  [displaySymbol](): MimeBundle {
    return reproductionTable(this.profile, this.rows);
  }
}

/**
 * Runs the paper's measurements again.
 * @param figures which of them: '4' the nanobenchmarks, '6.2' forkwait, '2' and '3' the benchmarks, '5' boot and halt,
 *   'table 1', '7.1' the crossover of exit costs, '7.2' lazy traces, '7.3' the hybrid, '7.4' nested paging; without it all, which takes two minutes or more.
 * @throws RangeError for an unknown processor or figure.
 */
export function reproduction(
  options: { profile?: ProfileName; figures?: readonly Figure[] } = {},
): Reproduction {
  const profile = findProfile(options.profile ?? 'pentium4-672');
  return new Reproduction(profile.name, reproduce(profile, { figures: options.figures }));
}
