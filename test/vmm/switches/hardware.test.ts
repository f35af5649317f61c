import t from 'tap';
import { findProfile } from '../../../emulator/cost/catalog.js';
import type { CpuProfile } from '../../../emulator/cost/profile.js';
import type { Technique } from '../../../emulator/vmm/catalog.js';
import type { Switches } from '../../../emulator/vmm/switches.js';
import type { Vmm } from '../../../emulator/vmm/vmm.js';
import { PAGING_ON } from '../guest-source.js';
import { guests } from '../guests.js';
import type { GuestCase } from '../guest-source.js';
import { hypervisors } from '../nested-guests.js';
import { randomGuests } from '../random-guests.js';
import { finish, memoryDifferences, start, visible } from '../run-guest.js';

const nehalem = findProfile('nehalem');
const zen3 = findProfile('zen3');

/** Exits one after the other, exits with a little between them, and pairs of page-table stores. */
const CLUSTERS: GuestCase = {
  name: 'clusters of exits',
  code: `${PAGING_ON}
        mov ebp, 40
again:  in al, 0x80
        in al, 0x80
        inc ebx
        cpuid
        xor edx, edx                ; what it tells depends on the technique
        mov dword [ENTRY], FRAMES | P | W
        mov dword [ENTRY - 4], FRAMES | P | W
        invlpg [WINDOW]
        mov [WINDOW], ebp
        mov eax, cr3
        mov cr3, eax
        dec ebp
        jnz again
        mov ecx, 64
        mov esi, TABLE + 0x3c0 * 4
fill:   mov dword [esi], FRAMES | P | W
        add esi, 4
        loop fill
        mov eax, cr3
        mov cr3, eax`,
};

/** On a processor whose every optional part of SVM guests can see too. */
const p4 = findProfile('pentium4-672');
const full: CpuProfile = {
  ...p4,
  tlb: { ...p4.tlb, tagged: true },
  svm: { asids: 8, nextRip: true, decodeAssists: true, pauseFilter: true },
};
const native = new Map<GuestCase, Vmm>();

function reference(guest: GuestCase): Vmm {
  let vmm = native.get(guest);
  if (!vmm) {
    vmm = start(guest, 'native', full);
    finish(vmm);
    native.set(guest, vmm);
  }
  return vmm;
}

function run(guest: GuestCase, technique: Technique, profile: CpuProfile, switches: Partial<Switches>): Vmm {
  const vmm = start(guest, technique, profile, switches);
  finish(vmm);
  return vmm;
}

const cycles = ({ host }: Vmm): number => host.ledger.cyclesExact;
const count = (
  { host }: Vmm,
  account: 'vmm' | 'walk',
  key: 'vmm.decode' | 'vmcb.read' | 'walk.reference' | 'walk.nested.reference' | 'walk.cached',
) => host.ledger.snapshot()[account][key] ?? 0;
const exits = ({ exits }: Vmm): number => [...exits.values()].reduce((sum, row) => sum + row.count, 0);

