import { parseArgs } from 'node:util';
import { checkRow } from './check.js';
import { report, shrink } from './shrink.js';

/** `npm run equivalence -- --programs 10000 --seed 1`: random programs under every technique against the bare machine. */
const { values } = parseArgs({
  options: { programs: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});

function whole(name: 'programs' | 'seed'): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`--${name} ${values[name]}: expected a whole number above 0`);
}

const PROGRESS_EVERY = 500;

const first = whole('seed');
const end = first + whole('programs');
let failed = 0;
let ended = 0;
console.log(`${end - first} programs, seeds ${first} to ${end - 1}`);
for (let seed = first, told = first; seed < end;) {
  const verdict = checkRow(seed, end);
  seed = verdict.next;
  ended += verdict.ended;
  for (const disagreement of verdict.disagreements) {
    failed++;
    console.log(report(shrink(disagreement)));
  }
  if (seed - told < PROGRESS_EVERY) continue;
  told = seed;
  console.log(`${seed - first} programs, ${failed} disagree`);
}
console.log(`${end - first} programs: ${failed} disagree, ${end - first - ended} do not end by themselves`);
process.exitCode = failed > 0 ? 1 : 0;
