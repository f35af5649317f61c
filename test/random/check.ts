import { runImage } from '../../emulator/run.js';
import type { RunOptions, RunResult } from '../../emulator/run.js';
import { usableTechniques } from '../../emulator/vmm/catalog.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import { SWITCHES } from '../../emulator/vmm/switches.js';
import type { SwitchName, SwitchRow, Switches } from '../../emulator/vmm/switches.js';
import { generator } from '../vmm/random-guests.js';
import { imageOf } from './program.js';
import type { RandomProgram } from './program.js';
import { randomStep } from './steps.js';
import type { Random } from './steps.js';

/** How a program is run beside on the bare machine. */
export interface Variant {
  technique: Technique;
  switches: Partial<Switches>;
}

/** A program that does not end as it does on the bare machine. */
export interface Disagreement {
  program: RandomProgram;
  variant: Variant;
  /** What differs, native before the other. */
  differences: readonly string[];
}

const MAX_STEPS = 48;
const LIMITS = { instructions: 400_000, cycles: 20_000_000_000 };
/** Few enough for a timer interrupt to come many times, and enough for the slowest monitor to get on between two. */
const TIMER_DIVISORS = [0x60, 0x100, 0x400, 0x4000];

/** Every so many programs have no instruction that is sensitive without trapping, and trap-and-emulate runs them on x86 as it is. */
const CLASSICAL_EVERY = 4;

export function isClassical(seed: number): boolean {
  return seed % CLASSICAL_EVERY === 0;
}

/** Neighbouring seeds shall not give neighbouring numbers (finaliser of MurmurHash3). */
function scrambled(seed: number): Random {
  let hash = Math.imul(seed ^ (seed >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return generator((hash ^ (hash >>> 16)) >>> 0);
}

/** The program of a seed. */
export function randomProgram(seed: number): RandomProgram {
  const random = scrambled(seed);
  const steps = Array.from({ length: 4 + random(MAX_STEPS) }, () => randomStep(random, !isClassical(seed)));
  return { seed, timerDivisor: TIMER_DIVISORS[random(TIMER_DIVISORS.length)], steps };
}

/** The ways in which the program of a seed is run: each technique as it is, and with some of its switches otherwise. */
export function variantsOf(seed: number): Variant[] {
  const random = scrambled(~seed);
  return usableTechniques()
    .filter((technique) => technique !== 'native')
    .flatMap((technique) => {
      const changed = someSwitches(technique, random);
      const needed: Partial<Switches> =
        technique === 'trap-and-emulate' && !isClassical(seed) ? { sensitiveTraps: true } : {};
      const variants: Variant[] = [{ technique, switches: needed }];
      if (Object.keys(changed).length > 0) variants.push({ technique, switches: { ...changed, ...needed } });
      return variants;
    });
}

/** About a third of a technique's switches, each at some value. */
function someSwitches(technique: Technique, random: Random): Partial<Switches> {
  const rows: [string, SwitchRow][] = Object.entries(SWITCHES);
  return Object.fromEntries(
    rows
      .filter(([name, row]) => row.techniques.includes(technique) && !WITHOUT.has(name))
      .filter(() => random(3) === 0)
      .map(([name, row]) => [name, someValue(row, random)]),
  );
}

/** Without truncation a guest may see its monitor, without coherence stale code: that is what these switches are for. */
const WITHOUT: ReadonlySet<string> = new Set(['truncation', 'coherence'] satisfies SwitchName[]);

function someValue(row: SwitchRow, random: Random): boolean | string | number {
  switch (row.kind) {
    case 'flag':
      return !row.default;
    case 'choice':
      return row.values[random(row.values.length)];
    case 'count': {
      const { multipleOf = 1 } = row;
      // Small sizes are where mechanisms run out.
      const steps = Math.min(8, Math.floor((row.max - row.min) / multipleOf) + 1);
      return row.min + multipleOf * random(steps);
    }
  }
}

/** @returns null for a program that does not come to an end by itself. */
export function nativeRun(image: Uint8Array): RunResult | null {
  const native = runOf(image, { technique: 'native' });
  return native.outcome === 'budget' ? null : native;
}

function runOf(image: Uint8Array, options: RunOptions): RunResult {
  return runImage(image, { ...options, memoryBytes: 4 << 20, limits: LIMITS });
}

/** What of a variant's run differs from the bare machine's; a host error differs too. */
export function differencesOf(image: Uint8Array, native: RunResult, variant: Variant): string[] {
  try {
    return differences(native, runOf(image, variant));
  } catch (error) {
    return [`threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  }
}

function differences(native: RunResult, other: RunResult): string[] {
  const found: string[] = [];
  const compare = (what: string, a: unknown, b: unknown) => {
    const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
    if (left !== right) found.push(`${what}: ${left} became ${right}`);
  };
  compare('outcome', native.outcome, other.outcome);
  compare('exit code', native.exitCode, other.exitCode);
  compare('console', native.console, other.console);
  compare('debug console', native.debugConsole, other.debugConsole);
  for (const key of Object.keys(native.state) as (keyof RunResult['state'])[])
    compare(key, native.state[key], other.state[key]);
  compare('memory', native.memoryDigest, other.memoryDigest);
  return found;
}

/** Runs the program of one seed in every variant. @returns the first disagreement, or null; `skipped`: it does not end by itself. */
export function checkSeed(seed: number): Disagreement | 'skipped' | null {
  const program = randomProgram(seed);
  const image = imageOf(program);
  const native = nativeRun(image);
  if (!native) return 'skipped';
  for (const variant of variantsOf(seed)) {
    const found = differencesOf(image, native, variant);
    if (found.length > 0) return { program, variant, differences: found };
  }
  return null;
}
