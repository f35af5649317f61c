import t from 'tap';
import { findProfile } from '../../emulator/index.js';
import { asm, processor, run } from '../../kernel/session/index.js';

const halts = asm`hlt`;

t.test('a processor of your own differs in what was said', async (t) => {
  const base = findProfile('nehalem');
  const own = processor('nehalem', { tlb: { entries: 64 }, prices: { vmexit: 100 }, frequencyHz: 1e9 });
  t.same(own.tlb, { ...base.tlb, entries: 64 });
  t.match(own.prices.vmexit, { value: 100, kind: 'guess' });
  t.equal(own.prices.vmrun, base.prices.vmrun);
  t.match(own, { frequencyHz: 1e9, name: 'nehalem, changed', features: base.features });
  t.equal(processor(own, { name: 'mine' }).tlb.entries, 64, 'and can be changed on');
  t.equal(run(halts, { profile: own }).result.profile, 'nehalem, changed');
});

const refused: readonly [name: string, make: () => unknown, message: RegExp][] = [
  ['unknown processor', () => processor('8086' as 'zen3'), /no processor profile is called '8086'/],
  [
    'unknown price',
    () => processor('zen3', { prices: { vmexxit: 1 } as object }),
    /no price 'vmexxit'; known: /,
  ],
  [
    'price by the name of what every object has',
    () => processor('zen3', { prices: { toString: 1 } as object }),
    /no price 'toString'; known: /,
  ],
  [
    'negative price',
    () => run(halts, { profile: processor('zen3', { prices: { alu: -1 } }) }),
    /price of 'alu' is -1; expected a non-negative/,
  ],
  [
    'TLB of an odd size',
    () => run(halts, { profile: processor('zen3', { tlb: { entries: 100, ways: 3 } }) }),
    /TLB of 100 entries in 3 ways: sets must be a power of two/,
  ],
  [
    'no frequency',
    () => run(halts, { profile: processor('zen3', { frequencyHz: 0 }) }),
    /processor frequency is 0 Hz/,
  ],
];
for (const [name, make, message] of refused) {
  t.test(`refused: ${name}`, async (t) => t.throws(make, { name: 'RangeError', message }));
}
