import t from 'tap';
import { findProfile, profiles } from '../../emulator/cost/catalog.js';
import { COST_KEYS } from '../../emulator/cost/keys.js';
import { Ledger } from '../../emulator/cost/ledger.js';
import { pentium4_672 } from '../../emulator/cost/profiles/pentium4-672.js';

/** More free parameters than this and a fit to the paper says nothing. */
const MAX_CALIBRATED = 8;

for (const profile of profiles) {
  t.test(`${profile.name}: every key has a price with a source`, async (t) => {
    t.strictSame(Object.keys(profile.prices).sort(), [...COST_KEYS].sort());
    for (const key of COST_KEYS) t.ok(profile.prices[key].source.length > 5, key);
  });

  t.test(`${profile.name}: a ledger accepts every price`, async (t) => {
    t.doesNotThrow(() => new Ledger(profile));
  });

  t.test(`${profile.name}: at most ${MAX_CALIBRATED} prices are calibrated`, async (t) => {
    const calibrated = COST_KEYS.filter((key) => profile.prices[key].kind === 'calibrated');
    t.ok(calibrated.length <= MAX_CALIBRATED, calibrated.join(', '));
  });

  t.test(`${profile.name}: the TLB's sets are a power of two`, async (t) => {
    const sets = profile.tlb.entries / profile.tlb.ways;
    t.ok(Number.isInteger(Math.log2(sets)), `${sets} sets`);
  });

  t.test(`${profile.name}: is found by its name`, async (t) => t.equal(findProfile(profile.name), profile));
}

t.test('names are unique', async (t) => {
  t.equal(new Set(profiles.map((profile) => profile.name)).size, profiles.length);
});

t.test('an unknown name is refused with the known ones', async (t) => {
  t.throws(() => findProfile('486dx'), /486dx.*pentium4-672, core2-e6700/);
});

const price = (key: keyof typeof pentium4_672.prices): number => pentium4_672.prices[key].value;

/** Figures of the paper that follow from prices alone; the sum of the keys that the operation charges. What a monitor costs is measured: test/reproduce. */
const figures: { name: string; sum: number; want: number }[] = [
  { name: 'divzero, native', sum: price('exception') + price('interrupt.return'), want: 889 },
  { name: 'syscall, native', sum: price('fast.syscall') + price('fast.sysret'), want: 242 },
  { name: 'call/ret, native', sum: price('call') + price('return'), want: 11 },
  { name: 'in, native', sum: price('port.read') + price('alu'), want: 3209 },
  { name: 'VM entry and exit', sum: price('vmrun') + price('vmexit'), want: 4340 },
];

for (const { name, sum, want } of figures) t.test(`A06: ${name}`, async (t) => t.equal(sum, want));

t.test('a round trip by generation, as ATC12 table 1 has it', async (t) => {
  const rows = [
    ['nehalem', 1009],
    ['westmere', 761],
    ['sandybridge', 784],
  ] as const;
  for (const [name, cycles] of rows) {
    const { vmrun, vmexit } = findProfile(name).prices;
    t.equal(vmrun.value + vmexit.value, cycles, name);
    t.equal(vmrun.kind, 'input');
  }
});

t.test('a profile without a price is refused', async (t) => {
  const { alu, ...others } = pentium4_672.prices;
  t.ok(alu);
  t.throws(() => new Ledger({ ...pentium4_672, prices: others as typeof pentium4_672.prices }), {
    name: 'RangeError',
    message: /pentium4-672: 'alu' has no price; a profile prices all of alu, /,
  });
});
