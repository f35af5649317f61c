import t from 'tap';
import { runImage, usableTechniques } from '../../emulator/index.js';
import type { RunResult } from '../../emulator/index.js';
import { assembleGuest, guestFolder, guestSource } from '../../kernel/guests.js';

/** Enough to get hot, with faults, system calls, interrupts and page table edits; the random programs do the rest. */
const GUESTS = ['is-prime', 'syscall-loop', 'page-faults', 'compute-sort', 'forkwait'];

for (const name of GUESTS) {
  t.test(`${name}: both engines give the same result, hash and all`, async (t) => {
    const { bytes } = assembleGuest(guestSource(name), `${guestFolder}/${name}.asm`);
    for (const technique of usableTechniques()) {
      const [compiled, interpreted] = (['compiled', 'interpreter'] as const).map((engine): RunResult =>
        runImage(bytes, { technique, engine, memoryBytes: 16 << 20 }),
      );
      t.same(compiled, interpreted, technique);
    }
  });
}

t.throws(
  () => runImage(new Uint8Array(16), { engine: 'warp' as 'compiled' }),
  /no engine is called 'warp'; there are: compiled, interpreter/,
  'an engine that does not exist is refused',
);
