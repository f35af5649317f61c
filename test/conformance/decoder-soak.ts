/**
 * Compares our decoder with iced-x86 on random and mutated byte strings of 16-bit and 32-bit code: validity,
 * mnemonic, length, operands. Too long for `npm test`, which does 100,000 of each (test/isa/decoder-iced.test.ts).
 *
 *     node dist/test/conformance/decoder-soak.js [CASES] [SEED]       10,000,000 and 1 if absent
 *
 * Prints progress to stderr, each kind of difference once with its first bytes, then `N passed, N failed`; the exit
 * code is 1 if any failed. The same seed gives the same cases.
 */
import { CASE_BYTES, difference, fillCase, hexBytes } from '../isa/compare-iced.js';
import { randomSource } from '../isa/random.js';

const DEFAULT_CASES = 10_000_000;
const PROGRESS_CASES = 500_000;
/** One case in this many is the one before it with changes. */
const MUTATION_PERIOD = 3;

function numberArgument(text: string | undefined, absent: number): number {
  const value = text === undefined ? absent : Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`expected a positive number of cases or seed, found '${text}'`);
  process.exit(2);
}

const cases = numberArgument(process.argv[2], DEFAULT_CASES);
const seed = numberArgument(process.argv[3], 1);

/** Changes up to three bytes: another value, one bit, or everything after it moved by one. */
function mutate(bytes: Uint8Array, random: (bound: number) => number): void {
  for (let changes = random(3); changes >= 0; changes--) {
    const at = random(CASE_BYTES);
    const kind = random(4);
    if (kind === 0) bytes[at] = random(256);
    else if (kind === 1) bytes[at] ^= 1 << random(8);
    else if (kind === 2) bytes.copyWithin(at, at + 1);
    else {
      bytes.copyWithin(at + 1, at);
      bytes[at] = random(256);
    }
  }
}

const random = randomSource(seed);
const bytes = new Uint8Array(CASE_BYTES);
const seen = new Set<string>();
let failed = 0;

for (let count = 1; count <= cases; count++) {
  if (random(MUTATION_PERIOD) === 0) mutate(bytes, random);
  else fillCase(bytes, random);
  const codeBits = random(2) === 0 ? 16 : 32;
  const found = difference(bytes, codeBits);
  if (found !== null) {
    failed++;
    // Numbers in a difference vary without end.
    const kind = found.replace(/\b\d+\b/g, 'n');
    if (!seen.has(kind)) console.log(`${codeBits}-bit ${hexBytes(bytes)}: ${found}`);
    seen.add(kind);
  }
  if (count % PROGRESS_CASES === 0) console.error(`${count} of ${cases}, ${failed} differ`);
}
console.log(`${cases - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
