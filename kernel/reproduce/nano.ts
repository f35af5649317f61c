import { less } from './measure.js';
import type { Measurements, Slope } from './measure.js';
import { within } from './row.js';
import type { Row } from './row.js';

/** The two monitors that the paper compares, by our names, and the bare machine. */
export const COMPARED = ['native', 'binary-translation', 'svm-shadow'] as const;
export type Compared = (typeof COMPARED)[number];

interface Nanobenchmark {
  /** As the paper calls it. */
  name: string;
  guest: string;
  /** The same loop with nothing in it. */
  loop: string;
  /** The profile takes the native figure as a fact; false: it only appears in the paper's raw data (page 12). */
  nativeIsInput: boolean;
  /** How ours differs from the paper's, where it does. */
  note?: string;
  /** Cycles on the Pentium 4 672 (A06 figure 4 and its appendix, page 12). */
  paper: Readonly<Record<Compared, number>>;
}

const CR8_NOTE =
  'cr8wr: the paper writes CR8 in 64-bit mode; ours are 32-bit guests, which write it by LOCK MOV CR0, an encoding of ' +
  "AMD's (AltMovCr8) that the simulated Pentium 4 has and the real one had not";

/** Figure 4 and the raw data behind it. */
export const NANOBENCHMARKS: readonly Nanobenchmark[] = [
  row('syscall', 'nano-syscall', 'nano-empty-user', 242, 2308, 246),
  row('in', 'nano-in', 'nano-empty', 3209, 216, 15826),
  { ...row('cr8wr', 'nano-cr8wr', 'nano-empty', 150, 35, 177), note: CR8_NOTE },
  row('call/ret', 'nano-call', 'nano-empty', 11, 51, 11),
  row('pgfault', 'nano-pgfault', 'nano-empty', 1093, 3927, 11242),
  row('divzero', 'nano-divzero', 'nano-empty', 889, 3223, 1014),
  row('ptemod', 'nano-ptemod-same', 'nano-empty', 1, 391, 12733),
  row('ptemod P->NP', 'nano-ptemod-clear', 'nano-empty-set', 4, 17, 9154, false),
  row('ptemod NP->P', 'nano-ptemod-set', 'nano-empty-set', 5, 2121, 17020, false),
];

/** Past the point where translation has adapted, and short of the page-table entries that a guest has. */
const REPEATS = [1000, 2000] as const;

/** A nanobenchmark, or its empty loop, as something to take the slope of. */
export function nanoSlope(guest: string) {
  return { guest, parameter: 'REPEAT', between: REPEATS };
}

/** Of one nanobenchmark under one technique: one operation, without the loop. */
export function operation(
  measurements: Measurements,
  { guest, loop }: Nanobenchmark,
  technique: Compared,
): Slope {
  const [whole, empty] = [guest, loop].map((name) => measurements.slope({ ...nanoSlope(name), technique }));
  return less(whole, empty);
}

const CALIBRATED_TOLERANCE = 0.05;
const PREDICTED_TOLERANCE = 0.2;

/** Figure 4. @param calibrated tells whether a monitor's cell is one that prices were fitted to. */
export function nanoRows(
  measurements: Measurements,
  calibrated: (name: string, technique: Compared) => boolean,
): Row[] {
  return NANOBENCHMARKS.flatMap((bench) =>
    COMPARED.map((technique) => {
      const kind =
        technique === 'native' && bench.nativeIsInput
          ? 'input'
          : calibrated(bench.name, technique)
            ? 'calibrated'
            : 'predicted';
      return within(
        {
          name: `${bench.name}, cycles`,
          figure: '4',
          technique,
          paper: bench.paper[technique],
          ours: operation(measurements, bench, technique).cycles,
          kind,
          ...(bench.note !== undefined && { note: bench.note }),
        },
        kind === 'predicted' ? PREDICTED_TOLERANCE : CALIBRATED_TOLERANCE,
      );
    }),
  );
}

function row(
  name: string,
  guest: string,
  loop: string,
  native: number,
  software: number,
  hardware: number,
  nativeIsInput = true,
): Nanobenchmark {
  return {
    name,
    guest,
    loop,
    nativeIsInput,
    paper: { native, 'binary-translation': software, 'svm-shadow': hardware },
  };
}
