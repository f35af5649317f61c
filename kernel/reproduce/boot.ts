import type { Measurements } from './measure.js';
import { COMPARED, NANOBENCHMARKS, operation } from './nano.js';
import type { Compared } from './nano.js';
import { within } from './row.js';
import type { Row } from './row.js';

type Monitor = Exclude<Compared, 'native'>;

interface Source {
  /** As figure 5 calls it. */
  name: string;
  /** The nanobenchmark that prices it. */
  nano: string;
  /** How often it happens while XP-64 boots and halts (derived from figure 5, paper.md 2.6). */
  count: number;
  /** Seconds of overhead in figure 5. */
  paper: Readonly<Record<Monitor, number>>;
}

/** Figure 5: overhead of booting and halting XP-64 by source. */
const SOURCES: readonly Source[] = [
  source('syscall', 'syscall', 1.09e6, 0.595, 0),
  source('in/out', 'in', 2.43e6, 0, 8.081),
  source('cr8wr', 'cr8wr', 3.43e6, -0.108, 0.023),
  source('call/ret', 'call/ret', 44e6, 0.463, 0),
  source('pgfault', 'pgfault', 13.7e3, 0.009, 0.04),
  source('ptemod', 'ptemod', 1.035e6, 0.106, 3.484),
];
/** Guest instructions translated, of which 259,936 units were made. */
const TRANSLATED_INSTRUCTIONS = 0.99e6;
const TRANSLATION_SECONDS = 0.6;

/**
 * As the paper does it: counts of a boot of XP-64, priced with what the nanobenchmarks cost above native. The counts are
 * the paper's, the costs ours. What has to come out is the order of the sources.
 */
export function bootRows(measurements: Measurements): Row[] {
  return COMPARED.filter((technique) => technique !== 'native').flatMap((technique) => {
    const rows = [
      ...SOURCES.map(({ name, nano, count, paper }) => {
        const bench = NANOBENCHMARKS.find((candidate) => candidate.name === nano)!;
        const extra =
          operation(measurements, bench, technique).cycles - operation(measurements, bench, 'native').cycles;
        return overhead(measurements, name, technique, paper[technique], count * extra);
      }),
      overhead(
        measurements,
        'translate',
        technique,
        technique === 'binary-translation' ? TRANSLATION_SECONDS : 0,
        technique === 'binary-translation'
          ? TRANSLATED_INSTRUCTIONS * measurements.profile.prices['translate.instruction'].value
          : 0,
      ),
    ];
    const met = orderOf(rows, 'ours').join() === orderOf(rows, 'paper').join();
    return rows.map((row) => ({ ...row, target: "the paper's order", met }));
  });
}

/** Sources of any weight, heaviest first. Below a hundredth of the whole the order is noise. */
function orderOf(rows: readonly (Row & { paper: number })[], column: 'paper' | 'ours'): string[] {
  const whole = rows.reduce((sum, row) => sum + Math.max(0, row[column]), 0);
  return rows
    .filter((row) => row[column] > whole / 100)
    .sort((a, b) => b[column] - a[column])
    .map(({ name }) => name);
}

function overhead(
  { profile }: Measurements,
  name: string,
  technique: Monitor,
  paper: number,
  cycles: number,
) {
  return within(
    {
      name: `boot/halt: ${name}, s`,
      figure: '5',
      technique,
      paper,
      ours: cycles / profile.frequencyHz,
      kind: 'predicted',
    },
    null,
  );
}

function source(name: string, nano: string, count: number, software: number, hardware: number): Source {
  return { name, nano, count, paper: { 'binary-translation': software, 'svm-shadow': hardware } };
}
