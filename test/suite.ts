import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { Command } from 'commander';
import { packageRoot } from '../emulator/root.js';
import { count } from '../kernel/commands/options.js';

/*
 * Runs the tests, a process for each file, so many at once as the computer has processors. tap's own runner starts each
 * process with hooks for TypeScript, mocks and coverage, none of which we need, through which each import goes: a test
 * file of the machine then takes three seconds to start instead of one, and all children that it starts take as long.
 */

/** After so long a file is ended, and so its processor is free for the others. */
const LIMIT_SECONDS = 240;

/** Started first, as the suite would wait for one of them at its end with the other processors idle. */
const LONGEST_FIRST = [
  'random/programs',
  'equivalence/techniques',
  'vmm/hybrid',
  'reproduce/section7',
  'cli/execute',
  'cpu/runs',
  'equivalence/switches',
  'equivalence/engines',
  'reproduce/fit',
];

const ASSERTION = /^ *(?:not )?ok \d+/gm;
const PLAN = /^1\.\.\d+/m;

interface Job {
  name: string;
  command: string;
  words: readonly string[];
}

interface Verdict {
  /** Null where all is well. */
  problem: string | null;
  output: string;
  assertions: number;
  seconds: number;
}

async function suite(files: string[], { jobs, script = [] }: { jobs: number; script?: string[] }) {
  const began = performance.now();
  const left = [
    ...script.map((name) => ({ name, command: 'npm', words: ['run', '--silent', name] })),
    ...(files.length > 0 ? files : testFiles()).map((name) => ({
      name,
      command: process.execPath,
      words: [name],
    })),
  ];
  const total = left.length;
  let assertions = 0;
  const failed: string[] = [];
  console.log(`TAP version 14\n1..${total}`);
  let done = 0;
  const work = async (): Promise<void> => {
    for (let job = left.shift(); job !== undefined; job = left.shift()) {
      const verdict = await run(job);
      assertions += verdict.assertions;
      done++;
      if (verdict.problem !== null) {
        failed.push(job.name);
        console.log(`# Subtest: ${job.name}\n${verdict.output.trimEnd().replaceAll(/^/gm, '    ')}`);
        console.log(`not ok ${done} - ${job.name} # time=${(1000 * verdict.seconds).toFixed(0)}ms`);
        console.log(`  ---\n  message: ${JSON.stringify(verdict.problem)}\n  ...`);
      } else console.log(`ok ${done} - ${job.name} # time=${(1000 * verdict.seconds).toFixed(0)}ms`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const seconds = (performance.now() - began) / 1000;
  console.log(`# ${total} run, ${assertions} assertions, ${failed.length} failed, ${seconds.toFixed(0)} s`);
  for (const name of failed) console.log(`# failed: ${name}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

/** Paths from the folder of the package, in the order in which they are started. */
function testFiles(): string[] {
  const folder = join(packageRoot(), 'dist', 'test');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .map((file) => relative(process.cwd(), join(folder, file)))
    .sort();
  const rank = (file: string) => {
    const at = LONGEST_FIRST.findIndex((name) => file.endsWith(join('test', `${name}.test.js`)));
    return at < 0 ? LONGEST_FIRST.length : at;
  };
  return files.sort((a, b) => rank(a) - rank(b));
}

function run({ command, words }: Job): Promise<Verdict> {
  const began = performance.now();
  const child = spawn(command, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP_TIMEOUT: String(LIMIT_SECONDS) },
  });
  // tap ends a test at its limit and says which; it cannot when the file's own code does not let it.
  const limit = setTimeout(
    () => {
      child.kill('SIGKILL');
      // Its own children may hold them open.
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
    },
    1000 * (LIMIT_SECONDS + 10),
  );
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => parts.push(bytes));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      const output = Buffer.concat(parts).toString('utf8');
      const assertions = output.match(ASSERTION)?.length ?? 0;
      const isTest = command === process.execPath;
      let problem: string | null = null;
      if (code !== 0) problem = `ended by ${signal ?? `exit code ${code}`}`;
      else if (isTest && (assertions === 0 || !PLAN.test(output))) problem = 'did not run to its end';
      resolve({ problem, output, assertions, seconds: (performance.now() - began) / 1000 });
    });
  });
}

await new Command('suite')
  .description('run the tests: those of the files, or all of them, which must have been built')
  .argument('[file...]', 'dist/test/.../NAME.test.js')
  .option('--jobs <n>', 'how many files to run at once', count, availableParallelism())
  .option('--script <name...>', "scripts of package.json to run beside them, such as 'lint'")
  .action(suite)
  .parseAsync();
