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
import { table } from '../../kernel/display/table.js';
import { assembleGuest } from '../../kernel/guests.js';
import { packageRoot } from '../../emulator/root.js';
import { compareTranslation } from './translation.js';

const ROUNDS = 3;

const folder = join(packageRoot(), 'test', 'bench', 'guests');
const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.asm'))
  .map((file) => basename(file, '.asm'))
  .filter((name) => wanted.length === 0 || wanted.includes(name));
const scratch = mkdtempSync(join(tmpdir(), 'ringside-bench-'));
try {
  const columns = [
    { key: 'guest', label: 'guest' },
    { key: 'instructions', label: 'instructions', format: 'integer' },
    { key: 'ours', label: 'ringside s' },
    { key: 'mips', label: 'MIPS' },
    { key: 'interpreter', label: 'v86 interpreter s' },
    { key: 'overInterpreter', label: 'ratio', format: 'times' },
    { key: 'jit', label: 'v86 JIT s' },
    { key: 'overJit', label: 'ratio', format: 'times' },
  ] as const;
  console.log(table({ columns, rows: names.map(measure) })['text/plain']);
  console.log('ratio: how many times faster than v86 we are; below 1 is slower');
} finally {
  rmSync(scratch, { recursive: true });
}

const translated = names.map((name) => ({ name, image: imageOf(name) }));
console.log('\nguest instructions per host second, translated and on the bare machine');
console.log(table(compareTranslation(translated))['text/plain']);

function imageOf(name: string): Uint8Array {
  const path = join(folder, `${name}.asm`);
  const { bytes, diagnostics } = assembleGuest(readFileSync(path, 'utf8'), path);
  if (diagnostics.length > 0) throw new Error(`${path}: ${diagnostics[0].message}`);
  return bytes;
}

function measure(name: string): Record<string, string | number> {
  const bytes = imageOf(name);
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
  return {
    guest: name,
    instructions,
    ours,
    mips: instructions / ours / 1e6,
    interpreter,
    overInterpreter: interpreter / ours,
    jit,
    overJit: jit / ours,
  };
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
