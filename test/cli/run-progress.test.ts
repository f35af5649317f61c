import t from 'tap';
import { RunProgress } from '../../kernel/commands/run-progress.js';

const CLEAR = '\r\x1b[2K';

/** What is written of a run that reports every 60 ms for a second. */
function written(out: { isTTY: boolean; columns?: number }, maxInstructions?: number): string[] {
  const lines: string[] = [];
  let now = 0;
  const progress = new RunProgress(
    { technique: 'svm-shadow', ...(maxInstructions !== undefined && { maxInstructions }) },
    { ...out, write: (text) => lines.push(text) },
    () => now,
  );
  for (; now <= 1000; now += 60)
    t.equal(progress.report({ instructions: now * 50_000, cycles: now * 120_000 }), false, 'it goes on');
  progress.clear();
  progress.clear();
  return lines;
}

t.test('on a terminal a long run says how it goes in one line, ten times a second', async (t) => {
  const lines = written({ isTTY: true, columns: 100 });
  t.equal(lines.at(0), `${CLEAR}svm-shadow: 27M instructions, 64.8M cycles, 50M instructions/s`);
  t.equal(lines.at(-1), CLEAR, 'once');
  // From 540 ms on, each time 120 ms later.
  t.equal(lines.length, 4 + 1);
});

t.test('the share of a known limit is a bar, and a narrow terminal gets what fits', async (t) => {
  t.match(written({ isTTY: true, columns: 100 }, 54_000_000)[0], /█{10}░{10} svm-shadow: 27M/);
  for (const line of written({ isTTY: true, columns: 20 }))
    t.ok(line.replace(CLEAR, '').length < 20, JSON.stringify(line));
});

t.test('where there is no terminal nothing is said', async (t) => {
  t.same(written({ isTTY: false }), []);
});
