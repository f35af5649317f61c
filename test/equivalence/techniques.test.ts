import t from 'tap';
import { runImage, usableTechniques } from '../../emulator/index.js';
import type { RunOptions, RunResult, Technique } from '../../emulator/index.js';
import {
  assembleGuest,
  guestCompared,
  guestDisk,
  guestFolder,
  guestNames,
  guestSource,
} from '../../kernel/guests.js';

function image(name: string): Uint8Array {
  const { bytes, diagnostics } = assembleGuest(guestSource(name), `${guestFolder}/${name}.asm`);
  if (diagnostics.length > 0) throw new Error(`${name}:${diagnostics[0].line}: ${diagnostics[0].message}`);
  return bytes;
}

/** What a guest can see: equal under every technique, as far as the guest does not declare less. Time is not in it. */
function visible(
  { outcome, exitCode, console, debugConsole, state, memoryDigest }: RunResult,
  compared: ReturnType<typeof guestCompared>,
): Record<string, unknown> {
  const ended = { outcome, exitCode, console, debugConsole };
  return compared === 'console' ? ended : { ...ended, state, memoryDigest };
}

/** Guests that between them use every device and all that depends on time. */
const RUN_TWICE: ReadonlySet<string> = new Set(['first-exits', 'timer', 'little-os']);

interface Difference {
  guest: string;
  technique: Technique;
  /** What is not as on the bare machine; all the rest is. */
  fields: readonly string[];
}

/** Where a technique is wrong, and why. */
const DIFFERENCES: readonly Difference[] = [
  // Instructions of x86 that are sensitive and do not trap (Adams & Agesen, section 3.1).
  { guest: 'sensitive', technique: 'trap-and-emulate', fields: ['state', 'memoryDigest'] },
];

/** The runs of one guest: every technique, and trap-and-emulate on a processor that can be virtualized so. */
const RUNS: readonly Pick<RunOptions, 'technique' | 'switches'>[] = [
  ...usableTechniques().map((technique) => ({ technique })),
  { technique: 'trap-and-emulate', switches: { sensitiveTraps: true } },
];

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

for (const name of guestNames()) {
  t.test(name, async (t) => {
    const bytes = image(name);
    const compared = guestCompared(guestSource(name));
    const disk = guestDisk(guestSource(name), `${guestFolder}/${name}.asm`);
    const given = { memoryBytes: 16 << 20, ...(disk && { disk }) };
    const native = runImage(bytes, { technique: 'native', ...given });
    t.match(native.outcome, /^(exit|halted)$/, native.detail);
    for (const options of RUNS) {
      const run = runImage(bytes, { ...options, ...given });
      const what = `${run.technique} ${Object.keys(run.switches).join(' ')}`;
      const isWrong = ({ guest, technique }: Difference) => guest === name && technique === options.technique;
      const wrong = options.switches ? [] : (DIFFERENCES.find(isWrong)?.fields ?? []);
      const [seen, expected] = [visible(run, compared), visible(native, compared)];
      for (const field of Object.keys(expected)) {
        if (wrong.includes(field)) t.notSame(seen[field], expected[field], `${what} is wrong in ${field}`);
        else t.same(seen[field], expected[field], `${what} ends as native does: ${field}`);
      }
      t.ok(
        Math.abs(sum(Object.values(run.accounts)) - run.cycles) < 1e-3,
        `${what}: the accounts sum to the clock`,
      );
      if (RUN_TWICE.has(name)) {
        t.equal(
          runImage(bytes, { ...options, ...given }).hash,
          run.hash,
          `${what}: a second run, the same hash`,
        );
      }
    }
  });
}

t.test("the paper's first surprise: order of cost by technique", async (t) => {
  const cycles = (name: string, technique: Technique) => runImage(image(name), { technique }).cycles;
  const port = (technique: Technique) => cycles('port-loop', technique);
  t.ok(port('binary-translation') < port('native'), 'port reads: binary translation beats the bare machine');
  t.ok(port('svm-shadow') > 2 * port('native'), 'port reads: each one an exit under SVM');
  const calls = (technique: Technique) => cycles('syscall-loop', technique);
  t.ok(calls('svm-shadow') < 1.2 * calls('native'), 'system calls: SVM is near the bare machine');
  t.ok(
    calls('binary-translation') > 2 * calls('native'),
    'system calls: each one enters the software monitor',
  );
});
