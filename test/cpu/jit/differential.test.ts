import t from 'tap';
import { compareEngines, profileWith } from './compare.js';
import { ProgramSource } from './programs.js';

const PROGRAMS = Number(process.env.RINGSIDE_JIT_PROGRAMS ?? 30);
const FIRST_SEED = Number(process.env.RINGSIDE_JIT_SEED ?? 1);
const TLB_ENTRIES = [4, 16, null];

t.test('random programs: compiled code is not to be told from the interpreter', async (t) => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + PROGRAMS; seed++) {
    const profile = profileWith(TLB_ENTRIES[seed % TLB_ENTRIES.length]);
    compareEngines(t, `seed ${seed}`, new ProgramSource(seed).program(), { profile, seed });
  }
});
