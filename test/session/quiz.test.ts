import t from 'tap';
import { quiz } from '../../kernel/session/index.js';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

for (const topic of ['sensitivity', 'walk', 'popf', 'fault', 'shadow', 'price'] as const) {
  t.test(topic, async (t) => {
    for (const seed of SEEDS) {
      const first = quiz(seed, topic);
      const [answer] = first.reveal().toString().split('. ');
      t.equal(
        quiz(seed, topic).reveal().toString(),
        first.reveal().toString(),
        'the same seed, the same exercise',
      );
      t.match(first.check(answer).toString(), /^Right: /, `${answer} is right`);
      t.match(first.check('something else').toString(), /^Not so/, 'and nothing else');
    }
  });
}

t.test('answers that are known', async (t) => {
  const walks = SEEDS.map((seed) => quiz(seed, 'walk').reveal().toString());
  for (const text of walks) {
    const [, guest, nested, references] = /\((\d) \+ 1\) × \((\d) \+ 1\) − 1 = (\d+)/.exec(text)!;
    const known: Record<string, string> = {
      '22': '8',
      '24': '14',
      '42': '14',
      '33': '15',
      '34': '19',
      '43': '19',
      '44': '24',
      '23': '11',
      '32': '11',
    };
    t.equal(references, known[guest + nested], `${guest} over ${nested} (Bhargava et al. 2008)`);
  }
});

t.test('what cannot be asked', async (t) => {
  t.throws(() => quiz(1, 'poetry' as 'walk'), /no topic 'poetry'; there are: sensitivity, walk/);
  t.throws(() => quiz(1.5), /a seed is an integer, found 1\.5/);
});
