import t from 'tap';
import { displaySymbol } from '../../kernel/session/display.js';
import { compare, guest, run } from '../../kernel/session/index.js';

const EDITS = guest('page-edits');

t.test('what shadow page tables have done, as data, table and plot', async (t) => {
  const runs = await compare(EDITS, { memoryBytes: 8 << 20 });
  const { values } = runs.memory;
  t.same(Object.keys(values), ['trap-and-emulate', 'binary-translation', 'svm-shadow', 'hybrid']);
  t.match(values['svm-shadow'], { trueFaults: 0, traceFaults: 1500, evictions: 0 });
  t.ok(values['binary-translation']!.traceFaults < 20, 'translated code learns to call the monitor');
  t.equal(values['binary-translation']!.tracesFired, 1503, 'and its traces fire all the same');
  t.match(runs.memory[displaySymbol]()['text/plain'], /page faults on traced pages.* 1,500/);
  t.match(runs.memory.plot()[displaySymbol]()['text/plain'], /hidden page faults/);
});

t.test('of one run, with its switches', async (t) => {
  const lazily = run(EDITS, {
    technique: 'svm-shadow',
    switches: { traces: 'lazy' },
    memoryBytes: 8 << 20,
  }).memory;
  t.match(lazily.values['svm-shadow'], { traceFaults: 0, loosened: 1, synchronised: 1000 });
  t.match(lazily[displaySymbol]()['text/plain'], /svm-shadow with traces lazy/);
  t.same(run(EDITS, { technique: 'native' }).memory.values, {});
});
