import t from 'tap';
import { findProfile } from '../../emulator/index.js';
import { reproduce } from '../../kernel/reproduce/index.js';
import { explainMisses } from '../../kernel/reproduce/misses.js';
import { claim, shown, within } from '../../kernel/reproduce/row.js';

t.test('7.4: nested paging', async (t) => {
  const rows = reproduce(findProfile('pentium4-672'), { figures: ['7.4'] });
  const judged = rows.filter(({ met }) => met !== null);
  t.ok(judged.length >= 5);
  t.same(
    judged.filter(({ met }) => met === false).map(({ name, ours }) => [name, ours]),
    [],
    'references of a walk, exits, the textbook case',
  );
  const byTlb = (technique: string) =>
    rows.filter((row) => row.technique === technique && row.name.includes('TLB')).map(({ ours }) => ours);
  const nested = byTlb('svm-nested');
  t.same(
    nested,
    [...nested].sort((a, b) => a - b),
    'a larger TLB hides more of the walks',
  );
  t.ok(nested[0] < byTlb('svm-shadow')[0], 'where a TLB is small, shadows beat nesting');
});

t.test('a row without a figure of the paper', async (t) => {
  const ours = { name: 'x', figure: '7', technique: 'native', ours: 1, kind: 'predicted' } as const;
  t.match(shown(ours), { paper: null, ratio: null, target: null, met: null });
  t.match(claim(ours, 'never', false), { paper: null, target: 'never', met: false });
});

t.test('misses are explained, or said not to be', async (t) => {
  const row = (name: string, technique: string, ours: number) =>
    within({ name, technique, figure: '4', paper: 1, ours, kind: 'predicted' }, 0.2);
  t.same(explainMisses([row('in, cycles', 'native', 1)]), [], 'met');
  t.match(
    explainMisses([
      row('call/ret, cycles', 'binary-translation', 3),
      row('in, cycles', 'svm-shadow', 3),
      row('out, cycles', 'svm-shadow', 3),
    ]),
    [
      /^call\/ret, cycles \(binary-translation\): .*branch predictor/,
      /^in, cycles \(svm-shadow\); out, cycles \(svm-shadow\): not explained yet/,
    ],
  );
});
