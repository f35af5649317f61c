import { parseArgs } from 'node:util';
import { checkCalls, reportCalls } from './calls.js';
import { checkRow } from './check.js';
import { report, shrink } from './shrink.js';

/**
 * `npm run equivalence -- --programs 10000 --seed 1`: random programs under every technique against the bare machine. With
 * `--calls`, those whose user code calls its kernel over and over, under binary translation (calls.ts).
 */
const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    calls: { type: 'boolean', default: false },
  },
});

function whole(name: 'programs' | 'seed'): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`--${name} ${values[name]}: expected a whole number above 0`);
}

let taking = 0;

function checkCall(seed: number) {
  const { differences, shortWays } = checkCalls(seed);
  if (shortWays > 0) taking++;
  const ended = differences === null ? 0 : 1;
  return { next: seed + 1, ended, disagreements: differences && differences.length > 0 ? [seed] : [] };
}

const PROGRESS_EVERY = 500;

const first = whole('seed');
const end = first + whole('programs');
let failed = 0;
let ended = 0;
console.log(`${end - first} programs, seeds ${first} to ${end - 1}`);
for (let seed = first, told = first; seed < end;) {
  const verdict = values.calls ? checkCall(seed) : checkRow(seed, end);
  seed = verdict.next;
  ended += verdict.ended;
  for (const disagreement of verdict.disagreements) {
    failed++;
    console.log(typeof disagreement === 'number' ? reportCalls(disagreement) : report(shrink(disagreement)));
  }
  if (seed - told < PROGRESS_EVERY) continue;
  told = seed;
  console.log(`${seed - first} programs, ${failed} disagree`);
}
console.log(`${end - first} programs: ${failed} disagree, ${end - first - ended} do not end by themselves`);
if (values.calls) console.log(`${taking} take short ways`);
process.exitCode = failed > 0 ? 1 : 0;
