import t from 'tap';
import { decode } from '../../emulator/isa/decoder.js';
import { CASE_BYTES, difference, fillCase, hexBytes } from './compare-iced.js';
import { randomSource } from './random.js';

/** Few enough for every test run; test/conformance/decoder-soak.ts runs millions. */
const CASES_PER_MODE = 100_000;

for (const codeBits of [32, 16] as const) {
  t.test(
    `decoder agrees with iced-x86 on ${CASES_PER_MODE} byte strings of ${codeBits}-bit code`,
    async (t) => {
      const random = randomSource(codeBits);
      const bytes = new Uint8Array(CASE_BYTES);
      const differences = new Map<string, string>();
      for (let count = 0; count < CASES_PER_MODE; count++) {
        fillCase(bytes, random);
        const found = difference(bytes, codeBits);
        if (found !== null) differences.set(found, hexBytes(bytes));
      }
      t.same(
        [...differences].slice(0, 60).map(([what, code]) => `${code}: ${what}`),
        [],
      );
    },
  );
}

t.test('decoder asks for more bytes exactly while the instruction is incomplete', async (t) => {
  const random = randomSource(3);
  const bytes = new Uint8Array(CASE_BYTES);
  let wrong = '';
  for (let count = 0; count < 20_000 && wrong === ''; count++) {
    fillCase(bytes, random);
    const whole = decode(bytes, 0, 15, 32);
    if (typeof whole === 'string') continue;
    for (let available = 0; available < whole.lengthBytes; available++) {
      if (decode(bytes, 0, available, 32) !== 'short') wrong = `${hexBytes(bytes)} with ${available} bytes`;
    }
    const exact = decode(bytes, 0, whole.lengthBytes, 32);
    if (exact === 'short' || exact === 'tooLong' || exact.row !== whole.row) wrong = hexBytes(bytes);
  }
  t.equal(wrong, '');
});

const LENGTH_ROWS: readonly [name: string, code: string, expected: number | 'short' | 'tooLong'][] = [
  ['15 bytes are allowed', '66'.repeat(14) + '90', 15],
  ['16 bytes are not', '66'.repeat(15) + '90', 'tooLong'],
  ['15 prefixes and nothing more', '66'.repeat(15), 'tooLong'],
  ['14 prefixes and nothing more', '66'.repeat(14), 'short'],
  ['an operand that ends past 15 bytes', '2e'.repeat(10) + 'c70500000000', 'tooLong'],
  ['no bytes at all', '', 'short'],
];

t.test('instruction length limit', async (t) => {
  for (const [name, code, expected] of LENGTH_ROWS) {
    const bytes = Buffer.from(code, 'hex');
    const op = decode(bytes, 0, bytes.length, 32);
    t.equal(typeof op === 'string' ? op : op.lengthBytes, expected, name);
  }
});
