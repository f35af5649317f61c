import { inspect } from 'node:util';
import { COST_KEYS, DEFAULTS, profiles, techniques } from '../../emulator/index.js';
import type { CostKey, ProfileName, Technique } from '../../emulator/index.js';
import { escapeHtml } from '../display/bundle.js';
import type { MimeBundle } from '../display/bundle.js';
import { formatNumber } from '../display/numbers.js';
import { table } from '../display/table.js';
import { checkNames, current } from './current.js';
import { displaySymbol, View } from './display.js';
import type { Displayable } from './display.js';
import { assemble } from './guest.js';
import type { Guest } from './guest.js';
import type { StoppedGuest } from './inspection.js';
import { MAGICS } from './magics.js';
import { pointOf } from './points.js';
import type { Place, PointKind, PointKinds, PointWords, SizedKind } from './points.js';
import { exitRoundTrip } from './prices.js';
import type { PriceChanges } from './prices.js';
import type { Registers } from './registers.js';
import { Run } from './run.js';
import { Runs } from './runs.js';
import { WhatIf } from './what-if.js';
import { seedRandom } from './seed.js';

const SWEEP_STEPS = 21;

/** What magics stand for: choices for later runs, and questions about what ran last. */
export const session = {
  /** Assembles 32-bit code in NASM syntax to a guest of that name. @throws SyntaxError when it does not assemble. */
  assemble(name: string, source: string): Guest {
    return assemble(name, source);
  },

  /**
   * Chooses the technique of runs that name none; without one, shows the choice.
   * @throws RangeError naming the known ones.
   */
  technique(name?: Technique): View {
    if (name !== undefined) {
      checkNames({ technique: name });
      current.technique = name;
    }
    const chosen = current.technique ?? DEFAULTS.technique;
    const rows = techniques.map((row) => ({
      chosen: row.name === chosen ? '→' : '',
      name: row.name,
      description: row.description,
    }));
    return choice('technique of runs that name none', rows);
  },

  /**
   * Chooses the processor whose prices runs use that name none; without one, shows the choice.
   * @throws RangeError naming the known ones.
   */
  cpu(name?: ProfileName): View {
    if (name !== undefined) {
      checkNames({ profile: name });
      current.profile = name;
    }
    const chosen = current.profile ?? DEFAULTS.profile;
    const rows = profiles.map((profile) => ({
      chosen: profile.name === chosen ? '→' : '',
      name: profile.name,
      description: profile.description,
    }));
    return choice('processor of runs that name none', rows);
  },

  /** Exits of the last run or comparison, by reason. @throws Error when nothing has run. */
  exits(): Displayable {
    return lastRuns().exits;
  },

  /** Registers of the current machine's guest. @throws Error when there is none. */
  regs(): Registers {
    return currentMachine().registers;
  },

  /** Executes `count` instructions of the current machine's guest. @throws Error when there is none. */
  step(count = 1): StoppedGuest {
    return currentMachine().step(count);
  },

  /** Goes back by `count` instructions, at most to the start. @throws Error when there is no machine. */
  stepBack(count = 1): StoppedGuest {
    return currentMachine().stepBack(count);
  },

  /**
   * Stops the current machine at a point: at a place, or by kind, as `breakOn('exit', 'CR3_WRITE')`. Places are linear
   * addresses or labels.
   * @returns the point's number, for the machine's `removeBreakpoint`.
   * @throws Error when there is no machine; RangeError, TypeError for what is no point.
   */
  breakOn,

  /** What the TLB of the current machine's processor holds. @throws Error when there is no machine. */
  tlb(): View {
    return currentMachine().tlb;
  },

  /** The way of a guest-virtual address, or a label, through the guest's page tables. @throws Error without a machine. */
  pageTable(place: number | string): View {
    return currentMachine().pageTable(place);
  },

  /**
   * Reprices the last runs with one price going from `from` to `to`.
   * @param price a cost key, or 'exit' for VMRUN and #VMEXIT together
   * @throws RangeError for what is no price; Error when nothing has run.
   */
  sweep(price: CostKey | 'exit', from: number, to: number, steps = SWEEP_STEPS): Displayable {
    if (price !== 'exit' && !COST_KEYS.includes(price))
      throw new RangeError(`no price '${String(price)}'; there are: exit, ${COST_KEYS.join(', ')}`);
    if (!(Number.isFinite(from) && Number.isFinite(to)) || !(Number.isInteger(steps) && steps >= 2))
      throw new RangeError(
        'write it as %sweep PRICE FROM TO [STEPS], with at least 2 steps: %sweep exit 0 5000',
      );
    const values = Array.from({ length: steps }, (_, index) => from + ((to - from) * index) / (steps - 1));
    const change = (value: number): PriceChanges =>
      price === 'exit' ? exitRoundTrip(value) : { [price]: value };
    const label = price === 'exit' ? 'cycles of an exit and its return' : `cycles of ${price}`;
    const { guestName, all } = lastRuns();
    return new WhatIf(guestName, label, values, all, change).plot();
  },

  /** What `work` gives, with the model's cycles of the runs in it and the host's time. */
  async time<T>(work: () => Promise<T> | T): Promise<Timed<T>> {
    const before = { cycles: current.cycles, count: current.count };
    const began = performance.now();
    const value = await work();
    const hostMs = performance.now() - began;
    return new Timed(value, current.cycles - before.cycles, current.count - before.count, hostMs);
  },

  /** Makes `Math.random()` of this thread a function of the seed. @throws RangeError unless that is an integer. */
  seed(seed: number): void {
    seedRandom(seed);
  },

  /** The magics, and the calls that they stand for. */
  help(): View {
    return new View(
      table({
        caption: 'Magics. NAME? shows what a name is; a cell magic (%%) takes the rest of its cell.',
        columns: [
          { key: 'usage', label: 'magic', code: true },
          { key: 'call', label: 'in TypeScript', code: true },
          { key: 'help', label: 'what it does' },
        ],
        rows: MAGICS.map(({ usage, call, help }) => ({ usage, call: typed(call), help })),
      }),
    );
  },
};

