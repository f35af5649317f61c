import { scaleBand, scaleLinear } from 'd3-scale';
import { formatNumber } from '../numbers.js';
import type { StackedBars } from './figure.js';
import { horizontalBase, verticalAxis } from './axes.js';
import type { Area } from './axes.js';
import { look } from './palette.js';
import { document, element, FONT_SIZE, FRAME, hatchPattern, label, plate, textWidth } from './svg.js';

/** Height of a legend's line; less when there are many. */
const LEGEND_LINE = 22;
/** A segment lower than a line of text shows no value. */
const LABELLED_HEIGHT = FONT_SIZE + 3;

/** Totals of a stacked bar chart, one a category. */
export function totals({ categories, series }: StackedBars): number[] {
  return categories.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
}

/** @param prefix makes ids unique among the figures of one page. */
export function barsSvg(figure: StackedBars, prefix: string): string {
  const legendWidth = Math.max(0, ...figure.series.map(({ name }) => textWidth(name))) + 50;
  const area: Area = {
    left: FRAME.left,
    right: FRAME.width - legendWidth,
    top: FRAME.top,
    bottom: FRAME.height - FRAME.bottom,
  };
  const sums = totals(figure);
  const y = scaleLinear([0, Math.max(...sums, 0) || 1], [area.bottom, area.top + LABELLED_HEIGHT]).nice();
  const x = scaleBand(
    figure.categories.map((_, index) => index),
    [area.left, area.right],
  )
    .paddingInner(0.35)
    .paddingOuter(0.25);
  const width = x.bandwidth();
  const bars = figure.categories.flatMap((category, column) => {
    const left = x(column) ?? area.left;
    let below = 0;
    const segments = figure.series.flatMap(({ values }, index) => {
      if (values[column] === 0) return [];
      const bottom = y(below);
      const top = y((below += values[column]));
      const text = formatNumber(values[column], 'compact');
      const shape = { x: left, y: top, width, height: bottom - top };
      const fits = shape.height >= LABELLED_HEIGHT && textWidth(text) + 8 <= width;
      return [
        element('rect', { ...shape, class: 'edge', fill: `url(#${prefix}-${index})` }),
        ...(fits ? [plate(text, left + width / 2, (top + bottom) / 2)] : []),
      ];
    });
    const middle = { class: 'ink', x: left + width / 2, 'text-anchor': 'middle' };
    return [
      ...segments,
      label(formatNumber(sums[column], 'compact'), { ...middle, y: y(sums[column]) - 6, 'font-weight': 600 }),
      label(category, { ...middle, y: area.bottom + 20 }),
    ];
  });
  const legendLine = Math.min(LEGEND_LINE, (area.bottom - area.top) / figure.series.length);
  // Top of the legend is top of the stack.
  const legend = [...figure.series.keys()].reverse().flatMap((index, line) => {
    const top = area.top + line * legendLine;
    return [
      element('rect', {
        x: area.right + 16,
        y: top,
        width: 16,
        height: 16,
        fill: `url(#${prefix}-${index})`,
      }),
      label(figure.series[index].name, { class: 'ink', x: area.right + 39, y: top + 13 }),
    ];
  });
  return document(
    figure.title,
    `${figure.yLabel} by ${figure.xLabel}, stacked by ${figure.series.map(({ name }) => name).join(', ')}`,
    figure.series.map((_, index) => hatchPattern(`${prefix}-${index}`, look(index))),
    [verticalAxis(y, figure.yLabel, area), ...bars, horizontalBase(figure.xLabel, area), ...legend],
  );
}
