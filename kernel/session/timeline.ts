import { LANES, TICKS_PER_CYCLE, traceLanes } from '../../emulator/index.js';
import type { CpuProfile, Lane, LaneSpan } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { formatNumber } from '../display/numbers.js';
import { lanes } from '../display/plot.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';
import { droppedNote } from './trace.js';
import type { RunTrace } from './trace.js';

/** From one moment to another, in cycles of the run. */
export interface TimeWindow {
  readonly fromCycle?: number;
  readonly toCycle?: number;
}

/** A share that would be shown as nothing. */
const LEAST_IDLE = 0.0005;

const NAMES: Readonly<Record<Lane, string>> = { guest: 'guest', vmm: 'VMM', translator: 'translator' };

/** Who had the processor when. As a cell's value: a picture with a lane for each. */
export class Timeline implements Displayable {
  readonly fromCycle: number;
  readonly toCycle: number;
  /** Stretches of time by who had the processor; of the monitor's, each is an exit. */
  readonly lanes: Readonly<Record<Lane, readonly LaneSpan[]>>;
  private readonly title: string;

  /** Of the window, what the trace tells of. @throws RangeError when that is nothing. */
  constructor(
    name: string,
    cycles: number,
    { prices }: CpuProfile,
    trace: RunTrace,
    { fromCycle = 0, toCycle = cycles }: TimeWindow,
  ) {
    const known = trace.dropped > 0 ? trace.events[0].ticks / TICKS_PER_CYCLE : 0;
    this.fromCycle = Math.max(fromCycle, known);
    this.toCycle = Math.min(toCycle, cycles);
    if (!(this.fromCycle < this.toCycle))
      throw new RangeError(
        `a timeline from cycle ${fromCycle} to ${toCycle}: the run has ${known} to ${cycles}`,
      );
    ({ lanes: this.lanes } = traceLanes(trace.events, {
      fromCycle: this.fromCycle,
      toCycle: this.toCycle,
      translateInstructionCycles: prices['translate.instruction'].value,
    }));
    this.title = `Who has the processor: ${name}${this.#idleNote()}${droppedNote(trace)}`;
  }

  /** What a title says of the time that is in no lane. */
  #idleNote(): string {
    const spans = LANES.flatMap((lane) => this.lanes[lane]);
    const taken = spans.reduce((sum, { fromCycle, toCycle }) => sum + toCycle - fromCycle, 0);
    const share = 1 - taken / (this.toCycle - this.fromCycle);
    return share < LEAST_IDLE ? '' : `; nobody for ${formatNumber(share, 'percent')} of the time (HLT)`;
  }

  [displaySymbol](): MimeBundle {
    return lanes({
      title: this.title,
      xLabel: 'cycles',
      from: this.fromCycle,
      to: this.toCycle,
      lanes: LANES.map((lane) => ({
        name: NAMES[lane],
        spans: this.lanes[lane].map(({ fromCycle: from, toCycle: to, what }) => ({ from, to, what })),
      })),
    });
  }
}
