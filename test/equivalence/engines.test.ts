import t from 'tap';
import { GuestRun, runImage, usableTechniques } from '../../emulator/index.js';
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

/** Traps, page faults, system calls, timer interrupts; kept short, since a trace is slow on the host. */
const TRACED = ['first-exits', 'page-faults', 'syscall-loop', 'timer'];

for (const name of TRACED) {
  t.test(`${name}: recording a trace changes nothing`, async (t) => {
    const { bytes } = assembleGuest(guestSource(name), `${guestFolder}/${name}.asm`);
    for (const technique of usableTechniques()) {
      const options = { technique, memoryBytes: 16 << 20 };
      const traced = new GuestRun(bytes, { ...options, trace: true });
      t.same(traced.run(), runImage(bytes, options), technique);
      t.ok(traced.vmm.host.trace.length > 0, `${technique}: something was recorded`);
    }
  });
}

t.throws(
  () => runImage(new Uint8Array(16), { engine: 'warp' as 'compiled' }),
  /no engine is called 'warp'; there are: compiled, interpreter/,
  'an engine that does not exist is refused',
);
