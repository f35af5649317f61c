import t from 'tap';
import { EVERY_OPTION, switchVariants } from '../equivalence/switch-variants.js';
import { IN_A_ROW, checkRow, differencesOf, nativeRun, randomProgram, variantsOf } from './check.js';
import { imageOf } from './program.js';
import type { RandomProgram } from './program.js';
import { report, shrink } from './shrink.js';

const FIRST_SEED = 1;
const PROGRAMS = 500;

t.test(`random programs, seeds ${FIRST_SEED} to ${FIRST_SEED + PROGRAMS - 1}`, async (t) => {
  let ended = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS;) {
    const verdict = checkRow(seed, FIRST_SEED + PROGRAMS, 'quick');
    seed = verdict.next;
    ended += verdict.ended;
    for (const disagreement of verdict.disagreements) t.fail(report(shrink(disagreement)));
  }
  t.ok(ended > 0.9 * PROGRAMS, `${ended} programs come to an end by themselves`);
});

t.test('a seed is a program and its variants', async (t) => {
  t.same(randomProgram(7), randomProgram(7));
  t.same(variantsOf(7), variantsOf(7));
  t.notSame(randomProgram(7).steps, randomProgram(8).steps);
});

t.test('between them the seeds try every switch of every technique', async (t) => {
  const rows = Array.from({ length: PROGRAMS / IN_A_ROW }, (_, row) => FIRST_SEED + row * IN_A_ROW);
  const tried = new Set<string>();
  for (const { technique, switches, profile } of rows.flatMap((seed) => variantsOf(seed, 'quick'))) {
    for (const [name, value] of Object.entries(switches))
      tried.add(`${technique} ${name} ${profile === EVERY_OPTION ? String(value) : ''}`);
  }
  const missing = switchVariants()
    // What asks for a recording is in test/equivalence; counts are tried at more values than these.
    .filter(({ value }) => value !== 'oracle')
    .filter(({ technique, name, value }) => {
      const wanted =
        typeof value === 'number'
          ? [...tried].some((one) => one.startsWith(`${technique} ${name} `))
          : tried.has(`${technique} ${name} ${String(value)}`);
      return !wanted;
    });
  t.same(missing, []);
});

t.test('a kernel in ring 3 only where its segment loads trap', async (t) => {
  const inRing3 = Array.from({ length: 100 }, (_, index) => variantsOf(index + 1))
    .flat()
    .filter(({ switches }) => switches.kernelRing === 'ring3');
  t.ok(inRing3.length > 0);
  t.ok(inRing3.every(({ switches }) => switches.sensitiveTraps));
});

t.test('a disagreement is found and shrunk to the step that makes it', async (t) => {
  const step = (code: string) => ({ ring: 'kernel', code }) as const;
  const program: RandomProgram = {
    seed: 0,
    timerDivisor: 0x4000,
    steps: [step('inc eax'), step('mov ebx, 5'), step('push cs\n pop dword [SCRATCH]'), step('dec ecx')],
  };
  const image = imageOf(program);
  const variant = { technique: 'trap-and-emulate', switches: {} } as const;
  const differences = differencesOf(image, nativeRun(image)!, variant);
  t.match(differences, [/^memory: /]);
  const { steps } = shrink({ program, variant, differences }).program;
  t.same(steps, [program.steps[2]]);
});
