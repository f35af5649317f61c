import { escapeHtml } from '../bundle.js';
import { formatNumber, roundNumber } from '../numbers.js';
import { isEmpty, totals } from './figure.js';
import type { StackedBars } from './figure.js';
import { withoutOverlap } from './labels.js';
import { look } from './palette.js';
import { axis, heightFor, layout, nothingToShow } from './plotly.js';
import type { PlotlyFigure } from './plotly.js';
import { textWidth } from './svg.js';

/** The plotting area of a figure on a narrow page, for what must not overlap: Plotly fits it to the page. */
const LEAST_AREA = { width: 380, widthWithoutLegend: 540, height: 270 };
const ZERO_WIDTH_SPACE = '\u200b';
const LONGEST_NAME = 150;
/** Plotly turns names by 30 degrees, and upright where there are more. */
const MOST_TILTED = 12;

export function barsPlotly(figure: StackedBars): PlotlyFigure {
  const sums = totals(figure);
  const categories = distinct(figure.categories.map(escapeHtml));
  return {
    data: figure.series.map(({ name, values }, index) => {
      const { colour, hatch } = look(index);
      return {
        type: 'bar',
        name: escapeHtml(name),
        x: categories,
        y: values.map(roundNumber),
        marker: {
          color: colour,
          pattern: { shape: hatch, fillmode: 'overlay', fgcolor: '#ffffff', size: 8 },
        },
        hovertemplate: '%{x}: %{y:,}',
      };
    }),
    layout: {
      ...layout(figure.title, heightFor(figure.series.length) + namesDrop(figure)),
      barmode: 'stack',
      legend: { traceorder: 'reversed' },
      xaxis: { ...axis(figure.xLabel), type: 'category', showgrid: false },
      yaxis: { ...axis(figure.yLabel), rangemode: 'tozero' },
      annotations: isEmpty(figure) ? [nothingToShow()] : totalLabels(categories, sums, areaWidth(figure)),
    },
  };
}

/** Plotly shows a legend when there are several series. */
function areaWidth({ series }: StackedBars): number {
  return series.length > 1 ? LEAST_AREA.width : LEAST_AREA.widthWithoutLegend;
}

/** To Plotly categories of one name are one: those that come again get characters without a width. */
function distinct(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return name + ZERO_WIDTH_SPACE.repeat(before);
  });
}

/** Height that names of categories take when there is no room for them beside each other: Plotly turns them. */
function namesDrop(figure: StackedBars): number {
  const widths = figure.categories.map((name) => textWidth(name) + 6);
  const fits = widths.every((width) => width * figure.categories.length <= areaWidth(figure));
  if (fits) return 0;
  const longest = Math.min(LONGEST_NAME, Math.max(...widths));
  return Math.ceil(figure.categories.length > MOST_TILTED ? longest : longest / 2);
}

/** The sums above their bars; where bars stand close, the larger ones. */
function totalLabels(categories: readonly string[], sums: readonly number[], width: number): object[] {
  const order = [...sums.keys()].sort((a, b) => sums[b] - sums[a]);
  const most = Math.max(...sums, 0) || 1;
  const written = withoutOverlap(
    order.map((column) => ({
      x: ((column + 0.5) / categories.length) * width,
      y: (1 - sums[column] / most) * LEAST_AREA.height,
      width: textWidth(formatNumber(sums[column], 'compact')) + 4,
      height: 14,
    })),
  );
  const shown = order.filter((_, at) => written[at]).sort((a, b) => a - b);
  return shown.map((index) => ({
    // On an axis of categories a number is a place among them (plotly.js, "layout.annotations.x").
    x: Number.isNaN(Number(categories[index])) ? categories[index] : index,
    y: roundNumber(sums[index]),
    text: `<b>${formatNumber(sums[index], 'compact')}</b>`,
    showarrow: false,
    yshift: 11,
  }));
}
