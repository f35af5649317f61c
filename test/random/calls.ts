import { Machine } from '../../emulator/machine.js';
import type { Engine } from '../../emulator/machine.js';
import { loadImage, parseImage } from '../../emulator/platform/image.js';
import { GUEST_HPA, MONITOR_BYTES } from '../../emulator/vmm/layout.js';
import { NativeVmm } from '../../emulator/vmm/native.js';
import { BinaryTranslationVmm } from '../../emulator/vmm/software/binary-translation.js';
import type { Switches } from '../../emulator/vmm/switches.js';
import type { GuestStop } from '../../emulator/vmm/vmm.js';
import { countLongWays, countsOf } from '../vmm/software/counts.js';
import { callStep } from './call-steps.js';
import { MEMORY_BYTES, differences, profileOf, scrambled, someSwitches } from './check.js';
import { imageOf } from './program.js';
import type { RandomProgram } from './program.js';
import { randomStep } from './steps.js';

/*
 * Random programs whose user code calls its kernel over and over, under binary translation: compiled code, which goes the
 * monitor's short ways, against the interpreter, which goes none, and against the bare machine.
 */

const LIMITS = { instructions: 1_500_000, cycles: 20_000_000_000 };
/** Few, so that short ways are compiled from nearly the first call on. */
const HOT_INSTRUCTIONS = 20;
const SALT = 0x5ca1_1ed5;

/** The program of a seed. */
export function callProgram(seed: number): RandomProgram {
  const random = scrambled(seed ^ SALT);
  const others = () => Array.from({ length: random(3) }, () => randomStep(random, true));
  const steps = Array.from({ length: 1 + random(2) }, () => [...others(), callStep(random)]).flat();
  return { seed, timerDivisor: DIVISORS[random(DIVISORS.length)], steps: [...steps, ...others()] };
}

/** Divisors of the interval timer: a call takes the monitor some microseconds, and several shall come between interrupts. */
const DIVISORS = [0x100, 0x400, 0x1000, 0x4000];

/** How a seed's program is run: its switches, and the instructions of a slice of the compiled run. */
interface Way {
  switches: Partial<Switches>;
  slice: number | null;
}

const SWITCHED_EVERY = 5;
const SLICED_EVERY = 4;

function wayOf(seed: number): Way {
  const random = scrambled(~(seed ^ SALT));
  const switches = someSwitches('binary-translation', random);
  // With others than the default ones there are no short ways.
  delete switches.traces;
  return {
    switches: seed % SWITCHED_EVERY === 0 ? switches : {},
    slice: seed % SLICED_EVERY === 0 ? 100 + random(5000) : null,
  };
}

function translated(
  image: Uint8Array,
  seed: number,
  engine: Engine,
  { switches }: Way,
): BinaryTranslationVmm {
  const profile = profileOf(seed);
  const host = Machine.create({
    profile,
    memoryBytes: MONITOR_BYTES + MEMORY_BYTES,
    engine,
    hotInstructions: HOT_INSTRUCTIONS,
  });
  const place = { host, monitorHpa: 0, guestHpa: GUEST_HPA, asid: 1, isShared: false };
  const vmm = new BinaryTranslationVmm({ profile, memoryBytes: MEMORY_BYTES, switches, place });
  loadImage(vmm.guest, parseImage(image));
  return vmm;
}

function run(vmm: BinaryTranslationVmm, slice: number | null): GuestStop {
  if (slice === null) return vmm.run(LIMITS);
  for (let left = LIMITS.instructions; left > 0; left -= slice) {
    const stop = vmm.run({ ...LIMITS, instructions: slice });
    if (stop.kind !== 'budget') return stop;
  }
  return { kind: 'budget', budget: 'instructions' };
}

export interface CallVerdict {
  /** Null for a program that does not come to an end by itself. */
  differences: readonly string[] | null;
  exits: number;
  /** Exits of the compiled run that took the short way. */
  shortWays: number;
}

/** @param program of the seed, or what has been left of it. */
export function checkCalls(seed: number, program = callProgram(seed)): CallVerdict {
  const image = imageOf(program);
  const native = new NativeVmm({ profile: profileOf(seed), memoryBytes: MEMORY_BYTES, engine: 'compiled' });
  loadImage(native.guest, parseImage(image));
  const bare = { stop: native.run(LIMITS), guest: native.guest };
  if (bare.stop.kind === 'budget') return { differences: null, exits: 0, shortWays: 0 };
  const way = wayOf(seed);
  try {
    const long = translated(image, seed, 'interpreter', way);
    const expected = { stop: run(long, null), guest: long.guest };
    const short = translated(image, seed, 'compiled', way);
    const longWays = countLongWays(short);
    const found = { stop: run(short, way.slice), guest: short.guest };
    const [left, right] = [countsOf(long), countsOf(short)];
    const exits = [...short.exits.values()].reduce((sum, { count }) => sum + count, 0);
    const all = [
      ...differences(expected, found).map((what) => `long way: ${what}`),
      ...Object.keys(left)
        .filter((key) => JSON.stringify(left[key]) !== JSON.stringify(right[key]))
        .map((key) => `${key}: ${JSON.stringify(left[key])} became ${JSON.stringify(right[key])}`),
      ...differences(bare, found)
        // Interrupts leave something behind, unless the program comes to its end.
        .filter((what) => bare.stop.kind === 'exit' || what.startsWith('end'))
        .map((what) => `bare machine: ${what}`),
    ];
    return { differences: all, exits, shortWays: exits - longWays() };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { differences: [`threw ${what}`], exits: 0, shortWays: 0 };
  }
}

/** Leaves out what it can for as long as the program still disagrees; then what its steps do in a call, line by line. */
export function reportCalls(seed: number): string {
  const { steps, differences: found } = shrunk(seed);
  const { switches, slice } = wayOf(seed);
  return [
    `seed ${seed} under binary translation ${JSON.stringify(switches)}, slice ${slice}:`,
    ...found.map((what) => `  ${what.slice(0, 600)}`),
    ...steps.map(({ ring, code, flags }) => `[${ring} ${flags ?? ''}]\n${code}`),
  ].join('\n');
}

function shrunk(seed: number): { steps: RandomProgram['steps']; differences: readonly string[] } {
  let program = callProgram(seed);
  let found = checkCalls(seed, program).differences ?? ['does not end'];
  const attempt = (smaller: RandomProgram): boolean => {
    try {
      const next = checkCalls(seed, smaller).differences ?? ['does not end'];
      if (next.length === 0 || next[0].split(' ')[0] !== found[0].split(' ')[0]) return false;
      [program, found] = [smaller, next];
      return true;
    } catch {
      return false;
    }
  };
  for (let at = program.steps.length - 1; at >= 0; at--)
    attempt({ ...program, steps: program.steps.filter((_, index) => index !== at) });
  for (let at = 0; at < program.steps.length; at++) {
    for (let line = program.steps[at].code.split('\n').length - 1; line >= 0; line--) {
      const lines = program.steps[at].code.split('\n');
      const code = lines.filter((_, index) => index !== line).join('\n');
      const steps = program.steps.map((step, index) => (index === at ? { ...step, code } : step));
      attempt({ ...program, steps });
    }
  }
  return { steps: program.steps, differences: found };
}
