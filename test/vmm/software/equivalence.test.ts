import t from 'tap';
import { accountSum, ending, native, program, translated } from './bench.js';
import { GUESTS } from './guests.js';

for (const { name, source, exits = [] } of GUESTS) {
  t.test(name, async (t) => {
    const guest = program(source);
    const expected = ending(native(guest));
    t.match(expected.stop.kind, /^(exit|halted|tripleFault)$/, 'the guest ends');
    const vmm = translated(guest);
    t.same(ending(vmm), expected, 'translated as native');
    t.ok(Math.abs(accountSum(vmm.host) - vmm.host.ledger.ticks / 1000) < 1e-6, 'accounts sum to the clock');
    for (const reason of exits)
      t.ok([...vmm.exits.keys()].includes(reason as never), `there was a ${reason}`);

    const small = translated(guest, 8192);
    t.same(ending(small), expected, 'the same in the smallest cache');
  });
}
