import { stripControls } from '../bundle.js';
import { formatNumber } from '../numbers.js';
import { table } from '../table.js';
import { binned, laneShare } from './lanes.js';
import type { LaneFigure } from './lanes.js';

const COLUMNS = 72;
const HEIGHTS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** Each lane as a line of blocks as high as its share of the time, then the sums. */
export function lanesText(figure: LaneFigure): string {
  const { title, xLabel, from, to, lanes } = figure;
  const width = Math.max(...lanes.map(({ name }) => stripControls(name).length));
  const step = (to - from) / COLUMNS;
  const lines = lanes.map(({ name, spans }) => {
    const blocks = new Array<string>(COLUMNS).fill(HEIGHTS[0]);
    for (const bin of binned(figure, spans, COLUMNS))
      // What happened at all is seen.
      blocks[Math.round((bin.from - from) / step)] = HEIGHTS[Math.max(1, Math.round(bin.share * 8))];
    return `${stripControls(name).padEnd(width)} ▕${blocks.join('')}▏`;
  });
  const ends = [formatNumber(from, 'integer'), formatNumber(to, 'integer')];
  const ruler = `${' '.repeat(width + 2)}${ends[0]}${ends[1].padStart(COLUMNS - ends[0].length)}`;
  const sums = table({
    columns: [
      { key: 'name', label: 'lane' },
      { key: 'length', label: xLabel, format: 'integer' },
      { key: 'share', label: 'share', format: 'percent' },
      { key: 'spans', label: 'times', format: 'integer' },
    ],
    rows: lanes.map(({ name, spans }) => {
      const share = laneShare(figure, spans);
      return { name, length: share * (to - from), share, spans: spans.length };
    }),
  });
  return [
    `${stripControls(title)} (${stripControls(xLabel)})`,
    '',
    ...lines,
    ruler,
    '',
    sums['text/plain'],
  ].join('\n');
}
