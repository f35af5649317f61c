import { escapeHtml } from '../bundle.js';
import { formatNumber, roundNumber } from '../numbers.js';
import { totals } from './bars-svg.js';
import { visiblePoints } from './figure.js';
import type { Lines, StackedBars } from './figure.js';
import { spread } from './labels.js';
import { look, NEUTRAL_INK } from './palette.js';
import { tickValues, valueScale } from './scales.js';

/** Payload of `application/vnd.plotly.v1+json` (plotly.js figure schema). Key order is fixed by construction. */
export interface PlotlyFigure {
  data: readonly object[];
  layout: object;
}

const HEIGHT = 430;
/** Least distance of two line labels, as a share of the plotting area's height. */
const LABEL_SHARE = 0.06;

export function axis(title: string): object {
  return {
    type: 'linear',
    title: { text: escapeHtml(title) },
    automargin: true,
    gridcolor: 'rgba(128,128,128,0.3)',
    zeroline: false,
    exponentformat: 'SI',
  };
}

/** Plotly would write each digit of a logarithmic axis; these are the ticks of the still image. */
function valueAxis(title: string, values: readonly number[], log = false): object {
  if (!log || values.length === 0) return axis(title);
  const ticks = tickValues(valueScale(values, [0, 1], { log }), log, 7);
  const text = ticks.map((value) => formatNumber(value, 'compact'));
  return { ...axis(title), type: 'log', tickmode: 'array', tickvals: ticks.map(roundNumber), ticktext: text };
}

export function layout(title: string): object {
  return {
    title: { text: escapeHtml(title), x: 0.02, xanchor: 'left' },
    height: HEIGHT,
    // Transparent, so that the page's own light or dark ground shows.
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { color: NEUTRAL_INK, size: 13 },
    margin: { t: 56, r: 24 },
    modebar: { bgcolor: 'rgba(0,0,0,0)', color: NEUTRAL_INK },
  };
}

export function barsPlotly(figure: StackedBars): PlotlyFigure {
  const sums = totals(figure);
  const categories = figure.categories.map(escapeHtml);
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
      ...layout(figure.title),
      barmode: 'stack',
      legend: { traceorder: 'reversed' },
      xaxis: { ...axis(figure.xLabel), type: 'category', showgrid: false },
      yaxis: { ...axis(figure.yLabel), rangemode: 'tozero' },
      annotations: categories.map((category, index) => ({
        // On an axis of categories a number is a place among them (plotly.js, "layout.annotations.x").
        x: Number.isNaN(Number(category)) ? category : index,
        y: roundNumber(sums[index]),
        text: `<b>${formatNumber(sums[index], 'compact')}</b>`,
        showarrow: false,
        yshift: 11,
      })),
    },
  };
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
      ...layout(figure.title),
      showlegend: false,
      xaxis: valueAxis(
        figure.xLabel,
        points.flat().map(([x]) => x),
        figure.xLog,
      ),
      yaxis: valueAxis(
        figure.yLabel,
        points.flat().map(([, y]) => y),
        figure.yLog,
      ),
      annotations: endLabels(figure, points),
    },
  };
}

/** Each line's name at its end, moved apart where ends meet. */
function endLabels(figure: Lines, points: readonly (readonly [number, number])[][]): object[] {
  // Plotly places annotations on a logarithmic axis by the exponent ("layout.annotations.x").
  const place = (value: number, log?: boolean) => (log ? Math.log10(value) : value);
  const heights = points.flat().map(([, y]) => place(y, figure.yLog));
  const span = Math.max(...heights) - Math.min(...heights) || 1;
  const named = points.flatMap((line, index) =>
    line.length === 0 ? [] : [{ index, end: line[line.length - 1] }],
  );
  const ends = named.map(({ end }) => place(end[1], figure.yLog) / span);
  const placed = spread(ends, LABEL_SHARE, Math.min(...ends), Number.POSITIVE_INFINITY);
  return named.map(({ index, end }, row) => ({
    x: roundNumber(place(end[0], figure.xLog)),
    y: roundNumber(placed[row] * span),
    text: escapeHtml(figure.series[index].name),
    font: { color: look(index).colour },
    showarrow: false,
    xanchor: 'left',
    xshift: 10,
  }));
}
