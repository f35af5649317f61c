import type { Measurements } from './measure.js';
import { COMPARED } from './nano.js';
import type { Compared } from './nano.js';
import { within } from './row.js';
import type { Row } from './row.js';

/** A guest that does `parameter` pieces of work; its figure is the speed of one more piece, in percent of native. */
interface Workload {
  name: string;
  guest: string;
  parameter: string;
  between: readonly [number, number];
  parameters?: Readonly<Record<string, number>>;
  /** Percent of native under the paper's software and hardware VMM. */
  paper: readonly [software: number, hardware: number];
}

/**
 * Figure 2: each of our integer kernels stands for the SPECint program of its kind (bar heights, paper.md 2.2). They run
 * some 120 M cycles, in which the timer ticks three times: almost all that a monitor has to do for them.
 */
const COMPUTE: readonly Workload[] = [
  compute('compress (gzip)', 'compute-compress', 55, [96.4, 94.1]),
  compute('hash (crafty)', 'compute-hash', 1500, [96.9, 96.6]),
  compute('sort (twolf)', 'compute-sort', 1100, [94.5, 94.4]),
  compute('matrix (eon)', 'compute-matrix', 420, [96.8, 96.3]),
  compute('interpreter (perlbmk)', 'compute-interpreter', 650, [95.4, 93.3]),
  compute('pointer chase (mcf)', 'compute-chase', 220, [105.5, 103.6]),
];

/** Figure 3 (paper.md 2.3). */
export const MACRO: readonly Workload[] = [
  { name: 'compile', guest: 'compile', parameter: 'JOBS', between: [3, 8], paper: [67.4, 54.8] },
  {
    name: 'web, processes (ApacheLin)',
    guest: 'web-processes',
    parameter: 'REQUESTS',
    between: [40, 120],
    paper: [44.7, 38.4],
  },
  {
    name: 'web, threads (ApacheWin)',
    guest: 'web-threads',
    parameter: 'REQUESTS',
    between: [40, 120],
    paper: [53.4, 67.0],
  },
  {
    name: 'large RAM',
    guest: 'large-ram',
    parameter: 'ACCESSES',
    between: [8000, 16_000],
    parameters: { HEAP_PAGES: 2048 },
    paper: [52.2, 20.0],
  },
  { name: '2D graphics', guest: 'graphics', parameter: 'CALLS', between: [500, 1500], paper: [63.4, 70.0] },
];

export function computeRows(measurements: Measurements): Row[] {
  return COMPUTE.flatMap((workload) => rowsOf(measurements, workload, '2'));
}

/** Figure 3: what has to come out is which monitor wins. */
export function macroRows(measurements: Measurements): Row[] {
  return MACRO.flatMap((workload) => {
    const [software, hardware] = rowsOf(measurements, workload, '3');
    const same = software.ours > hardware.ours === software.paper > hardware.paper;
    return [software, hardware].map((row) => ({ ...row, target: 'same winner', met: same }));
  });
}

function rowsOf(measurements: Measurements, workload: Workload, figure: string) {
  const [native, ...monitors] = COMPARED.map((technique) => ({
    technique,
    cycles: cyclesOf(measurements, workload, technique),
  }));
  return monitors.map(({ technique, cycles }, index) =>
    within(
      {
        name: `${workload.name}, % of native`,
        figure,
        technique,
        paper: workload.paper[index],
        ours: (100 * native.cycles) / cycles,
        kind: 'predicted',
      },
      null,
    ),
  );
}

function cyclesOf(
  measurements: Measurements,
  { guest, parameter, between, parameters = {} }: Workload,
  technique: Compared,
): number {
  return measurements.slope({ guest, technique, parameter, between, parameters }).cycles;
}

function compute(name: string, guest: string, rounds: number, paper: Workload['paper']): Workload {
  return { name, guest, parameter: 'ROUNDS', between: [1, rounds], paper };
}
