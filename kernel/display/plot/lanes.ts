/** A stretch of one lane, in units of the axis. */
export interface LaneStretch {
  from: number;
  to: number;
  what: string;
}

/** Who had something when: one row a lane, from left to right. */
export interface LaneFigure {
  title: string;
  xLabel: string;
  from: number;
  to: number;
  /** Stretches of a lane are sorted and do not overlap. */
  lanes: readonly { name: string; spans: readonly LaneStretch[] }[];
}

/** A piece of a lane as drawn: `share` of it is taken. */
export interface LaneStep extends LaneStretch {
  share: number;
}

/** What is drawn one by one; more is summed up. */
const MOST_SPANS = 240;
const BINS = 320;

/** @throws RangeError unless the figure ends after it begins. */
export function checkLanes({ title, from, to }: LaneFigure): void {
  if (!(from < to)) throw new RangeError(`plot '${title}': nothing lies between ${from} and ${to}`);
}

/** Whether the spans of a figure are too many to be told apart. */
export function isDense({ lanes }: LaneFigure): boolean {
  return lanes.reduce((sum, { spans }) => sum + spans.length, 0) > MOST_SPANS;
}

/** The spans themselves, or of a dense figure what share of each bin they take. */
export function stepsOf(figure: LaneFigure, spans: readonly LaneStretch[], bins = BINS): LaneStep[] {
  if (!isDense(figure)) return spans.map((span) => ({ ...span, share: 1 }));
  return binned(figure, spans, bins);
}

/** Of `bins` equal parts of the axis, how much of each the spans take; empty ones are left out. */
export function binned({ from, to }: LaneFigure, spans: readonly LaneStretch[], bins: number): LaneStep[] {
  const width = (to - from) / bins;
  const taken = new Float64Array(bins);
  for (const span of spans) {
    const first = Math.max(0, Math.floor((span.from - from) / width));
    const last = Math.min(bins - 1, Math.floor((span.to - from) / width));
    for (let bin = first; bin <= last; bin++) {
      const start = from + bin * width;
      taken[bin] += Math.max(0, Math.min(span.to, start + width) - Math.max(span.from, start));
    }
  }
  return Array.from(taken, (length, bin) => ({
    from: from + bin * width,
    to: from + (bin + 1) * width,
    share: Math.min(1, length / width),
    what: `${((100 * length) / width).toFixed(0)} %`,
  })).filter(({ share }) => share > 0);
}

/** The share of the whole that a lane takes. */
export function laneShare({ from, to }: LaneFigure, spans: readonly LaneStretch[]): number {
  return spans.reduce((sum, span) => sum + span.to - span.from, 0) / (to - from);
}
