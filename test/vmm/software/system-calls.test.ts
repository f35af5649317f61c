import t from 'tap';
import { findProfile } from '../../../emulator/cost/catalog.js';
import type { Engine } from '../../../emulator/machine.js';
import { BinaryTranslationVmm } from '../../../emulator/vmm/software/binary-translation.js';
import { MEMORY_BYTES, accountSum, ending, load, native, program } from './bench.js';
import type { Program } from './bench.js';
import { countLongWays, countsOf } from './counts.js';
import { SYSTEM_CALL_GUESTS } from './system-call-guests.js';

function translatedBy(engine: Engine, guest: Program): BinaryTranslationVmm {
  const profile = findProfile('pentium4-672');
  return load(new BinaryTranslationVmm({ profile, memoryBytes: MEMORY_BYTES, engine }), guest);
}

/** All that a run leaves, but for what pays for it on the host. */
function results(vmm: BinaryTranslationVmm, slice?: number): object {
  const { stop, state, memory, console } = ending(vmm, slice);
  return { stop, state, memory, console, ...countsOf(vmm) };
}

for (const { name, source, isShort } of SYSTEM_CALL_GUESTS) {
  t.test(`${name}: the short way does what the long way does`, async (t) => {
    const guest = program(source);
    const long = translatedBy('interpreter', guest);
    const expected = results(long);
    const short = translatedBy('compiled', guest);
    const longWays = countLongWays(short);
    t.same(results(short), expected, 'all results, counts and statistics');
    t.equal(accountSum(short.host) * 1000, short.host.ledger.ticks, 'the accounts sum to the clock');
    const exits = [...short.exits.values()].reduce((sum, { count }) => sum + count, 0);
    if (isShort) t.ok(longWays() < exits / 2, `of ${exits} exits ${longWays()} went the long way`);
    else t.equal(longWays(), exits, 'all went the long way');
    const sliced = translatedBy('compiled', guest);
    t.same(results(sliced, 4999), expected, 'in slices');
    const bare = native(guest);
    const { state } = ending(bare);
    t.same(state.gprs, short.guest.state().gprs, 'registers as on bare hardware');
  });
}
