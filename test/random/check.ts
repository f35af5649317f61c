import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import type { Engine, GuestState, Machine } from '../../emulator/machine.js';
import { loadImage, parseImage } from '../../emulator/platform/image.js';
import { DEFAULTS } from '../../emulator/run.js';
import { createVmm, usableTechniques } from '../../emulator/vmm/catalog.js';
import type { Technique } from '../../emulator/vmm/catalog.js';
import { SWITCHES } from '../../emulator/vmm/switches.js';
import type { SwitchRow, Switches } from '../../emulator/vmm/switches.js';
import type { GuestStop } from '../../emulator/vmm/vmm.js';
import { EVERY_OPTION, WRONG_ON_PURPOSE } from '../equivalence/switch-variants.js';
import { generator } from '../vmm/random-guests.js';
import { imageOf, inARow, RUNNING_GPA } from './program.js';
import type { RandomProgram } from './program.js';
import { randomStep } from './steps.js';
import type { Random } from './steps.js';

/** How a program is run beside on the bare machine. */
export interface Variant {
  technique: Technique;
  switches: Partial<Switches>;
  /** The interpreter unless told. */
  engine?: Engine;
  /** The default one unless told. */
  profile?: CpuProfile;
}

/** A program that does not end as it does on the bare machine. */
export interface Disagreement {
  program: RandomProgram;
  variant: Variant;
  /** What differs, native before the other. */
  differences: readonly string[];
}

const MAX_STEPS = 48;
const LIMITS = { instructions: 200_000, cycles: 20_000_000_000 };
/** Few enough for a timer interrupt to come many times, and enough for the slowest monitor to get on between two. */
const TIMER_DIVISORS = [0x60, 0x100, 0x400, 0x4000];

/** So many programs are run in a row: most of the time that one takes is its machine's and its kernel's. */
export const IN_A_ROW = 10;

/** Every so many rows have no instruction that is sensitive without trapping, and trap-and-emulate runs them on x86 as it is. */
const CLASSICAL_EVERY = 4;

export function isClassical(seed: number): boolean {
  return Math.floor(seed / IN_A_ROW) % CLASSICAL_EVERY === 0;
}

