/**
 * Random programs in every mode, and as guests of a host: none may make a host exception, pass its budget, or end otherwise when it is run in
 * pieces or by another engine. Too long for `npm test`, which does a few of each (soak.test.ts).
 *
 *     node dist/test/conformance/soak/main.js [CASES [FIRST_SEED [MODE]]]     200 of each mode, from 1, if absent
 *
 * Prints what it finds, then `N passed, N failed`; the exit code is 1 if any failed. The same seed is the same case.
 */
import { MODES } from './cases.js';
import { soakGuest } from './guest.js';
import { findMode, soak } from './soak.js';

const COMPARE_EVERY = 4;
const MAX_SHOWN = 20;
/** So that one sees what the cases reach. */
const SHOWN_KEYS = [
  'exception',
  'software.interrupt',
  'interrupt.return',
  'far.transfer',
  'task.switch',
  'control.write',
];
const [cases = 200, first = 1] = process.argv.slice(2, 4).map(Number);
const modeName = process.argv[4];
const mode = modeName === undefined ? undefined : findMode(modeName);
if (!Number.isSafeInteger(cases) || !Number.isSafeInteger(first) || (modeName !== undefined && !mode)) {
  console.error(
    `usage: main.js [CASES [FIRST_SEED [MODE]]], MODE one of: ${MODES.map(({ name }) => name).join('; ')}`,
  );
  process.exit(2);
}

let failed = 0;
let total = 0;
for (const each of mode ? [mode] : MODES) {
  const counts = new Map<string, number>();
  for (let seed = first; seed < first + cases; seed++) {
    const finding = soak(each, seed, COMPARE_EVERY);
    for (const key of SHOWN_KEYS) counts.set(key, (counts.get(key) ?? 0) + (finding.counts[key] ?? 0));
    total++;
    const problem = finding.problem ?? soakGuest(each, seed).problem;
    if (problem === null) continue;
    if (++failed <= MAX_SHOWN) console.log(`${each.name}, seed ${seed}: ${problem}`);
  }
  console.error(`${each.name}: ${[...counts].map(([key, count]) => `${count} ${key}`).join(', ')}`);
}
console.log(`${total - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
