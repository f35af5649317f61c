import t from 'tap';
import { accountSum, ending, native, program, translated } from './bench.js';
import { GUESTS } from './guests.js';
import { MECHANISM_GUESTS } from './mechanism-guests.js';
import type { Switches } from '../../../emulator/vmm/switches.js';

const PLAIN: Partial<Switches> = {
  chaining: false,
  returnCache: false,
  inCacheEmulation: false,
  rdtsc: 'trap',
  adaptive: false,
  directExecution: false,
  unitLimit: 1,
};

for (const { name, source, exits = [] } of [...GUESTS, ...MECHANISM_GUESTS]) {
  t.test(name, async (t) => {
    const guest = program(source);
    const expected = ending(native(guest));
    t.match(expected.stop.kind, /^(exit|halted|tripleFault)$/, 'the guest ends');
    const vmm = translated(guest);
    t.same(ending(vmm), expected, 'translated as native');
    t.ok(Math.abs(accountSum(vmm.host) - vmm.host.ledger.ticks / 1000) < 1e-6, 'accounts sum to the clock');
    for (const reason of exits)
      t.ok([...vmm.exits.keys()].includes(reason as never), `there was a ${reason}`);

    const small = translated(guest, { cacheBytes: 8192 });
    t.same(ending(small), expected, 'the same in the smallest cache');
    t.same(ending(translated(guest, PLAIN)), expected, 'the same with every mechanism switched off');
  });
}
