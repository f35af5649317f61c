import { exitFlame } from '../../emulator/index.js';
import type { FlameNode } from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { formatNumber } from '../display/numbers.js';
import { flame } from '../display/plot.js';
import type { FlameBox } from '../display/plot.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';
import { droppedNote } from './trace.js';
import type { RunTrace } from './trace.js';

/** Where the cycles of exits went. As a cell's value: a flame graph. */
export class Flame implements Displayable {
  /** By guest symbol, then by reason, then by what the monitor did. */
  readonly root: FlameNode;

  constructor(
    private readonly name: string,
    private readonly cycles: number,
    private readonly trace: RunTrace,
  ) {
    this.root = exitFlame(trace.events, trace.symbols);
  }

  [displaySymbol](): MimeBundle {
    const share = formatNumber(this.root.cycles / this.cycles, 'percent');
    return flame({
      title: `Cycles of exits: ${this.name}, ${share} of all${droppedNote(this.trace)}`,
      unit: 'cycles',
      levels: ['all', 'symbol', 'reason', 'handler'],
      root: boxOf(this.root),
    });
  }
}

function boxOf({ name, cycles, children }: FlameNode): FlameBox {
  return { name, value: cycles, children: children.map(boxOf) };
}
