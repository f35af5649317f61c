/** Where our figure of a row comes from: hardware facts that the paper gives, prices fitted to it, or neither. */
export type Kind = 'input' | 'calibrated' | 'predicted';

/** One figure of the paper beside ours. */
export interface Row {
  /** What is measured, in the paper's words, with its unit. */
  name: string;
  /** Where in Adams & Agesen 2006. */
  figure: string;
  /** `native`, `binary-translation` for the paper's software VMM, `svm-shadow` for its hardware VMM. */
  technique: string;
  /** Null: the paper asks the question and gives no figure. */
  paper: number | null;
  ours: number;
  /** ours / paper; null where the paper has no figure, or none of it. */
  ratio: number | null;
  kind: Kind;
  /** What the reader must know to compare the two. */
  note?: string;
  /** What the row has to meet, in words; null when it is only shown. */
  target: string | null;
  met: boolean | null;
}

/** A row whose figure has to be within `tolerance` (a fraction) of the paper's; null: only shown. */
export function within(
  row: Omit<Row, 'ratio' | 'target' | 'met'> & { paper: number },
  tolerance: number | null,
): Row & { paper: number } {
  const ratio = row.paper === 0 ? null : row.ours / row.paper;
  return {
    ...row,
    ratio,
    target: tolerance === null ? null : `within ${Math.round(tolerance * 100)} %`,
    met: tolerance === null ? null : Math.abs(row.ours - row.paper) <= tolerance * Math.abs(row.paper),
  };
}

type Ours = Omit<Row, 'paper' | 'ratio' | 'target' | 'met'>;

/** A row for which the paper has no figure: ours alone. */
export function shown(row: Ours): Row {
  return { ...row, paper: null, ratio: null, target: null, met: null };
}

/** The same, of which the paper says in words what has to come out. */
export function claim(row: Ours, target: string, met: boolean): Row {
  return { ...row, paper: null, ratio: null, target, met };
}
