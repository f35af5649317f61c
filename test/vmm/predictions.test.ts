import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../emulator/cost/profile.js';
import { reprice, runImage } from '../../emulator/index.js';
import type { Technique } from '../../emulator/index.js';
import { assembleGuest, guestFolder, guestSource } from '../../kernel/guests.js';

// The predictions of Adams & Agesen 2006, section 7, for hardware techniques.

const p4 = findProfile('pentium4-672');
const { bytes: edits } = assembleGuest(guestSource('page-edits'), `${guestFolder}/page-edits.asm`);

function cycles(technique: Technique, profile: CpuProfile): number {
  const run = runImage(edits, { technique, profile, memoryBytes: 8 << 20 });
  if (run.outcome !== 'exit') throw new Error(`${technique}: ${run.detail}`);
  return run.cycles;
}

t.test(
  '7.1: with transitions for nothing, page table modification is still dearer than under binary translation',
  async (t) => {
    const nothing = { value: 0, kind: 'guess', source: 'what if an exit cost nothing' } as const;
    for (const name of ['pentium4-672', 'core2-e6700']) {
      const profile = findProfile(name);
      const free = {
        ...profile,
        name: 'free exits',
        prices: { ...profile.prices, vmrun: nothing, vmexit: nothing },
      };
      const hardware = cycles('svm-shadow', free);
      const software = cycles('binary-translation', free);
      t.ok(
        hardware > software,
        `${name}: ${hardware} under svm-shadow, ${software} under binary translation`,
      );
      t.ok(hardware < cycles('svm-shadow', profile), 'though free exits do help');
    }
  },
);

t.test('7.1: the same by repricing, whatever of an exit is free', async (t) => {
  const free = { value: 0, kind: 'guess', source: 'what if an exit cost nothing' } as const;
  const results = (['svm-shadow', 'binary-translation'] as const).map((technique) =>
    runImage(edits, { technique, memoryBytes: 8 << 20 }),
  );
  t.same(
    results.map(({ timeDependent }) => timeDependent),
    [false, false],
    'other prices change nothing but the price',
  );
  for (const keys of [
    ['vmrun', 'vmexit'],
    ['vmrun', 'vmexit', 'vmm.exit', 'vmcb.read', 'vmcb.write'],
  ]) {
    const prices = { ...p4.prices, ...Object.fromEntries(keys.map((key) => [key, free])) };
    const [hardware, software] = results.map((run) => reprice(run, { ...p4, prices }).cycles);
    t.ok(hardware > software, `${keys.join(', ')} for nothing: ${hardware} against ${software}`);
  }
});

t.test('7.2: without traces hardware gains on software, but does not surpass it', async (t) => {
  for (const guest of ['page-edits', 'forkwait']) {
    const { bytes } = assembleGuest(guestSource(guest), `${guestFolder}/${guest}.asm`);
    const run = (technique: Technique, traces: 'eager' | 'lazy') =>
      runImage(bytes, { technique, memoryBytes: 8 << 20, switches: { traces } }).cycles;
    const [hardware, software] = [run('svm-shadow', 'lazy'), run('binary-translation', 'lazy')];
    t.ok(hardware < 0.75 * run('svm-shadow', 'eager'), `${guest}: ${hardware} under svm-shadow`);
    t.ok(software < run('binary-translation', 'eager'), `${software} under binary translation`);
    t.ok(software < hardware, 'which is still the faster one');
  }
});

t.test('7.1: each generation of transitions makes svm-shadow faster', async (t) => {
  const names = ['pentium4-672', 'core2-e6700', 'nehalem', 'westmere'];
  const figures = names.map((name) => cycles('svm-shadow', findProfile(name)));
  for (let at = 1; at < figures.length; at++)
    t.ok(figures[at] < figures[at - 1], `${names[at]}: ${figures[at]}`);
});

t.test('7.4: nested paging makes page table modification near native', async (t) => {
  for (const name of ['pentium4-672', 'nehalem', 'zen3']) {
    const profile = findProfile(name);
    const [native, nested, shadow] = (['native', 'svm-nested', 'svm-shadow'] as const).map((technique) =>
      cycles(technique, profile),
    );
    t.ok(nested < 1.5 * native, `${name}: ${nested} under svm-nested, ${native} natively`);
    t.ok(shadow > 2 * nested, `${name}: ${shadow} under svm-shadow`);
  }
  t.ok(cycles('svm-nested', p4) > cycles('native', p4), 'its TLB misses cost more');
});
