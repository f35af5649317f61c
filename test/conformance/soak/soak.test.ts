import t from 'tap';
import { MODES } from './cases.js';
import { soakGuest } from './guest.js';
import { soak } from './soak.js';

/** Of each mode; main.ts does more. */
const CASES = 4;
const GUEST_CASES = 8;
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

t.test('random programs as guests in every mode', async (t) => {
  for (const mode of MODES) {
    let exits = 0;
    for (let seed = 1; seed <= GUEST_CASES; seed++) {
      const finding = soakGuest(mode, seed);
      t.equal(finding.problem, null, `${mode.name}, seed ${seed}`);
      exits += finding.exits;
    }
    t.ok(exits > 0, `${mode.name}: guests are left`);
  }
});
