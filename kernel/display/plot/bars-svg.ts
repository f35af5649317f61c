import { scaleBand, scaleLinear } from 'd3-scale';
import { formatNumber } from '../numbers.js';
import { isEmpty, totals } from './figure.js';
import type { StackedBars } from './figure.js';
import { horizontalBase, verticalAxis } from './axes.js';
import { withoutOverlap } from './labels.js';
import { look } from './palette.js';
import {
  document,
  element,
  fitted,
  FONT_SIZE,
  FRAME,
  hatchPattern,
  label,
  nothing,
  plate,
  textWidth,
} from './svg.js';
import type { Area } from './svg.js';

/** Height of a legend's line; less when there are many, down to that of its text. */
const LEGEND_LINE = 22;
const LEAST_LEGEND_LINE = FONT_SIZE + 4;
const LEGEND_WIDTH = 280;
/** A segment lower than a line of text shows no value. */
const LABELLED_HEIGHT = FONT_SIZE + 3;
/** Narrower bars have no edge: it would be all there is of them. */
const EDGED_WIDTH = 6;
/** Degrees by which the names of categories are turned that have no room beside each other. */
const TILT = 40;
const LONGEST_TILTED = 150;

/** @param prefix makes ids unique among the figures of one page. */
export function barsSvg(figure: StackedBars, prefix: string): string {
  const { series, categories } = figure;
  const names = series.map(({ name }) => fitted(name, LEGEND_WIDTH));
  const legendWidth = Math.max(0, ...names.map((name) => textWidth(name))) + 50;
  const [left, right] = [FRAME.left, FRAME.width - legendWidth];
  const x = scaleBand(
    categories.map((_, index) => index),
    [left, right],
  )
    .paddingInner(0.35)
    .paddingOuter(0.25);
  const below = categoryNames(categories, x.step(), legendWidth);
  const most = FRAME.height - FRAME.top - FRAME.bottom;
  const bottom = FRAME.top + Math.max(most, series.length * LEAST_LEGEND_LINE);
  const height = bottom + FRAME.bottom + below.drop;
  const area: Area = { left, right, top: FRAME.top, bottom };
  const sums = totals(figure);
  const y = scaleLinear([0, Math.max(...sums, 0) || 1], [area.bottom, area.top + LABELLED_HEIGHT]).nice();
  const width = x.bandwidth();
  const centre = (column: number) => (x(column) ?? area.left) + width / 2;
  const bars = categories.flatMap((_, column) => {
    let low = 0;
    return series.flatMap(({ values }, index) => {
      if (values[column] === 0) return [];
      const base = y(low);
      const top = y((low += values[column]));
      const text = formatNumber(values[column], 'compact');
      const shape = { x: centre(column) - width / 2, y: top, width, height: base - top };
      const fits = shape.height >= LABELLED_HEIGHT && textWidth(text) + 8 <= width;
      const edge = width >= EDGED_WIDTH ? { class: 'edge' } : {};
      return [
        element('rect', { ...shape, ...edge, fill: `url(#${prefix}-${index})` }),
        ...(fits ? [plate(text, centre(column), (top + base) / 2)] : []),
      ];
    });
  });
  const legendLine = Math.min(LEGEND_LINE, (area.bottom - area.top) / series.length);
  // Top of the legend is top of the stack.
  const legend = [...series.keys()].reverse().flatMap((index, line) => {
    const top = area.top + line * legendLine;
    return [
      element('rect', {
        x: area.right + 16,
        y: top,
        width: 16,
        height: Math.min(16, legendLine - 1),
        fill: `url(#${prefix}-${index})`,
      }),
      label(names[index], { class: 'ink', x: area.right + 39, y: top + 13 }),
    ];
  });
  return document(
    figure.title,
    `${figure.yLabel} by ${figure.xLabel}, stacked by ${series.map(({ name }) => name).join(', ')}`,
    series.map((_, index) => hatchPattern(`${prefix}-${index}`, look(index))),
    [
      verticalAxis(y, figure.yLabel, area),
      ...bars,
      ...totalLabels(sums, centre, y),
      ...below.texts.flatMap((text, column) =>
        text === '' ? [] : [below.draw(text, centre(column), bottom)],
      ),
      horizontalBase(figure.xLabel, area, height),
      ...legend,
      ...(isEmpty(figure) ? [nothing(area)] : []),
    ],
    height,
  );
}

/** The sums above their bars; where bars stand close, the larger ones. */
function totalLabels(
  sums: readonly number[],
  centre: (column: number) => number,
  y: (value: number) => number,
): string[] {
  const order = [...sums.keys()].sort((a, b) => sums[b] - sums[a]);
  const boxes = order.map((column) => ({
    x: centre(column),
    y: y(sums[column]) - 6,
    width: textWidth(formatNumber(sums[column], 'compact')) + 8,
    height: FONT_SIZE,
  }));
  const written = withoutOverlap(boxes);
  return order.flatMap((column, at) =>
    written[at]
      ? [
          label(formatNumber(sums[column], 'compact'), {
            ...{ class: 'ink halo', x: boxes[at].x, y: boxes[at].y },
            ...{ 'text-anchor': 'middle', 'font-weight': 600 },
          }),
        ]
      : [],
  );
}

interface CategoryNames {
  /** What is written; empty where there is no room. */
  texts: string[];
  /** Height beyond that of one line. */
  drop: number;
  draw(text: string, x: number, bottom: number): string;
}

/** Names below the bars, turned where they are too long to stand beside each other, and only some where they are too many. */
function categoryNames(categories: readonly string[], step: number, roomRight: number): CategoryNames {
  if (categories.every((name) => textWidth(name) + 6 <= step))
    return {
      texts: [...categories],
      drop: 0,
      draw: (text, x, bottom) => label(text, { class: 'ink', x, y: bottom + 20, 'text-anchor': 'middle' }),
    };
  const [sine, cosine] = [Math.sin((TILT * Math.PI) / 180), Math.cos((TILT * Math.PI) / 180)];
  const longest = Math.min(LONGEST_TILTED, (roomRight + step / 2 - 8) / cosine);
  const nth = Math.ceil((FONT_SIZE + 1) / sine / step);
  const texts = categories.map((name, index) => (index % nth === 0 ? fitted(name, longest) : ''));
  return {
    texts,
    drop: Math.max(0, ...texts.map((text) => textWidth(text))) * sine,
    draw: (text, x, bottom) =>
      label(text, {
        ...{ class: 'ink', 'text-anchor': 'start' },
        transform: `translate(${(x - 3).toFixed(2)},${(bottom + 16).toFixed(2)}) rotate(${TILT})`,
      }),
  };
}
