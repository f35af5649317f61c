import t from 'tap';
import { soak } from './soak.js';

/* The whole of it: node dist/test/kernel/soak.test.js 10000 100 50. */
const [executions = 120, interrupts = 6, restarts = 2] = process.argv.slice(2).map(Number);
/** What a kernel may gain: code that becomes hot and what the allocator keeps; and each cell's text and place for output. */
const MOST_MB = 20;
const MOST_MB_PER_THOUSAND = 2.5;

const isLong = process.argv.length > 2;
if (isLong) t.setTimeout(0);

t.test(`${executions} executions, ${interrupts} interrupts, ${restarts} restarts`, async (t) => {
  if (isLong) t.setTimeout(0);
  const { failures, grownMb } = await soak({ executions, interrupts, restarts }, (text) => t.comment(text));
  t.same(failures, []);
  t.comment(`memory grew by ${grownMb.toFixed(1)} MB`);
  if (executions >= 1000)
    t.ok(
      grownMb <= MOST_MB + (MOST_MB_PER_THOUSAND * executions) / 1000,
      `memory grew by ${grownMb.toFixed(1)} MB`,
    );
});
