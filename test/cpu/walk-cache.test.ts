import t from 'tap';
import { findProfile, runImage } from '../../emulator/index.js';
import type { CpuProfile, Engine, RunResult, Technique } from '../../emulator/index.js';
import { assembleGuest, guestFolder, guestSource } from '../../kernel/guests.js';

// The page-walk cache (CpuProfile.walkCache): a matter of cost, and of nothing else.

const p4 = findProfile('pentium4-672');
const guests = new Map(
  ['page-edits', 'page-faults', 'forkwait'].map((name) => [
    name,
    assembleGuest(guestSource(name), `${guestFolder}/${name}.asm`).bytes,
  ]),
);

function run(name: string, technique: Technique, entries: number, engine: Engine = 'compiled'): RunResult {
  const profile: CpuProfile = entries === 0 ? p4 : { ...p4, walkCache: { entries } };
  return runImage(guests.get(name)!, { technique, profile, engine, memoryBytes: 16 << 20 });
}

function references({ counts: { walk } }: RunResult): { memory: number; cached: number } {
  const {
    'walk.reference': plain = 0,
    'walk.nested.reference': nested = 0,
    'walk.cached': cached = 0,
  } = walk;
  return { memory: plain + nested, cached };
}

for (const technique of ['native', 'binary-translation', 'svm-shadow', 'svm-nested'] as const) {
  t.test(technique, async (t) => {
    for (const name of guests.keys()) {
      const without = run(name, technique, 0);
      t.equal(references(without).cached, 0, `${name}: without one nothing is cached`);
      let before = 0;
      let largest = without;
      for (const entries of [1, 4, 24]) {
        const label = `${name}, ${entries} entries`;
        const result = run(name, technique, entries);
        const { memory, cached } = references(result);
        t.equal(memory + cached, references(without).memory, `${label}: as many references as without`);
        t.ok(cached >= before, `${label}: ${cached} of them cached, no fewer than in a smaller one`);
        before = cached;
        // The prices of both kinds of reference are the same on this processor.
        const saved = cached * (p4.prices['walk.reference'].value - p4.prices['walk.cached'].value);
        t.equal(result.cycles, without.cycles - saved, `${label}: each costs what a hit costs`);
        t.same(result.state, without.state, `${label}: registers`);
        t.equal(result.memoryDigest, without.memoryDigest, `${label}: memory`);
        largest = result;
      }
      t.ok(before > 0, `${name}: some are found`);
      t.equal(run(name, technique, 24, 'interpreter').hash, largest.hash, 'either engine');
    }
  });
}
