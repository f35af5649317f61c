import type { Measurements } from './measure.js';
import { COMPARED } from './nano.js';
import { within } from './row.js';
import type { Row } from './row.js';

/** Section 6.2 and 7.1: 40,000 times fork and wait, in seconds. */
const PAPER = {
  'pentium4-672': { native: 6.02, 'binary-translation': 36.95, 'svm-shadow': 106.4, tolerance: 0.25 },
  'core2-e6700': { native: 2.62, 'binary-translation': 18.43, 'svm-shadow': 38.89, tolerance: 0.3 },
} as const;
const ITERATIONS = 40_000;

/** The process is sized so that an iteration on the bare Pentium 4 takes the paper's 572,000 cycles; see the guest. */
export const FORKWAIT = { guest: 'forkwait', parameter: 'ITERATIONS', between: [3, 8] } as const;

/** Fork and wait: native cycles an iteration, and how many times longer it takes under the monitors. */
export function forkwaitRows(measurements: Measurements): Row[] {
  const { profile } = measurements;
  if (!(profile.name in PAPER)) return [];
  const paper = PAPER[profile.name as keyof typeof PAPER];
  const [native, ...monitors] = COMPARED.map((technique) => ({
    technique,
    cycles: measurements.slope({ ...FORKWAIT, technique }).cycles,
  }));
  return [
    within(
      {
        name: 'forkwait, cycles an iteration',
        figure: '6.2',
        technique: 'native',
        paper: (paper.native / ITERATIONS) * profile.frequencyHz,
        ours: native.cycles,
        kind: profile.name === 'pentium4-672' ? 'input' : 'predicted',
      },
      null,
    ),
    ...monitors.map(({ technique, cycles }) =>
      within(
        {
          name: 'forkwait, times native',
          figure: '6.2',
          technique,
          paper: paper[technique] / paper.native,
          ours: cycles / native.cycles,
          kind: 'predicted',
        },
        paper.tolerance,
      ),
    ),
  ];
}
