import { escapeHtml } from '../bundle.js';
import { formatNumber, roundNumber } from '../numbers.js';
import { isEmpty, totals } from './bars-svg.js';
import { NOTHING, rightEnd, visiblePoints } from './figure.js';
import type { Lines, StackedBars } from './figure.js';
import { spread, titleLines, withoutOverlap } from './labels.js';
import { look, NEUTRAL_INK } from './palette.js';
import type { Look } from './palette.js';
import { tickValues, valueScale } from './scales.js';
import { textWidth } from './svg.js';

/** Payload of `application/vnd.plotly.v1+json` (plotly.js figure schema). Key order is fixed by construction. */
export interface PlotlyFigure {
  data: readonly object[];
  layout: object;
}

const HEIGHT = 430;
/** Height of a legend's line in Plotly's own layout, and of what is above and below a legend. */
const LEGEND_LINE = 20;
const LEGEND_REST = 160;
/** The plotting area of a figure on a narrow page, for what must not overlap: Plotly fits it to the page. */
const LEAST_AREA = { width: 380, widthWithoutLegend: 540, height: 270 };
const TITLE_LINE = 22;
const ZERO_WIDTH_SPACE = '\u200b';
const LONGEST_NAME = 150;
/** Plotly turns names by 30 degrees, and upright where there are more. */
const MOST_TILTED = 12;
/** Least distance of two line labels, as a share of the plotting area's height. */
const LABEL_SHARE = 0.06;

export function axis(title: string): object {
  return {
    type: 'linear',
    title: { text: escapeHtml(title) },
    automargin: true,
    gridcolor: 'rgba(128,128,128,0.3)',
    zeroline: false,
    // As `compact` numbers are written: k, M, B.
    exponentformat: 'B',
    separatethousands: true,
  };
}

/** Plotly would write each digit of a logarithmic axis; these are the ticks of the still image. */
function valueAxis(title: string, values: readonly number[], log = false): object {
  if (!log || values.length === 0) return axis(title);
  const ticks = tickValues(valueScale(values, [0, 1], { log }), log, 7);
  const text = ticks.map((value) => formatNumber(value, 'compact'));
  return { ...axis(title), type: 'log', tickmode: 'array', tickvals: ticks.map(roundNumber), ticktext: text };
}

/** @param height of the figure when its title has one line, in pixels */
export function layout(title: string, height = HEIGHT): object {
  const lines = titleLines(title);
  const more = (lines.length - 1) * TITLE_LINE;
  return {
    title: { text: lines.map(escapeHtml).join('<br>'), x: 0.02, xanchor: 'left' },
    height: height + more,
    // Transparent, so that the page's own light or dark ground shows.
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { color: NEUTRAL_INK, size: 13 },
    margin: { t: 56 + more, r: 24 },
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: NEUTRAL_INK },
  };
}

/** Said in the middle of a figure that has nothing to show. */
export function nothingToShow(): object {
  return { xref: 'paper', yref: 'paper', x: 0.5, y: 0.5, text: NOTHING, showarrow: false };
}

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
      ...layout(
        figure.title,
        Math.max(HEIGHT, LEGEND_REST + figure.series.length * LEGEND_LINE) + namesDrop(figure),
      ),
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

export function linesPlotly(figure: Lines): PlotlyFigure {
  const points = figure.series.map((series) => visiblePoints(figure, series));
  return {
    data: figure.series.map(({ name }, index) => {
      const { colour, marker, dash } = look(index);
      return {
        type: 'scatter',
        mode: 'lines+markers',
        name: escapeHtml(name),
        x: points[index].map(([x]) => roundNumber(x)),
        y: points[index].map(([, y]) => roundNumber(y)),
        line: { color: colour, dash, width: 2 },
        marker: { color: colour, symbol: marker, size: 9 },
      };
    }),
    layout: {
      ...layout(figure.title, Math.max(HEIGHT, LEGEND_REST + figure.series.length * LEGEND_LINE)),
      showlegend: false,
      xaxis: valueAxis(
        figure.xLabel,
        points.flat().map(([x]) => x),
        figure.xLog,
      ),
      yaxis: {
        ...valueAxis(
          figure.yLabel,
          points.flat().map(([, y]) => y),
          figure.yLog,
        ),
        // A logarithmic axis has no zero, and Plotly leaves it as it is.
        rangemode: 'tozero',
      },
      annotations: points.flat().length === 0 ? [nothingToShow()] : endLabels(figure, points),
    },
  };
}

/** The markers as characters. */
const GLYPHS: Readonly<Record<Look['marker'], string>> = {
  circle: '●',
  square: '■',
  diamond: '◆',
  'triangle-up': '▲',
  'triangle-down': '▼',
  cross: '✚',
  x: '✖',
  star: '★',
};

/**
 * Each line's name at its right end, moved apart where ends meet. The line's marker stands before it: a name that had to move
 * still says which line it means.
 */
function endLabels(figure: Lines, points: readonly (readonly [number, number])[][]): object[] {
  // Plotly places annotations on a logarithmic axis by the exponent ("layout.annotations.x").
  const place = (value: number, log?: boolean) => (log ? Math.log10(value) : value);
  const heights = points.flat().map(([, y]) => place(y, figure.yLog));
  const span = Math.max(...heights) - Math.min(...heights) || 1;
  const named = points.flatMap((line, index) => {
    const end = rightEnd(line);
    return end === undefined ? [] : [{ index, end }];
  });
  const ends = named.map(({ end }) => place(end[1], figure.yLog) / span);
  const placed = spread(ends, LABEL_SHARE, Math.min(...ends), Number.POSITIVE_INFINITY);
  return named.map(({ index, end }, row) => ({
    x: roundNumber(place(end[0], figure.xLog)),
    y: roundNumber(placed[row] * span),
    text: `<span style="color:${look(index).colour}">${GLYPHS[look(index).marker]}</span> ${escapeHtml(figure.series[index].name)}`,
    showarrow: false,
    xanchor: 'left',
    xshift: 10,
  }));
}