function breakOn(place: Place): number;
function breakOn<K extends PointKind>(kind: K, about: PointKinds[K]): number;
function breakOn<K extends SizedKind>(kind: K, first: PointKinds[K], size: number): number;
function breakOn(...words: PointWords): number {
  const machine = currentMachine();
  return machine.breakOn(pointOf(words, (place) => machine.addressOf(place)));
}

/** A magic's call as a reader would write it. */
function typed(call: string): string {
  return call
    .replaceAll('__session', 'session')
    .replaceAll('{name}', 'NAME')
    .replace('{body}', '`…`')
    .replace('{words}', '…')
    .replace('{expression}', 'EXPRESSION')
    .replace(/; NAME$/, '');
}

/** A value, and what it took to get it. */
export class Timed<T> implements Displayable {
  constructor(
    readonly value: T,
    /** Model cycles of the runs in it. */
    readonly cycles: number,
    readonly runs: number,
    readonly hostMs: number,
  ) {}

  [displaySymbol](): MimeBundle {
    const line = `${formatNumber(this.cycles, 'integer')} cycles in ${this.runs} ${this.runs === 1 ? 'run' : 'runs'}; ${this.hostMs.toFixed(1)} ms of the host`;
    const shown = this.value === undefined ? undefined : bundleOf(this.value);
    if (shown === undefined) return { 'text/plain': line };
    const inner = shown['text/html'] ?? `<pre>${escapeHtml(shown['text/plain'])}</pre>`;
    return {
      'text/html': `${String(inner)}<div>${escapeHtml(line)}</div>`,
      'text/plain': `${shown['text/plain']}\n${line}`,
    };
  }
}

function bundleOf(value: unknown): MimeBundle {
  const method = (value as Partial<Displayable> | null)?.[displaySymbol];
  return typeof method === 'function' ? method.call(value) : { 'text/plain': inspect(value) };
}

function choice(caption: string, rows: { chosen: string; name: string; description: string }[]): View {
  return new View(
    table({
      caption,
      columns: [
        { key: 'chosen', label: '' },
        { key: 'name', label: 'name' },
        { key: 'description', label: 'what it is' },
      ],
      rows,
    }),
  );
}

function lastRuns(): Runs {
  const runs = current.last?.();
  if (runs === undefined)
    throw new Error("nothing has run yet: run(guest), compare(guest) or a machine's run(guest) first");
  return runs instanceof Run ? new Runs(runs.technique, [runs]) : runs;
}

function currentMachine() {
  if (current.machine === undefined)
    throw new Error('there is no machine yet: const vm = machine(); await vm.run(guest)');
  return current.machine;
}
