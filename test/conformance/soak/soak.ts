import { findProfile } from '../../../emulator/cost/catalog.js';
import { TICKS_PER_CYCLE } from '../../../emulator/cost/ledger.js';
import { Machine } from '../../../emulator/machine.js';
import type { MachineOptions, Stop } from '../../../emulator/machine.js';
import { randomSource } from '../../isa/random.js';
import { MODES, begin, fill } from './cases.js';
import type { Mode } from './cases.js';

const MEMORY_BYTES = 1 << 20;
/** Of one start. */
const LIMITS = { instructions: 100, cycles: 200_000 };
const STARTS = 12;
/** A block of code between two looks at the clock, in the dearest instructions there are: a cache flush, a port, a task switch. */
const OVERSHOOT_CYCLES = 3_000_000;
const WHOLE: Manner = { what: 'as a whole', slice: LIMITS.instructions, options: {} };
/** Other ways to run a case, which must end as the whole does. */
const MANNERS: readonly Manner[] = [
  { what: 'in slices of 1', slice: 1, options: {} },
  { what: 'in slices of 7', slice: 7, options: {} },
  { what: 'by the interpreter alone', slice: LIMITS.instructions, options: { engine: 'interpreter' } },
  { what: 'with everything compiled', slice: LIMITS.instructions, options: { hotInstructions: 1 } },
];

/** How a case is run. */
interface Manner {
  what: string;
  /** Instructions of one piece. */
  slice: number;
  options: Pick<MachineOptions, 'engine' | 'hotInstructions'>;
}

/** What became of one case. */
export interface Finding {
  /** What is wrong, or null. */
  problem: string | null;
  /** What the guest was charged for, by cost key. */
  counts: Readonly<Record<string, number>>;
}

/** The accounts sum to the clock. */
function balances({ ledger }: Machine): boolean {
  const cycles = Object.values(ledger.accounts()).reduce((total, account) => total + account, 0);
  return Math.round(cycles * TICKS_PER_CYCLE) === ledger.ticks;
}

/** Runs up to the limits, in pieces of `slice` instructions; on the way nothing may depend on the pieces. */
function run(machine: Machine, slice: number): Stop {
  const { cpu, ledger } = machine;
  const endInstructions = cpu.instructions + LIMITS.instructions;
  const endTicks = ledger.ticks + LIMITS.cycles * TICKS_PER_CYCLE;
  for (;;) {
    const left = endInstructions - cpu.instructions;
    const stop = machine.run({
      instructions: Math.min(slice, left),
      cycles: (endTicks - ledger.ticks) / TICKS_PER_CYCLE,
    });
    const isSlice = stop.kind === 'budget' && stop.budget === 'instructions';
    if (!isSlice || cpu.instructions >= endInstructions) return stop;
  }
}

/** One case: a number of starts in one memory. */
function play(
  mode: Mode,
  seed: number,
  { slice, options }: Manner,
): { machine: Machine; stops: Stop[]; problem: string | null } {
  const profile = findProfile('pentium4-672');
  const machine = Machine.create({ profile, memoryBytes: MEMORY_BYTES, ...options });
  const random = randomSource(seed);
  const stops: Stop[] = [];
  fill(machine, random);
  for (let start = 0; start < STARTS; start++) {
    begin(machine, mode, random);
    const { cycles } = machine.ledger;
    const { instructions } = machine.cpu;
    stops.push(run(machine, slice));
    const spentInstructions = machine.cpu.instructions - instructions;
    const spentCycles = machine.ledger.cycles - cycles;
    const over = spentInstructions > LIMITS.instructions || spentCycles > LIMITS.cycles + OVERSHOOT_CYCLES;
    if (over) {
      const problem = `start ${start}: ${spentInstructions} instructions, ${spentCycles} cycles`;
      return { machine, stops, problem };
    }
  }
  return { machine, stops, problem: balances(machine) ? null : 'the accounts do not sum to the clock' };
}

function differences(one: Machine, other: Machine): string[] {
  const found: string[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) !== JSON.stringify(b))
      found.push(`${what}: ${JSON.stringify(a)} | ${JSON.stringify(b)}`);
  };
  compare('state', one.state(), other.state());
  compare('ticks', one.ledger.ticks, other.ledger.ticks);
  compare('counts', one.ledger.snapshot(), other.ledger.snapshot());
  compare('instructions', one.cpu.instructions, other.cpu.instructions);
  if (!Buffer.from(one.memory.u8).equals(Buffer.from(other.memory.u8))) found.push('memory');
  return found;
}

/** One case, run as a whole, and for one seed in `compareEvery` in another manner too. Never throws. */
export function soak(mode: Mode, seed: number, compareEvery: number): Finding {
  try {
    const { machine, stops, problem } = play(mode, seed, WHOLE);
    const counts = machine.ledger.snapshot().guest ?? {};
    if (problem !== null || seed % compareEvery !== 0) return { problem, counts };
    const manner = MANNERS[(seed / compareEvery) % MANNERS.length];
    const other = play(mode, seed, manner);
    const found = differences(machine, other.machine);
    if (JSON.stringify(other.stops) !== JSON.stringify(stops)) {
      found.unshift(`ends: ${JSON.stringify(stops)} | ${JSON.stringify(other.stops)}`);
    }
    const text = found.length === 0 ? null : `${manner.what}: ${found.join('; ').slice(0, 2000)}`;
    return { problem: text, counts };
  } catch (error) {
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error), counts: {} };
  }
}

/** A mode by the start of its name. */
export function findMode(name: string): Mode | undefined {
  return MODES.find((mode) => mode.name.startsWith(name));
}
