import { parseArgs } from 'node:util';
import { checkSeed } from './check.js';
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

const first = whole('seed');
const count = whole('programs');
let failed = 0;
let skipped = 0;
console.log(`${count} programs, seeds ${first} to ${first + count - 1}`);
for (let seed = first; seed < first + count; seed++) {
  const result = checkSeed(seed);
  if (result === 'skipped') skipped++;
  else if (result !== null) {
    failed++;
    console.log(report(shrink(result)));
  }
  if ((seed - first + 1) % 500 === 0) console.log(`${seed - first + 1} programs, ${failed} disagree`);
}
console.log(`${count} programs: ${failed} disagree, ${skipped} do not end by themselves`);
process.exitCode = failed > 0 ? 1 : 0;
