import t from 'tap';
import { displaySymbol } from '../../kernel/session/display.js';
import { compare, guest, run } from '../../kernel/session/index.js';

const EDITS = guest('page-edits');
const text = (shown: { [displaySymbol](): { 'text/plain': string } }): string =>
  shown[displaySymbol]()['text/plain'];

t.test('what changed from one technique to another', async (t) => {
  const runs = await compare(EDITS, {
    techniques: ['svm-shadow', 'svm-nested', 'hybrid'],
    memoryBytes: 8 << 20,
  });
  const [first] = runs.exits.diff('svm-shadow', 'svm-nested').rows;
  t.match(first, { reason: 'PAGE_FAULT_TRACE', counts: [1500, 0], countDelta: -1500, meanCycleDelta: null });
  t.match(text(runs.exits.diff('svm-shadow', 'svm-nested')), /PAGE_FAULT_TRACE +1,500 +0/);
  t.throws(
    () => runs.exits.diff('svm-shadow', 'native'),
    /no run under 'native'; there are: svm-shadow, svm-nested, hybrid/,
  );
  t.throws(() => runs.exits.bySymbol(), /which technique: svm-shadow, svm-nested, hybrid\?/);
  t.match(text(runs.exits), /hybrid: binary-translation +SIMULATE/, 'and which half an exit went to');
  const eager = runs.get('svm-shadow');
  const lazy = run(EDITS, { technique: 'svm-shadow', switches: { traces: 'lazy' }, memoryBytes: 8 << 20 });
  t.match(eager.exits.diff(eager, lazy).rows[0], { reason: 'PAGE_FAULT_TRACE', counts: [1500, 0] });
});

t.test('by symbol and by interval', async (t) => {
  const traced = run(EDITS, { technique: 'svm-shadow', memoryBytes: 8 << 20, trace: true });
  const bySymbol = traced.exits.bySymbol();
  const [flip, same] = bySymbol.groups;
  t.match(flip, { exits: { PAGE_FAULT_TRACE: { count: 1000 }, INVLPG: { count: 1000 } } });
  t.match(same, { exits: { PAGE_FAULT_TRACE: { count: 500 } } });
  t.match(text(bySymbol), /flip +PAGE_FAULT_TRACE +1,000/);
  const intervals = traced.exits.byInterval(5_000_000);
  const total = (reason: 'INVLPG'): number =>
    intervals.groups.reduce((sum, { exits }) => sum + (exits[reason]?.count ?? 0), 0);
  t.equal(total('INVLPG'), 1000);
  t.equal(intervals.groups.length, Math.floor(traced.cycles / 5_000_000) + 1);
  t.match(text(intervals.plot()), /Exits under svm-shadow in intervals of/);
  t.throws(() => traced.exits.byInterval(0), /an interval of 0 cycles: expected more than 0/);
  const untraced = run(EDITS, { technique: 'svm-shadow', memoryBytes: 8 << 20 });
  t.throws(() => untraced.exits.bySymbol(), /this run kept no trace/);
});
