import type { CostKey, CpuProfile, Technique } from '../../emulator/index.js';
import { FORKWAIT } from './forkwait.js';
import { priceOf } from './measure.js';
import type { Measurements, Slope, SlopeOf } from './measure.js';
import { NANOBENCHMARKS, nanoSlope } from './nano.js';
import { claim, shown, within } from './row.js';
import type { Row } from './row.js';
import { MACRO } from './workloads.js';

/** Exit and return in one figure, for the generations of Agesen et al., ATC 2012, table 1. */
const ROUND_TRIPS: Readonly<Record<string, number>> = {
  'pentium4-672': 3963,
  'core2-e6700': 1579,
  nehalem: 1009,
  westmere: 761,
  sandybridge: 784,
};

/** What is followed through the generations; of those that exit at all under the hardware VMM. */
const FOLLOWED: readonly (readonly [name: string, slope: Omit<SlopeOf, 'technique'>])[] = [
  ...['ptemod', 'pgfault'].map((name) => {
    const bench = NANOBENCHMARKS.find((candidate) => candidate.name === name)!;
    return [name, nanoSlope(bench.guest)] as const;
  }),
  ['forkwait', FORKWAIT],
  ...MACRO.map(({ name, ...slope }) => [name, slope] as const),
];
/** Where the paper says that the hardware VMM loses even if exits cost nothing (section 7.1). */
const LOST_AT_FREE_EXITS = ['ptemod', 'forkwait'];
const PAPERS_PROCESSORS = ['pentium4-672', 'core2-e6700'];

/** Section 7.1: what an exit costs, and below which cost the hardware VMM overtakes the software one; negative: never. */
export function fasterExitRows(measurements: Measurements): Row[] {
  const { profile } = measurements;
  const { vmrun, vmexit } = profile.prices;
  const generation = ROUND_TRIPS[profile.name];
  const rows =
    generation === undefined
      ? []
      : [
          within(
            {
              name: 'exit and return, cycles (ATC 2012, table 1)',
              figure: '7.1',
              technique: 'svm-shadow',
              paper: generation,
              ours: vmrun.value + vmexit.value,
              kind: 'input',
            },
            null,
          ),
        ];
  const crossings = FOLLOWED.map(([name, slope]) => {
    const software = measurements.slope({ ...slope, technique: 'binary-translation' });
    const hardware = measurements.slope({ ...slope, technique: 'svm-shadow' });
    const atFree = priceOf(hardware.counts, at(profile, { vmrun: 0, vmexit: 0 }));
    const exits = hardware.counts.vmexit;
    const about = { figure: '7.1', technique: 'svm-shadow', kind: 'predicted' } as const;
    if (exits === 0) {
      const ours = hardware.cycles / software.cycles;
      return shown({ ...about, name: `no exits at all; hardware, times software: ${name}`, ours });
    }
    const row = {
      ...about,
      name: `hardware overtakes below this exit and return, cycles: ${name}`,
      ours: (software.cycles - atFree) / exits,
    };
    const isClaimed = LOST_AT_FREE_EXITS.includes(name) && PAPERS_PROCESSORS.includes(profile.name);
    return isClaimed ? claim(row, 'never', row.ours < 0) : shown(row);
  });
  return [...rows, ...crossings];
}

/** What page-table edits and context switches make dear. */
const EDITING = FOLLOWED.filter(([name]) =>
  ['ptemod', 'forkwait', 'web, processes (ApacheLin)'].includes(name),
);

/** Section 7.2: the hardware VMM without traces gains on the software VMM, and still does not surpass it. */
export function lazyTraceRows(measurements: Measurements): Row[] {
  return EDITING.flatMap(([name, slope]) => {
    const hardware = { ...slope, technique: 'svm-shadow' } as const;
    const lazy = measurements.slope({ ...hardware, switches: { traces: 'lazy' } }).cycles;
    const eager = measurements.slope(hardware).cycles;
    const software = measurements.slope({ ...slope, technique: 'binary-translation' }).cycles;
    const about = { figure: '7.2', technique: 'svm-shadow', kind: 'predicted' } as const;
    const gain = { ...about, name: `${name} without traces, times with them`, ours: lazy / eager };
    const left = { ...about, name: `${name} without traces, times the software VMM`, ours: lazy / software };
    if (name !== 'forkwait' || !PAPERS_PROCESSORS.includes(measurements.profile.name))
      return [shown(gain), shown(left)];
    return [claim(gain, 'gains', gain.ours < 1), claim(left, 'does not surpass', left.ours > 1)];
  });
}

/** System calls by turns with page-table edits: what section 7.3 is for. */
const PHASES = { guest: 'phases', parameter: 'PHASES', between: [4, 8] } as const;

