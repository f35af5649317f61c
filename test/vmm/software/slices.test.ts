import t from 'tap';
import { ending, program, translated } from './bench.js';
import { GUESTS } from './guests.js';
import { MECHANISM_GUESTS } from './mechanism-guests.js';

/** How often a run is interrupted and taken up again must show in nothing, wherever in translated code it is. */
for (const { name, source } of [...GUESTS, ...MECHANISM_GUESTS]) {
  t.test(name, async (t) => {
    const guest = program(source);
    const whole = translated(guest);
    const expected = ending(whole);
    const few = whole.host.cpu.instructions < 300;
    const sliced = translated(guest);
    t.same(ending(sliced, few ? 1 : 97), expected, 'the same in slices');
    t.equal(sliced.host.ledger.ticks, whole.host.ledger.ticks, 'slices cost nothing');
  });
}
