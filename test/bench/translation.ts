import { runImage } from '../../emulator/index.js';
import type { Technique } from '../../emulator/index.js';
import type { Table } from '../../kernel/display/table.js';

const ROUNDS = 3;

/**
 * Guest instructions per host second under binary translation beside the bare machine, in turns in one run. Both run
 * the guest to its end, so the bare machine's instructions are the guest's in both.
 */
export function compareTranslation(guests: readonly { name: string; image: Uint8Array }[]): Table {
  return {
    columns: [
      { key: 'guest', label: 'guest' },
      { key: 'native', label: 'native MIPS' },
      { key: 'translated', label: 'binary-translation MIPS' },
      { key: 'ratio', label: 'ratio', format: 'times' },
    ],
    rows: guests.map(({ name, image }) => row(name, image)),
  };
}

function row(guest: string, image: Uint8Array): Table['rows'][number] {
  let instructions = 0;
  const best = { native: Infinity, 'binary-translation': Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    for (const technique of ['native', 'binary-translation'] as const) {
      const { seconds, count } = time(image, technique);
      best[technique] = Math.min(best[technique], seconds);
      if (technique === 'native') instructions = count;
    }
  }
  const [native, translated] = [best.native, best['binary-translation']].map(
    (seconds) => instructions / seconds / 1e6,
  );
  return { guest, native, translated, ratio: translated / native };
}

function time(image: Uint8Array, technique: Technique): { seconds: number; count: number } {
  const began = process.hrtime.bigint();
  const run = runImage(image, { technique, memoryBytes: 16 << 20, limits: { instructions: 2 ** 40 } });
  if (run.outcome !== 'exit') throw new Error(`${technique}: ${run.detail}`);
  return { seconds: Number(process.hrtime.bigint() - began) / 1e9, count: run.instructions };
}
