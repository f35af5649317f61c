import { ACCOUNTS, findProfile, reprice } from '../../emulator/index.js';
import type {
  CpuProfile,
  GuestInputs,
  ProfileName,
  RunOptions,
  RunResult,
  Technique,
} from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { screen } from '../display/screen.js';
import { table } from '../display/table.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import { ExitTable } from './exit-table.js';
import { Flame } from './flame.js';
import { MemoryReport } from './memory.js';
import { changePrices } from './prices.js';
import type { PriceChanges } from './prices.js';
import { describeSettings } from './switches.js';
import { Timeline } from './timeline.js';
import type { TimeWindow } from './timeline.js';
import type { RunTrace } from './trace.js';

/** Options of a run in a cell. */
export type CellRunOptions = Pick<
  RunOptions,
  'technique' | 'memoryBytes' | 'limits' | 'switches' | keyof GuestInputs
> & {
  /** A processor of Ringside by its name, or one of your own. */
  profile?: ProfileName | CpuProfile;
};

/** A finished run: every field of its result, and what can be asked of it. */
export class Run implements Displayable {
  constructor(
    readonly result: RunResult,
    /** The processor whose prices the cycles are in. */
    readonly profile: CpuProfile,
    /** What it kept of what happened; null when it was not asked to. */
    readonly trace: RunTrace | null = null,
  ) {}

  get technique(): Technique {
    return this.result.technique;
  }
  get cycles(): number {
    return this.result.cycles;
  }
  get console(): string {
    return this.result.console;
  }
  /** What its shadow page tables have done. */
  get memory(): MemoryReport {
    const { technique, switches } = this.result;
    return new MemoryReport(`${technique}${describeSettings(switches)}`, [this.result]);
  }
  /** The text screen at the end. */
  get screen(): View {
    return new View(screen(this.result.screen));
  }

  /** Exits by reason: a table of counts and cycles; `plot()` stacks the counts, `histogram()` shows how long single ones took. */
  get exits(): ExitTable {
    return new ExitTable(this.technique, [this]);
  }

  /**
   * Who had the processor when: the guest, the monitor, its translator. `lanes` of it are the stretches of time.
   * @param window in cycles; all that the trace tells of unless told.
   * @throws RangeError when the run kept no trace, or nothing lies in the window.
   */
  timeline(window: TimeWindow = {}): Timeline {
    return new Timeline(this.technique, this.cycles, this.profile, this.requireTrace(), window);
  }

  /**
   * The cycles of exits by guest symbol, reason, and what the monitor did, as a flame graph. `root` of it is the tree.
   * @throws RangeError when the run kept no trace.
   */
  flame(): Flame {
    return new Flame(this.technique, this.cycles, this.requireTrace());
  }

  /** @throws RangeError when the run kept none. */
  requireTrace(): RunTrace {
    if (this.trace) return this.trace;
    throw new RangeError(
      'this run kept no trace: make it with run(guest, { trace: true }), or on a machine(); a repriced run has none',
    );
  }

  /** The same run at other prices, without running again: a profile, its name, or single prices to change. */
  reprice(to: CpuProfile | string | PriceChanges): Run {
    const profile =
      typeof to === 'string' ? findProfile(to) : isProfile(to) ? to : changePrices(this.profile, to);
    return new Run({ ...this.result, profile: profile.name, ...reprice(this.result, profile) }, profile);
  }

  [displaySymbol](): MimeBundle {
    const { result } = this;
    return table({
      caption: `${result.technique}${describeSettings(result.switches)} on ${result.profile}: ${result.detail}`,
      columns: [
        { key: 'what', label: '' },
        { key: 'value', label: 'value', format: 'integer', align: 'right' },
      ],
      rows: [
        { what: 'cycles', value: result.cycles },
        ...ACCOUNTS.filter((name) => result.accounts[name] > 0).map((name) => ({
          what: `· ${name}`,
          value: result.accounts[name],
        })),
        { what: 'instructions', value: result.instructions },
        { what: 'exits', value: exitTotal(result) },
        { what: 'hash', value: result.hash.slice(0, 16) },
      ],
    });
  }
}

function isProfile(value: CpuProfile | PriceChanges): value is CpuProfile {
  return 'prices' in value;
}

export function exitTotal(result: RunResult): number {
  return Object.values(result.exits).reduce((total, { count }) => total + count, 0);
}
