import { TICKS_PER_CYCLE } from '../../emulator/index.js';
import type { GuestRun, TraceEvent } from '../../emulator/index.js';
import { formatNumber } from '../display/numbers.js';
import { table } from '../display/table.js';
import type { MimeBundle } from '../display/bundle.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import type { Flame } from './flame.js';
import type { Run } from './run.js';
import type { Timeline, TimeWindow } from './timeline.js';

/** Of the newest events, as many as are shown unless told. */
const SHOWN = 50;

/** What a machine's recorder holds. As a cell's value: a table of the newest events. */
export class MachineTrace implements Displayable {
  constructor(
    private readonly guestRun: GuestRun,
    private readonly standing: () => Run,
  ) {}

  /** The events, oldest first. */
  get events(): readonly TraceEvent[] {
    return this.guestRun.vmm.host.trace.query();
  }

  /** The newest `count` events as a table. */
  last(count: number): View {
    const { trace } = this.guestRun.vmm.host;
    const events = trace.last(count);
    return new View(
      table({
        caption: `last ${events.length} events${trace.dropped > 0 ? `; ${formatNumber(trace.dropped, 'integer')} older ones were dropped` : ''}`,
        columns: [
          { key: 'cycle', label: 'cycle', format: 'integer' },
          { key: 'kind', label: 'event' },
          { key: 'detail', label: 'detail' },
        ],
        rows: events.map(({ ticks, kind, ...detail }) => ({
          cycle: ticks / TICKS_PER_CYCLE,
          kind,
          detail: Object.entries(detail)
            .filter(([, value]) => value !== null)
            .map(([name, value]) => `${name} ${typeof value === 'number' ? numberOf(name, value) : value}`)
            .join(', '),
        })),
      }),
    );
  }

  [displaySymbol](): MimeBundle {
    return this.last(SHOWN)[displaySymbol]();
  }

  /** Who had the processor when, up to where the guest stands. @throws RangeError when nothing lies in the window. */
  timeline(window: TimeWindow = {}): Timeline {
    return this.standing().timeline(window);
  }

  /** The cycles of exits so far by guest symbol, reason, and what the monitor did. */
  flame(): Flame {
    return this.standing().flame();
  }
}

const IN_HEX: readonly string[] = ['eip', 'gva', 'gpa', 'cr2', 'port', 'value'];

function numberOf(name: string, value: number): string {
  return IN_HEX.includes(name) ? `0x${value.toString(16)}` : formatNumber(value, 'decimal');
}
