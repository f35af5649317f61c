import { escapeHtml } from '../bundle.js';
import { formatNumber, roundNumber } from '../numbers.js';
import { rightEnd, visiblePoints } from './figure.js';
import type { Lines } from './figure.js';
import { spread } from './labels.js';
import { look } from './palette.js';
import type { Look } from './palette.js';
import { axis, heightFor, layout, nothingToShow } from './plotly.js';
import type { PlotlyFigure } from './plotly.js';
import { tickValues, valueScale } from './scales.js';

/** Least distance of two line labels, as a share of the plotting area's height. */
const LABEL_SHARE = 0.06;

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
      ...layout(figure.title, heightFor(figure.series.length)),
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

/** Plotly would write each digit of a logarithmic axis; these are the ticks of the still image. */
function valueAxis(title: string, values: readonly number[], log = false): object {
  if (!log || values.length === 0) return axis(title);
  const ticks = tickValues(valueScale(values, [0, 1], { log }), log, 7);
  const text = ticks.map((value) => formatNumber(value, 'compact'));
  return { ...axis(title), type: 'log', tickmode: 'array', tickvals: ticks.map(roundNumber), ticktext: text };
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