const rows: {
  technique: Technique;
  profile: CpuProfile;
  switches: Partial<Switches>;
  what: string;
  measure: (vmm: Vmm) => number;
  direction: 'more' | 'fewer';
}[] = [
  {
    technique: 'svm-shadow',
    profile: nehalem,
    switches: { addressSpaceTags: false },
    what: 'references of walks',
    measure: (vmm) => count(vmm, 'walk', 'walk.reference'),
    direction: 'more',
  },
  {
    technique: 'svm-nested',
    profile: nehalem,
    switches: { addressSpaceTags: false },
    what: 'references of walks',
    measure: (vmm) =>
      count(vmm, 'walk', 'walk.reference') +
      count(vmm, 'walk', 'walk.nested.reference') +
      count(vmm, 'walk', 'walk.cached'),
    direction: 'more',
  },
  {
    technique: 'svm-nested',
    profile: nehalem,
    switches: { addressSpaceTags: false },
    what: 'cycles',
    measure: cycles,
    direction: 'more',
  },
  {
    technique: 'svm-shadow',
    profile: zen3,
    switches: { decodeAssists: false },
    what: 'decodings',
    measure: (vmm) => count(vmm, 'vmm', 'vmm.decode'),
    direction: 'more',
  },
  {
    technique: 'svm-shadow',
    profile: zen3,
    switches: { decodeAssists: false },
    what: 'cycles',
    measure: cycles,
    direction: 'more',
  },
  {
    technique: 'svm-shadow',
    profile: nehalem,
    switches: { leanHandlers: true },
    what: 'reads of the VMCB',
    measure: (vmm) => count(vmm, 'vmm', 'vmcb.read'),
    direction: 'fewer',
  },
  {
    technique: 'svm-nested',
    profile: nehalem,
    switches: { leanHandlers: true },
    what: 'cycles',
    measure: cycles,
    direction: 'fewer',
  },
  {
    technique: 'svm-shadow',
    profile: nehalem,
    switches: { exitAvoidance: true },
    what: 'exits',
    measure: exits,
    direction: 'fewer',
  },
  {
    technique: 'svm-shadow',
    profile: nehalem,
    switches: { exitAvoidance: true },
    what: 'cycles',
    measure: cycles,
    direction: 'fewer',
  },
  {
    technique: 'svm-nested',
    profile: nehalem,
    switches: { exitAvoidance: true },
    what: 'exits',
    measure: exits,
    direction: 'fewer',
  },
  {
    technique: 'svm-nested',
    profile: nehalem,
    switches: { exitAvoidance: true },
    what: 'cycles',
    measure: cycles,
    direction: 'fewer',
  },
  {
    technique: 'svm-nested',
    profile: nehalem,
    switches: { nestedLargePages: false },
    what: 'nested references of walks',
    measure: (vmm) => count(vmm, 'walk', 'walk.nested.reference'),
    direction: 'more',
  },
];

for (const { technique, profile, switches, what, measure, direction } of rows) {
  t.test(`${technique}, ${profile.name}, ${JSON.stringify(switches)}: ${direction} ${what}`, async (t) => {
    const usual = measure(run(CLUSTERS, technique, profile, {}));
    const changed = measure(run(CLUSTERS, technique, profile, switches));
    t.ok(direction === 'more' ? changed > usual : changed < usual, `${changed}, usually ${usual}`);
  });
}

t.test('pairs of page-table stores are one exit (ATC 2012)', async (t) => {
  const traces = (switches: Partial<Switches>) =>
    run(CLUSTERS, 'svm-shadow', nehalem, switches).exits.get('PAGE_FAULT_TRACE')?.count ?? 0;
  const [usual, avoided] = [traces({}), traces({ exitAvoidance: true })];
  t.ok(avoided < 0.6 * usual, `${avoided} exits for stores to page tables, usually ${usual}`);
});

/** CPUID tells the profile's name, so guests that store it are compared under one profile. */
const comparable = [CLUSTERS, ...guests, ...randomGuests(2, 6), ...hypervisors].filter(
  ({ name }) => !/tells about itself/.test(name),
);

t.test('no switch changes what a guest can see', async (t) => {
  const all: Partial<Switches>[] = [
    { exitAvoidance: true },
    { exitAvoidance: true, leanHandlers: true, decodeAssists: false, addressSpaceTags: false },
  ];
  for (const switches of all) {
    for (const technique of ['svm-shadow', 'svm-nested'] as const) {
      for (const guest of comparable) {
        const vmm = run(guest, technique, full, switches);
        const label = `${guest.name}, ${technique}, ${JSON.stringify(switches)}`;
        t.same(visible(vmm), visible(reference(guest)), label);
        t.same(memoryDifferences(reference(guest), vmm), [], `${label}: memory`);
      }
    }
  }
});
