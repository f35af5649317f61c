import t from 'tap';
import type { Technique } from '../../../emulator/vmm/catalog.js';
import type { ShadowStatistics } from '../../../emulator/vmm/shadow-statistics.js';
import type { Switches } from '../../../emulator/vmm/switches.js';
import type { Vmm } from '../../../emulator/vmm/vmm.js';
import { guests } from '../guests.js';
import type { GuestCase } from '../guest-source.js';
import { randomGuests } from '../random-guests.js';
import { finish, memoryDifferences, start, visible } from '../run-guest.js';
import { EDITS, LATE_GUESTS, LOADS, spaces } from './shadow-guests.js';

const TECHNIQUES = ['trap-and-emulate', 'binary-translation', 'svm-shadow'] as const;

function run(guest: GuestCase, technique: Technique, switches: Partial<Switches>): Vmm {
  const vmm = start(guest, technique, 'pentium4-672', switches);
  const stop = finish(vmm);
  if (stop.kind === 'budget') throw new Error(`${guest.name} does not come to an end under ${technique}`);
  return vmm;
}

const cycles = ({ host }: Vmm): number => host.ledger.cyclesExact;
const statistic =
  (name: keyof ShadowStatistics) =>
  ({ shadowStatistics }: Vmm): number =>
    shadowStatistics![name];

const EDITED_LAZILY: Partial<Switches> = { traces: 'lazy' };
const NOTHING_KEPT: Partial<Switches> = { shadowCache: 0 };
const FEW_PAGES = spaces(4);
const MANY_PAGES = spaces(60);

/** What a switch changes, in every technique; `than` is what it is compared with, the defaults unless told. */
const ROWS: {
  guest: GuestCase;
  switches: Partial<Switches>;
  than?: Partial<Switches>;
  changes: readonly [what: string, measure: (vmm: Vmm) => number, direction: 'more' | 'fewer'][];
}[] = [
  {
    guest: EDITS,
    switches: EDITED_LAZILY,
    changes: [
      ['cycles', cycles, 'fewer'],
      ['traces fired', statistic('tracesFired'), 'fewer'],
      ['trace faults', statistic('traceFaults'), 'fewer'],
      ['entries synchronised', statistic('synchronised'), 'more'],
      ['tables without traces', statistic('loosened'), 'more'],
    ],
  },
  {
    guest: LOADS,
    switches: EDITED_LAZILY,
    changes: [
      ['cycles', cycles, 'more'],
      ['hidden faults', statistic('hiddenFaults'), 'more'],
      ['entries filled by traces', statistic('eagerlyFilled'), 'fewer'],
      ['entries synchronised', statistic('synchronised'), 'more'],
    ],
  },
  {
    guest: FEW_PAGES,
    switches: NOTHING_KEPT,
    changes: [
      ['cycles', cycles, 'more'],
      ['hidden faults', statistic('hiddenFaults'), 'more'],
      ['hits', statistic('cacheHits'), 'fewer'],
      ['misses', statistic('cacheMisses'), 'more'],
      ['evictions', statistic('evictions'), 'more'],
    ],
  },
  {
    guest: FEW_PAGES,
    switches: { shadowCache: 2 },
    changes: [
      ['cycles', cycles, 'more'],
      ['misses', statistic('cacheMisses'), 'more'],
    ],
  },
  {
    guest: MANY_PAGES,
    switches: { prevalidation: true, ...NOTHING_KEPT },
    than: NOTHING_KEPT,
    changes: [
      ['cycles', cycles, 'fewer'],
      ['hidden faults', statistic('hiddenFaults'), 'fewer'],
      ['entries filled ahead', statistic('prefilled'), 'more'],
    ],
  },
  {
    guest: spaces(1),
    switches: { prevalidation: true, ...NOTHING_KEPT },
    than: NOTHING_KEPT,
    changes: [
      ['cycles', cycles, 'more'],
      ['hidden faults', statistic('hiddenFaults'), 'fewer'],
    ],
  },
];

for (const { guest, switches, than = {}, changes } of ROWS) {
  t.test(`${JSON.stringify(switches)}: ${guest.name}`, async (t) => {
    for (const technique of TECHNIQUES) {
      const [usual, changed] = [run(guest, technique, than), run(guest, technique, switches)];
      for (const [what, measure, direction] of changes) {
        const [before, after] = [measure(usual), measure(changed)];
        t.ok(
          direction === 'more' ? after > before : after < before,
          `${technique}: ${direction} ${what}: ${before} -> ${after}`,
        );
      }
    }
  });
}

t.test('a budget that is large enough is as good as any', async (t) => {
  for (const technique of TECHNIQUES) {
    const [usual, enough] = [run(FEW_PAGES, technique, {}), run(FEW_PAGES, technique, { shadowCache: 4 })];
    t.equal(cycles(enough), cycles(usual), technique);
    t.equal(statistic('evictions')(enough), 0);
  }
});

t.test('what happened adds up', async (t) => {
  for (const technique of TECHNIQUES) {
    const vmm = run(
      guests.find(({ name }) => /^true page faults/.test(name))!,
      technique,
      {},
    );
    const counts = vmm.shadowStatistics!;
    const exits = (reason: string) => [...vmm.exits].find(([name]) => name === reason)?.[1].count ?? 0;
    t.equal(counts.trueFaults, exits('PAGE_FAULT_TRUE'), `${technique}: true faults`);
    t.equal(counts.hiddenFaults, exits('PAGE_FAULT_HIDDEN'), `${technique}: hidden faults`);
    t.equal(counts.traceFaults, exits('PAGE_FAULT_TRACE'), `${technique}: trace faults`);
    t.ok(counts.trueFaults > 0 && counts.hiddenFaults > 0 && counts.roots > 0 && counts.tables > 0);
  }
  t.equal(run(EDITS, 'native', {}).shadowStatistics, null);
  t.equal(run(EDITS, 'svm-nested', {}).shadowStatistics, null);
});

const ALL: Partial<Switches> = { traces: 'lazy', prevalidation: true, shadowCache: 1 };
/** CPUID tells the technique. */
const OTHER_GUESTS = [...guests, ...randomGuests(3, 4)].filter(
  ({ name }) => !/tells about itself/.test(name),
);

t.test('no policy changes what a guest can see', async (t) => {
  const compare = (guest: GuestCase, technique: Technique, policy: Partial<Switches>, native: Vmm) => {
    const own: Partial<Switches> = technique === 'trap-and-emulate' ? { sensitiveTraps: true } : {};
    const vmm = run(guest, technique, { ...policy, ...own });
    const what = `${guest.name}, ${technique}, ${JSON.stringify(policy)}`;
    t.same(visible(vmm), visible(native), what);
    t.same(memoryDifferences(native, vmm), [], `${what}: memory`);
  };
  for (const guest of LATE_GUESTS) {
    const native = run(guest, 'native', {});
    for (const technique of TECHNIQUES) {
      for (const policy of [{ traces: 'lazy' }, { prevalidation: true, shadowCache: 0 }, ALL] as const)
        compare(guest, technique, policy, native);
    }
  }
  // One technique each: the random programs (test/random) go through all of them.
  for (const [index, guest] of OTHER_GUESTS.entries())
    compare(guest, TECHNIQUES[index % TECHNIQUES.length], ALL, run(guest, 'native', {}));
});
