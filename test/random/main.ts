import { Command } from 'commander';
import { count } from '../../kernel/commands/options.js';
import { checkCalls, reportCalls } from './calls.js';
import { checkRow } from './check.js';
import { report, shrink } from './shrink.js';

const options = new Command('npm run equivalence --')
  .description(
    'Random programs under every technique against the bare machine; disagreements are printed shrunk.',
  )
  .option('--programs <n>', 'how many, each from a seed of its own', count, 10_000)
  .option('--seed <n>', 'the first seed', count, 1)
  .option(
    '--calls',
    'those whose user code calls its kernel over and over, under binary translation (calls.ts)',
  )
  .parse()
  .opts<{ programs: number; seed: number; calls?: boolean }>();

let taking = 0;

function checkCall(seed: number) {
  const { differences, shortWays } = checkCalls(seed);
  if (shortWays > 0) taking++;
  const ended = differences === null ? 0 : 1;
  return { next: seed + 1, ended, disagreements: differences && differences.length > 0 ? [seed] : [] };
}

const PROGRESS_EVERY = 500;

const first = options.seed;
const end = first + options.programs;
let failed = 0;
let ended = 0;
console.log(`${end - first} programs, seeds ${first} to ${end - 1}`);
for (let seed = first, told = first; seed < end;) {
  const verdict = options.calls ? checkCall(seed) : checkRow(seed, end);
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
if (options.calls) console.log(`${taking} take short ways`);
process.exitCode = failed > 0 ? 1 : 0;
