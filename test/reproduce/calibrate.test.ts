import t from 'tap';
import { COST_KEYS, findProfile, profiles } from '../../emulator/index.js';
import type { CostKey, CpuProfile, Price } from '../../emulator/index.js';
import { calibrate, calibratedKeys } from '../../kernel/reproduce/calibrate.js';
import type { Cell } from '../../kernel/reproduce/calibrate.js';

/** At most so many prices may be fitted to the paper; all else is measured, guessed in the open, or predicted. */
const MAX_CALIBRATED = 8;

/** A profile in which only the given keys are calibrated and every other price is 1. */
function profileWith(...keys: CostKey[]): CpuProfile {
  const base = findProfile('pentium4-672');
  const price = (key: CostKey): Price => ({
    value: 1,
    kind: keys.includes(key) ? 'calibrated' : 'input',
    source: 'test',
  });
  return {
    ...base,
    prices: Object.fromEntries(COST_KEYS.map((key) => [key, price(key)])) as Record<CostKey, Price>,
  };
}

function cell(cycles: number, counts: Partial<Record<CostKey, number>>): Cell {
  const none = Object.fromEntries(COST_KEYS.map((key) => [key, 0])) as Record<CostKey, number>;
  return { name: 'a figure', counts: { ...none, ...counts }, cycles };
}

const [a, b] = ['vmm.decode', 'vmm.emulate'] as const;

t.test('prices come out of figures', async (t) => {
  t.same(
    calibrate(profileWith(a, b), [cell(130, { alu: 10, [a]: 1 }), cell(310, { load: 10, [a]: 1, [b]: 2 })]),
    { [a]: 120, [b]: 90 },
    'two equations',
  );
  t.same(
    calibrate(profileWith(a), [cell(100, { [a]: 1 }), cell(200, { [a]: 2 })]),
    { [a]: 100 },
    'more figures than prices',
  );
});

const refused: readonly [name: string, cells: Cell[], message: RegExp][] = [
  ['too few figures', [cell(100, { [a]: 1, [b]: 1 })], /2 prices to calibrate and only 1 figures/],
  [
    'a price in no figure',
    [cell(100, { [a]: 1 }), cell(200, { [a]: 2 })],
    /no figure depends on 'vmm\.emulate'/,
  ],
  [
    'two prices that only occur together',
    [cell(100, { [a]: 1, [b]: 1 }), cell(200, { [a]: 2, [b]: 2 })],
    /cannot tell the prices apart: vmm\.decode, vmm\.emulate/,
  ],
  [
    'a figure below what is known already',
    [cell(10, { alu: 20, [a]: 1 }), cell(300, { [a]: 1, [b]: 1 })],
    /negative price: vmm\.decode -10/,
  ],
];
for (const [name, cells, message] of refused) {
  t.test(`refused: ${name}`, async (t) => {
    t.throws(() => calibrate(profileWith(a, b), cells), { name: 'RangeError', message });
  });
}

for (const profile of profiles) {
  t.test(`${profile.name}: few prices are calibrated`, async (t) => {
    t.ok(calibratedKeys(profile).length <= MAX_CALIBRATED, calibratedKeys(profile).join(', '));
  });
}
