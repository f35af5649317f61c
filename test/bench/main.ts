/**
 * Our interpreter beside v86 from npm, its JIT off and on: same images, same run, taken in turns. Prints host
 * seconds as medians and ratios; figures of one machine mean nothing on another, ratios do.
 * npm run bench [-- NAME...]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runImage } from '../../emulator/index.js';
import { plainTable } from '../../kernel/display/table.js';
import { assembleGuest } from '../../kernel/guests.js';
import { packageRoot } from '../../emulator/root.js';

const ROUNDS = 3;

const folder = join(packageRoot(), 'test', 'bench', 'guests');
const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.asm'))
  .map((file) => basename(file, '.asm'))
  .filter((name) => wanted.length === 0 || wanted.includes(name));
const scratch = mkdtempSync(join(tmpdir(), 'ringside-bench-'));
try {
  const lines = names.map(measure);
  const labels = [
    'guest',
    'instructions',
    'ringside s',
    'MIPS',
    'v86 interpreter s',
    'ratio',
    'v86 JIT s',
    'ratio',
  ];
  console.log(
    plainTable({ labels, alignments: ['left', ...labels.slice(1).map(() => 'right' as const)], lines }),
  );
  console.log('ratio: how many times faster than v86 we are; below 1 is slower');
} finally {
  rmSync(scratch, { recursive: true });
}

function measure(name: string): string[] {
  const path = join(folder, `${name}.asm`);
  const { bytes, diagnostics } = assembleGuest(readFileSync(path, 'utf8'), path);
  if (diagnostics.length > 0) throw new Error(`${path}: ${diagnostics[0].message}`);
  const image = join(scratch, `${name}.bin`);
  writeFileSync(image, bytes);
  const seconds: Record<'ours' | 'interpreter' | 'jit', number[]> = { ours: [], interpreter: [], jit: [] };
  let instructions = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.hrtime.bigint();
    const run = runImage(bytes, { limits: { instructions: 2 ** 40 } });
    seconds.ours.push(Number(process.hrtime.bigint() - began) / 1e9);
    if (run.outcome !== 'exit') throw new Error(`${name}: ${run.detail}`);
    instructions = run.instructions;
    for (const mode of ['interpreter', 'jit'] as const) seconds[mode].push(v86Seconds(image, mode));
  }
  const [ours, interpreter, jit] = [seconds.ours, seconds.interpreter, seconds.jit].map(median);
  return [
    name,
    instructions.toLocaleString('en-US'),
    ours.toFixed(3),
    (instructions / ours / 1e6).toFixed(1),
    interpreter.toFixed(3),
    (interpreter / ours).toFixed(2),
    jit.toFixed(3),
    (jit / ours).toFixed(2),
  ];
}

function v86Seconds(image: string, mode: 'interpreter' | 'jit'): number {
  const program = join(dirname(fileURLToPath(import.meta.url)), 'v86.js');
  return Number(
    execFileSync(process.execPath, [program, image, mode], { encoding: 'utf8', timeout: 120_000 }),
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
