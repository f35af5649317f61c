import { differencesOf, nativeRun } from './check.js';
import type { Disagreement } from './check.js';
import { imageOf } from './program.js';
import type { RandomProgram } from './program.js';

/**
 * Leaves out steps for as long as the program still disagrees, in halves first and then one by one (delta debugging):
 * no single step of the result can be left out.
 */
export function shrink(disagreement: Disagreement): Disagreement {
  let smallest = disagreement;
  let chunk = Math.ceil(smallest.program.steps.length / 2);
  for (;;) {
    let progress = false;
    for (let at = 0; at < smallest.program.steps.length;) {
      const { steps } = smallest.program;
      const fewer = { ...smallest.program, steps: [...steps.slice(0, at), ...steps.slice(at + chunk)] };
      const still = stillDisagrees(smallest, fewer);
      if (still) {
        smallest = still;
        progress = true;
      } else at += chunk;
    }
    if (chunk > 1) chunk = Math.ceil(chunk / 2);
    else if (!progress) return smallest;
  }
}

function stillDisagrees({ variant }: Disagreement, program: RandomProgram): Disagreement | null {
  const image = imageOf(program);
  const native = nativeRun(image, variant.profile);
  if (!native) return null;
  const differences = differencesOf(image, native, variant);
  return differences.length > 0 ? { program, variant, differences } : null;
}

/** A disagreement as a person needs it: how to get it again, what differs, and the steps that are left. */
export function report({ program, variant, differences }: Disagreement): string {
  const { seed, steps } = program;
  return [
    `seed ${seed} under ${variant.technique} ${JSON.stringify(variant.switches)}:`,
    ...differences.map((difference) => `  ${difference}`),
    `  ${steps.length} steps, timer divisor ${program.timerDivisor}:`,
    ...steps.map(({ ring, code, flags }) =>
      `  [${ring}${flags === undefined ? '' : ` flags 0x${flags.toString(16)}`}]\n   ${code}`.replaceAll(
        '\n ',
        '\n    ',
      ),
    ),
  ].join('\n');
}
