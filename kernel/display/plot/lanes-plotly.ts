import { escapeHtml } from '../bundle.js';
import { formatNumber, roundNumber } from '../numbers.js';
import { laneShare, stepsOf } from './lanes.js';
import type { LaneFigure, LaneStep } from './lanes.js';
import { look, NEUTRAL_INK } from './palette.js';
import { axis, layout } from './plotly.js';
import type { PlotlyFigure } from './plotly.js';

/** Of each lane's height, left free above it. */
const GAP = 0.15;

/** A lane is a filled step of its own axis: plain scatter traces, which every plotly.js has. */
export function lanesPlotly(figure: LaneFigure): PlotlyFigure {
  const { lanes, title, xLabel, from, to } = figure;
  const pitch = 1 / lanes.length;
  const axisName = (index: number) => (index === 0 ? '' : String(index + 1));
  return {
    data: lanes.map(({ name, spans }, index) => {
      const { colour, hatch } = look(index);
      return {
        type: 'scatter',
        mode: 'lines',
        name: escapeHtml(name),
        ...curve(stepsOf(figure, spans)),
        yaxis: `y${axisName(index)}`,
        line: { shape: 'hv', color: colour, width: 1 },
        fill: 'tozeroy',
        fillpattern: { shape: hatch, fgcolor: colour, size: 8 },
        hovertemplate: '%{text}, from %{x:,}<extra></extra>',
      };
    }),
    layout: {
      ...layout(title),
      showlegend: false,
      xaxis: {
        ...axis(xLabel),
        range: [roundNumber(from), roundNumber(to)],
        anchor: `y${axisName(lanes.length - 1)}`,
      },
      ...Object.fromEntries(
        lanes.map(({ name, spans }, index) => [
          `yaxis${axisName(index)}`,
          {
            // The first lane is the topmost.
            domain: [roundNumber(1 - (index + 1) * pitch), roundNumber(1 - (index + GAP) * pitch)],
            range: [0, 1],
            showgrid: false,
            zeroline: true,
            zerolinecolor: NEUTRAL_INK,
            tickmode: 'array',
            tickvals: [0.5],
            ticktext: [`<b>${escapeHtml(name)}</b><br>${formatNumber(laneShare(figure, spans), 'percent')}`],
            automargin: true,
            fixedrange: true,
          },
        ]),
      ),
    },
  };
}

/** From step to step, down to zero between those that do not touch. */
function curve(steps: readonly LaneStep[]): { x: (number | null)[]; y: (number | null)[]; text: string[] } {
  const points: [x: number, y: number, text: string][] = [];
  steps.forEach(({ from, to, share, what }, index) => {
    points.push([from, share, escapeHtml(what)]);
    if (steps[index + 1]?.from !== to) points.push([to, 0, '']);
  });
  return {
    x: points.map(([x]) => roundNumber(x)),
    y: points.map(([, y]) => roundNumber(y)),
    text: points.map(([, , text]) => text),
  };
}
