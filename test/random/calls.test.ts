import t from 'tap';
import { callProgram, checkCalls, reportCalls } from './calls.js';

const FIRST_SEED = 1;
const PROGRAMS = 16;

t.test(`system calls over and over, seeds ${FIRST_SEED} to ${FIRST_SEED + PROGRAMS - 1}`, async (t) => {
  let taking = 0;
  let all = 0;
  let short = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS; seed++) {
    const { differences, exits, shortWays } = checkCalls(seed);
    if (differences === null || differences.length > 0) t.fail(reportCalls(seed));
    if (shortWays > 0) taking++;
    all += exits;
    short += shortWays;
  }
  t.ok(taking >= PROGRAMS / 2, `${taking} programs take short ways`);
  t.ok(short > all / 4, `of ${all} exits ${short} take the short way`);
});

t.test('a seed is a program', async (t) => {
  t.same(callProgram(7), callProgram(7));
  t.notSame(callProgram(7).steps, callProgram(8).steps);
});