/** Neighbouring seeds shall not give neighbouring numbers (finaliser of MurmurHash3). */
export function scrambled(seed: number): Random {
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

/** How thoroughly a seed is checked: `quick` runs each technique in one of the two ways, as it is or otherwise. */
export type Depth = 'quick' | 'thorough';

/** The ways in which the program of a seed is run: each technique as it is, and with some of its switches otherwise. */
export function variantsOf(seed: number, depth: Depth = 'thorough'): Variant[] {
  const random = scrambled(~seed);
  const profile = profileOf(seed);
  const engine = Math.floor(seed / IN_A_ROW) % COMPILED_EVERY === 0 ? 'compiled' : 'interpreter';
  return usableTechniques()
    .filter((technique) => technique !== 'native')
    .flatMap((technique) => {
      const changed = someSwitches(technique, random);
      const needed: Partial<Switches> =
        technique === 'trap-and-emulate' && !isClassical(seed) ? { sensitiveTraps: true } : {};
      const plain: Variant = { technique, switches: needed, engine, profile };
      // A kernel in ring 3 is not refused a segment for an RPL of 3, which is another thing that does not trap.
      const inRing3 = changed.kernelRing === 'ring3' ? { sensitiveTraps: true } : {};
      const other: Variant = { technique, switches: { ...changed, ...needed, ...inRing3 }, engine, profile };
      const both = Object.keys(changed).length > 0 ? [plain, other] : [plain];
      return depth === 'quick' ? [both[random(both.length)]] : both;
    });
}

/**
 * Programs are too short for compiled code to pay, and most of what they execute would not be compiled at all; what is
 * gets random programs of its own (test/cpu/jit). So few run with it here.
 */
const COMPILED_EVERY = 16;

/** Every so many rows run on the default processor, the others on one on which every switch of the hardware family changes something. */
const USUAL_EVERY = 3;

export function profileOf(seed: number): CpuProfile {
  return Math.floor(seed / IN_A_ROW) % USUAL_EVERY === 0 ? usual : EVERY_OPTION;
}

/** About a third of a technique's switches, each at some value. */
export function someSwitches(technique: Technique, random: Random): Partial<Switches> {
  const rows: [string, SwitchRow][] = Object.entries(SWITCHES);
  return Object.fromEntries(
    rows
      .filter(([name, row]) => row.techniques.includes(technique) && !WRONG_ON_PURPOSE.has(name))
      .filter(() => random(3) === 0)
      .map(([name, row]) => [name, someValue(row, random)]),
  );
}

/** The value of `policy` that asks for a recording of the guest, which is made by running it first. */
const RECORDED = 'oracle';

function someValue(row: SwitchRow, random: Random): boolean | string | number {
  switch (row.kind) {
    case 'flag':
      return !row.default;
    case 'choice': {
      const values = row.values.filter((value) => value !== RECORDED && value !== row.default);
      return values[random(values.length)];
    }
    case 'count': {
      const { multipleOf = 1 } = row;
      // Small sizes are where mechanisms run out.
      const steps = Math.min(8, Math.floor((row.max - row.min) / multipleOf) + 1);
      return row.min + multipleOf * random(steps);
    }
  }
}

/** A program that has run: how it ended, and the machine that it ran on. */
export interface Execution {
  stop: GuestStop;
  guest: Machine;
}

export const MEMORY_BYTES = 4 << 20;
const usual = findProfile(DEFAULTS.profile);

/** @returns null for a program that does not come to an end by itself. */
export function nativeRun(image: Uint8Array, profile = usual): Execution | null {
  const native = execute(image, { technique: 'native', switches: {}, profile });
  return native.stop.kind === 'budget' ? null : native;
}

function execute(image: Uint8Array, variant: Variant): Execution {
  const { technique, switches, engine = 'interpreter', profile = usual } = variant;
  const vmm = createVmm(technique, { profile, memoryBytes: MEMORY_BYTES, switches, engine });
  loadImage(vmm.guest, parseImage(image));
  return { stop: vmm.run(LIMITS), guest: vmm.guest };
}

/** What of a variant's run differs from the bare machine's; a host error differs too. */
export function differencesOf(image: Uint8Array, native: Execution, variant: Variant): string[] {
  try {
    return differences(native, execute(image, variant));
  } catch (error) {
    return [`threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
  }
}

export function differences(native: Execution, other: Execution): string[] {
  const found: string[] = [];
  const compare = (what: string, a: unknown, b: unknown) => {
    const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
    if (left !== right) found.push(`${what}: ${left} became ${right}`);
  };
  compare('end', endOf(native.stop), endOf(other.stop));
  const [a, b] = [native.guest, other.guest];
  compare('console', a.platform.console.uart, b.platform.console.uart);
  compare('debug console', a.platform.console.debugPort, b.platform.console.debugPort);
  const [left, right] = [a.state(), b.state()];
  for (const key of Object.keys(left) as (keyof GuestState)[]) compare(key, left[key], right[key]);
  if (Buffer.compare(a.memory.u8, b.memory.u8) !== 0) found.push(`memory: ${memoryDifference(a, b)}`);
  return found;
}

/** Of a triple fault, a technique need not know how it came about. */
function endOf({ kind, ...rest }: GuestStop): object {
  return kind === 'exit' ? { kind, ...rest } : { kind };
}

/** The first words that differ. */
function memoryDifference({ memory: a }: Machine, { memory: b }: Machine): string {
  const found: string[] = [];
  for (let gpa = 0; gpa < a.sizeBytes && found.length < 8; gpa += 4) {
    const [left, right] = [a.read32(gpa), b.read32(gpa)];
    if (left !== right)
      found.push(`[0x${gpa.toString(16)}] 0x${left.toString(16)} became 0x${right.toString(16)}`);
  }
  return found.join(', ');
}

/** Of the programs of some seeds: how many have come to an end by themselves, and where techniques disagree. */
export interface Verdict {
  ended: number;
  disagreements: Disagreement[];
}

/** Runs the program of one seed in its variants. */
export function checkSeed(seed: number, depth: Depth = 'thorough'): Verdict {
  const program = randomProgram(seed);
  const image = imageOf(program);
  const native = nativeRun(image, profileOf(seed));
  if (!native) return { ended: 0, disagreements: [] };
  return { ended: 1, disagreements: disagreement(program, image, native, variantsOf(seed, depth)) };
}

/**
 * Runs the programs of seeds from `first` up to the next multiple of IN_A_ROW in a row, but for those that would end it.
 * @param end no seed from this one on.
 */
export function checkRow(first: number, end: number, depth: Depth = 'thorough'): Verdict & { next: number } {
  const next = Math.min(end, (Math.floor(first / IN_A_ROW) + 1) * IN_A_ROW);
  const verdict: Verdict = { ended: 0, disagreements: [] };
  const add = ({ ended, disagreements }: Verdict) => {
    verdict.ended += ended;
    verdict.disagreements.push(...disagreements);
  };
  const seeds = Array.from({ length: next - first }, (_, index) => first + index);
  while (seeds.length > 0) {
    const program = inARow(seeds.map(randomProgram));
    const image = imageOf(program);
    const native = execute(image, { technique: 'native', switches: {}, profile: profileOf(first) });
    if (native.stop.kind !== 'exit') {
      const [last] = seeds.splice(native.guest.memory.read32(RUNNING_GPA), 1);
      if (native.stop.kind !== 'budget') add(checkSeed(last, depth));
      continue;
    }
    add({
      ended: seeds.length,
      disagreements: disagreement(program, image, native, variantsOf(first, depth)),
    });
    break;
  }
  return { next, ...verdict };
}

/** The first of the variants that disagrees, if one does. */
function disagreement(
  program: RandomProgram,
  image: Uint8Array,
  native: Execution,
  variants: readonly Variant[],
): Disagreement[] {
  for (const variant of variants) {
    const found = differencesOf(image, native, variant);
    if (found.length > 0) return [{ program, variant, differences: found }];
  }
  return [];
}
