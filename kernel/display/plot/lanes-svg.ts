import { scaleLinear } from 'd3-scale';
import { formatNumber } from '../numbers.js';
import { horizontalBase, horizontalTicks } from './axes.js';
import { laneShare, stepsOf } from './lanes.js';
import type { LaneFigure, LaneStep } from './lanes.js';
import { look } from './palette.js';
import { document, element, fitted, FRAME, hatchPattern, label, plate, textWidth } from './svg.js';
import type { Area } from './svg.js';

const GAP = 18;
/** Of a span's name that must fit in it to say anything. */
const LEAST_CHARACTERS = 8;

/** Lanes below each other; of each, what share of the time it has. @param prefix makes ids unique among the figures of one page. */
export function lanesSvg(figure: LaneFigure, prefix: string): string {
  const { lanes, from, to } = figure;
  const names = Math.max(...lanes.map(({ name }) => textWidth(name)), textWidth('100.0%'));
  const area: Area = {
    left: 16 + names + 14,
    right: FRAME.width - 24,
    top: FRAME.top,
    bottom: FRAME.height - FRAME.bottom,
  };
  const x = scaleLinear([from, to], [area.left, area.right]);
  const pitch = (area.bottom - area.top) / lanes.length;
  const rows = lanes.flatMap(({ name, spans }, index) => {
    const bottom = area.top + (index + 1) * pitch - GAP / 2;
    const height = pitch - GAP;
    const middle = bottom - height / 2;
    const steps = stepsOf(figure, spans);
    return [
      label(name, { class: 'ink', x: 16, y: middle - 2, 'font-weight': 600 }),
      label(formatNumber(laneShare(figure, spans), 'percent'), { class: 'ink', x: 16, y: middle + 15 }),
      element('line', { class: 'grid', x1: area.left, x2: area.right, y1: bottom, y2: bottom }),
      element('path', { d: outline(steps, x, bottom, height), fill: `url(#${prefix}-${index})` }),
      ...steps.map((step) => spanLabel(step, x, middle)),
    ];
  });
  return document(
    figure.title,
    `${lanes.map(({ name, spans }) => `${name} ${formatNumber(laneShare(figure, spans), 'percent')}`).join(', ')} of the time from ${from} to ${to}`,
    lanes.map((_, index) => hatchPattern(`${prefix}-${index}`, look(index))),
    [...rows, horizontalBase(figure.xLabel, area), horizontalTicks(x, area)],
  );
}

type Place = (value: number) => number;

/** One shape for a lane: thousands of rectangles would make a large image. */
function outline(steps: readonly LaneStep[], x: Place, bottom: number, height: number): string {
  return steps
    .map(({ from, to, share }) => {
      const [left, right] = [x(from), Math.max(x(to), x(from) + 0.5)];
      return `M${left.toFixed(2)},${bottom.toFixed(2)}v${(-height * share).toFixed(2)}h${(right - left).toFixed(2)}v${(height * share).toFixed(2)}z`;
    })
    .join('');
}

function spanLabel({ from, to, share, what }: LaneStep, x: Place, middle: number): string {
  if (share < 1 || what === '') return '';
  const text = fitted(what, x(to) - x(from) - 10);
  return text.length < Math.min(what.length, LEAST_CHARACTERS)
    ? ''
    : plate(text, (x(from) + x(to)) / 2, middle);
}
