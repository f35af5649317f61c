import t from 'tap';
import { TestKernel } from './client.js';
import { fuzz } from './fuzz.js';

/* More messages and other ones: node dist/test/kernel/fuzz.test.js COUNT SEED. */
const [count = 2000, seed = 1] = process.argv.slice(2).map(Number);
/** What a kernel may gain from messages that are not its own. */
const MOST_MB = 20;

const isLong = process.argv.length > 2;
if (isLong) t.setTimeout(0);

t.test(`${count} mutated messages and frames on every socket harm nothing`, async (t) => {
  if (isLong) t.setTimeout(0);
  const kernel = await TestKernel.start();
  t.teardown(() => kernel.stop());
  await kernel.execute('let kept = 1');
  const { grownMb, answers } = await fuzz(kernel, count, seed);
  t.ok(answers, 'it still answers');
  t.ok(grownMb <= MOST_MB, `memory grew by ${grownMb.toFixed(1)} MB`);
  t.comment(`memory grew by ${grownMb.toFixed(1)} MB`);
});
