import t from 'tap';
import { findProfile } from '../../emulator/index.js';
import type { CostKey } from '../../emulator/index.js';
import { fitPrices, reproduce } from '../../kernel/reproduce/index.js';

const profile = findProfile('pentium4-672');
/** Prices are written down in whole or half cycles. */
const ROUNDING = 0.01;

t.test('the prices of the profile are those that the figures ask for', async (t) => {
  for (const [key, cycles] of Object.entries(fitPrices(profile))) {
    const written = profile.prices[key as CostKey].value;
    t.ok(
      Math.abs(written - cycles) <= ROUNDING * cycles,
      `${key}: ${written} in the profile, ${cycles} fitted (ringside reproduce --fit)`,
    );
  }
});

t.test('figure 4: the order of costs', async (t) => {
  const rows = reproduce(profile, { figures: ['4'] });
  const ours = (name: string, technique: string) =>
    rows.find((row) => row.name === `${name}, cycles` && row.technique === technique)!.ours;
  t.ok(
    ours('in', 'binary-translation') < ours('in', 'native'),
    'in: the software monitor beats the bare machine',
  );
  for (const name of ['syscall', 'call/ret', 'divzero'])
    t.ok(ours(name, 'svm-shadow') < 1.2 * ours(name, 'native'), `${name}: hardware is near native`);
  for (const name of ['in', 'pgfault', 'ptemod'])
    t.ok(ours(name, 'svm-shadow') > 2 * ours(name, 'binary-translation'), `${name}: software beats hardware`);
  t.same(
    rows
      .filter(({ kind, met }) => kind === 'calibrated' && !met)
      .map(({ name, technique }) => `${name} ${technique}`),
    [],
    'calibrated cells are within 5 %',
  );
});

t.test('what cannot be run again', async (t) => {
  t.throws(() => reproduce(profile, { figures: ['8' as '4'] }), /no figure '8' to run again; there are: /);
});