/** Section 7.3: a hybrid of both VMMs against the better of them, and against an oracle that knows the guest. */
export function hybridRows(measurements: Measurements): Row[] {
  const about = { figure: '7.3', technique: 'hybrid', kind: 'predicted' } as const;
  const rows = [['phases', PHASES] as const, ...FOLLOWED].map(([name, slope]) => {
    const cycles = (technique: Technique) => measurements.slope({ ...slope, technique }).cycles;
    const better = Math.min(cycles('binary-translation'), cycles('svm-shadow'));
    const row = { ...about, name: `${name}, times the better half`, ours: cycles('hybrid') / better };
    return name === 'phases' ? claim(row, 'beats both halves', row.ours < 1) : shown(row);
  });
  const [adaptive, oracle] = (['adaptive', 'oracle'] as const).map(
    (policy) => measurements.slope({ ...PHASES, technique: 'hybrid', switches: { policy } }).cycles,
  );
  return [...rows, shown({ ...about, name: 'phases, times the oracle', ours: adaptive / oracle })];
}

/** The large-RAM guest after it has grown: it misses the TLB at almost every access, and faults no more. */
const MISSES: Omit<SlopeOf, 'technique'> = {
  guest: 'large-ram',
  parameter: 'ACCESSES',
  between: [16_000, 20_000],
  parameters: { HEAP_PAGES: 2048 },
};
const TLB_ENTRIES = [64, 256, 1024, 4096];
/** What a walk refers to: entries in memory, of either kind of table, and entries in the page-walk cache. */
const WALK = ['walk.reference', 'walk.nested.reference', 'walk.cached'] as const;
/** Patterson & Hennessy, 5.14: misses per 1,000 instructions and cycles each under nesting, faults and cycles under shadows. */
const TEXTBOOK = { misses: 0.2, missCycles: 200, faults: 0.001, faultCycles: 30_000 };

/** Section 7.4: what nested paging costs and saves. */
export function nestedPagingRows(measurements: Measurements): Row[] {
  const { profile } = measurements;
  const slope = (technique: Technique, from = measurements) => from.slope({ ...MISSES, technique });
  const [native, nested] = [slope('native'), slope('svm-nested')];
  const references = ({ counts }: Slope) => WALK.reduce((sum, key) => sum + counts[key], 0);
  const walks = references(native) / 2;
  const small = measurements.slope({
    ...MISSES,
    technique: 'svm-nested',
    switches: { nestedLargePages: false },
  });
  const figure = '7.4';
  const walk = (kind: typeof nested) => priceOf(only(kind.counts, WALK), profile);
  const extraMiss = (walk(nested) - walk(native)) / walks;
  const fault = measurements.slope({ ...nanoSlope('nano-pgfault'), technique: 'svm-shadow' }).cycles;
  const shadowCost = TEXTBOOK.faults * fault;
  const nestedCost = TEXTBOOK.misses * extraMiss;
  return [
    ...(
      [
        ['4 KB', small, 8],
        ['4 MB', nested, 5],
      ] as const
    ).map(([size, slope, paper]) =>
      within(
        {
          name: `references of a walk, two levels over nested pages of ${size}`,
          figure,
          technique: 'svm-nested',
          paper,
          ours: references(slope) / walks,
          kind: 'predicted',
        },
        0.05,
      ),
    ),
    ...['ptemod', 'pgfault'].map((name) => {
      const { guest } = NANOBENCHMARKS.find((candidate) => candidate.name === name)!;
      const { exits } = measurements.slope({ ...nanoSlope(guest), technique: 'svm-nested' });
      return within(
        { name: `${name}, exits`, figure, technique: 'svm-nested', paper: 0, ours: exits, kind: 'predicted' },
        0,
      );
    }),
    ...TLB_ENTRIES.flatMap((entries) => {
      const sized = measurements.with({ ...profile, tlb: { ...profile.tlb, entries } });
      const bare = slope('native', sized).cycles;
      return (['svm-shadow', 'svm-nested'] as const).map((technique) =>
        shown({
          name: `random accesses to 8 MB with a TLB of ${entries} entries, % of native`,
          figure,
          technique,
          ours: (100 * bare) / slope(technique, sized).cycles,
          kind: 'predicted',
        }),
      );
    }),
    {
      ...within(
        {
          name: 'textbook case: shadow page faults, cycles per 1,000 instructions',
          figure,
          technique: 'svm-shadow',
          paper: TEXTBOOK.faults * TEXTBOOK.faultCycles,
          ours: shadowCost,
          kind: 'predicted',
        },
        null,
      ),
      target: 'shadows beat nesting',
      met: shadowCost < nestedCost,
    },
    within(
      {
        name: 'textbook case: longer walks, cycles per 1,000 instructions',
        figure,
        technique: 'svm-nested',
        paper: TEXTBOOK.misses * TEXTBOOK.missCycles,
        ours: nestedCost,
        kind: 'predicted',
      },
      null,
    ),
  ];
}

/** The profile with some prices changed. */
function at(profile: CpuProfile, cycles: Partial<Record<CostKey, number>>): CpuProfile {
  const changed = Object.entries(cycles).map(([key, value]) => [
    key,
    { ...profile.prices[key as CostKey], value },
  ]);
  return { ...profile, prices: { ...profile.prices, ...Object.fromEntries(changed) } };
}

function only(counts: Readonly<Record<CostKey, number>>, keys: readonly CostKey[]): Record<CostKey, number> {
  return Object.fromEntries(
    Object.entries(counts).map(([key, count]) => [key, keys.includes(key as CostKey) ? count : 0]),
  ) as Record<CostKey, number>;
}
