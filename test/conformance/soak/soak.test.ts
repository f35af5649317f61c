import t from 'tap';
import { MODES } from './cases.js';
import { soak } from './soak.js';

/** Of each mode; main.ts does more. */
const CASES = 4;
const COMPARE_EVERY = 1;

let taskSwitches = 0;
for (const mode of MODES) {
  t.test(`random programs, ${mode.name}`, async (t) => {
    for (let seed = 1; seed <= CASES; seed++) {
      const { problem, counts } = soak(mode, seed, COMPARE_EVERY);
      t.equal(problem, null, `seed ${seed}`);
      t.ok((counts.exception ?? 0) > 0, `seed ${seed} meets an exception`);
      taskSwitches += counts['task.switch'] ?? 0;
    }
  });
}

t.test('the programs switch tasks', async (t) => {
  t.ok(taskSwitches > 0);
});
