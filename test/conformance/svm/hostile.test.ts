import t from 'tap';
import { fuzzVmcbs } from './fuzz.js';

const ROUNDS = 1000;

t.test(`${ROUNDS} random VMCBs are refused, run, or fault in the guest`, async (t) => {
  const { refused, exits, others } = fuzzVmcbs(0, ROUNDS);
  t.equal(refused + exits + others, ROUNDS);
  t.ok(refused > ROUNDS / 4, `${refused} refused`);
  t.ok(exits > ROUNDS / 8, `${exits} exits`);
  t.ok(others > 0, `${others} ran on`);
});
