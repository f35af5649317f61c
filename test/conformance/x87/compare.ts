/**
 * Compares the simulated coprocessor with the one of this computer:
 *
 *     gcc -O1 -o /tmp/hardware test/conformance/x87/hardware.c
 *     node dist/test/conformance/x87/compare.js /tmp/hardware [CASES_PER_FORM] [SEED] [DATA.gz]
 *
 * Prints differences by form, ends with `N passed, N failed`, and with a fourth argument writes the cases and what
 * the hardware gave to a file for x87.test.ts.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { makeCases } from './cases.js';
import { differences, replay } from './replay.js';

const [program, perForm = '100', seed = '1', dataPath] = process.argv.slice(2);
if (!program) {
  console.error('usage: compare.js PROGRAM [CASES_PER_FORM] [SEED] [DATA.gz]');
  process.exit(2);
}
const cases = makeCases(Number(perForm), Number(seed));
const input = cases.map(({ image, code, memory }) => `${image} ${code} ${memory}\n`).join('');
const output = execFileSync(program, { input, maxBuffer: 1 << 30, encoding: 'utf8' });
const lines = output.trimEnd().split('\n');
const failures = new Map<string, string[]>();
let failed = 0;
for (const [index, tested] of cases.entries()) {
  const [image, memory, flags] = lines[index].split(' ');
  const found = differences(tested, { image, memory, flags }, replay(tested));
  if (found.length === 0) continue;
  failed++;
  const form = tested.name.replace(/, st\d/, '');
  failures.set(form, [
    ...(failures.get(form) ?? []),
    `  ${found.join('; ')}\n    ${tested.image} ${tested.code} ${tested.memory}`,
  ]);
}
for (const [form, rows] of failures) console.log(`${form}: ${rows.length}\n${rows.slice(0, 3).join('\n')}`);
console.log(`${cases.length - failed} passed, ${failed} failed`);
if (dataPath) {
  const text = cases
    .map(({ name, image, code, memory }, index) => JSON.stringify([name, image, code, memory, lines[index]]))
    .join('\n');
  writeFileSync(dataPath, gzipSync(`${text}\n`, { level: 9 }));
}
process.exitCode = failed === 0 ? 0 : 1;
