import t from 'tap';
import { runImage } from '../../emulator/index.js';
import type { RunOptions, RunResult } from '../../emulator/index.js';
import {
  assembleGuest,
  guestCompared,
  guestDisk,
  guestFolder,
  guestNames,
  guestSource,
} from '../../kernel/guests.js';
import { EVERY_OPTION, switchVariants, switchesOf } from './switch-variants.js';

// Every guest under some switches, and every value of every switch under some guest; techniques.test.ts has the defaults,
// test/random the switches in combination.

const names = guestNames();
const variants = switchVariants();
/** Variants for each guest: all of them have their turn. */
const EACH = Math.ceil(variants.length / names.length);

function visible({ outcome, exitCode, console, debugConsole, state, memoryDigest }: RunResult, all: boolean) {
  return { outcome, exitCode, console, debugConsole, ...(all && { state, memoryDigest }) };
}

for (const [index, name] of names.entries()) {
  const mine = Array.from(
    { length: EACH },
    (_, turn) => variants[(turn * names.length + index) % variants.length],
  );
  t.test(name, async (t) => {
    const file = `${guestFolder}/${name}.asm`;
    const { bytes } = assembleGuest(guestSource(name), file);
    const all = guestCompared(guestSource(name)) !== 'console';
    const disk = guestDisk(guestSource(name), file);
    const run = (options: Pick<RunOptions, 'technique' | 'switches'>) =>
      visible(
        runImage(bytes, { ...options, profile: EVERY_OPTION, memoryBytes: 16 << 20, ...(disk && { disk }) }),
        all,
      );
    const native = run({ technique: 'native' });
    for (const variant of mine) {
      const { technique, name: changed, value } = variant;
      t.same(
        run({ technique, switches: switchesOf(variant) }),
        native,
        `${technique}, ${changed}=${String(value)}`,
      );
    }
  });
}
