import { escapeHtml } from '../bundle.js';
import { formatNumber, roundNumber } from '../numbers.js';
import { looksOf, placed } from './flame.js';
import type { FlameFigure } from './flame.js';
import { look, inkOn } from './palette.js';
import { axis, layout, nothingToShow } from './plotly.js';
import type { PlotlyFigure } from './plotly.js';

/** A narrower box, as a share of the whole, has no room for its name. */
const NAMED_SHARE = 0.05;
/** Between boxes of one look. */
const GAP_COLOUR = 'rgba(255,255,255,0.6)';

/** Bars that begin where their box does, one trace a level: front ends with an old plotly.js have no icicles. */
export function flamePlotly(figure: FlameFigure): PlotlyFigure {
  const { title, unit, levels, root } = figure;
  const boxes = placed(figure);
  const looks = looksOf(boxes);
  const whole = root.value || 1;
  return {
    data: levels.map((name, level) => {
      const own = boxes.filter((box) => box.level === level);
      const colours = own.map((box) => look(looks.get(box.name) ?? 0).colour);
      const texts = own.map(({ name, value }) =>
        value / whole < NAMED_SHARE ? '' : `${escapeHtml(name)}<br>${formatNumber(value / whole, 'percent')}`,
      );
      return {
        type: 'bar',
        orientation: 'h',
        name: escapeHtml(name),
        y: own.map(() => escapeHtml(name)),
        x: own.map(({ value }) => roundNumber(value)),
        base: own.map(({ from }) => roundNumber(from)),
        text: texts,
        textposition: 'inside',
        insidetextanchor: 'middle',
        textangle: 0,
        customdata: own.map(
          ({ path, value }) => `${escapeHtml(path)}: ${formatNumber(value / whole, 'percent')}`,
        ),
        hovertemplate: '%{customdata}, %{x:,}<extra></extra>',
        insidetextfont: { color: colours.map(inkOn) },
        marker: { color: colours, line: { color: GAP_COLOUR, width: 0.5 } },
      };
    }),
    layout: {
      ...layout(title),
      ...(root.value > 0 ? {} : { annotations: [nothingToShow()] }),
      showlegend: false,
      barmode: 'overlay',
      bargap: 0.04,
      // A name that does not fit is not written at all.
      uniformtext: { minsize: 11, mode: 'hide' },
      xaxis: { ...axis(unit), range: [0, roundNumber(whole)] },
      yaxis: {
        type: 'category',
        categoryorder: 'array',
        categoryarray: levels.map(escapeHtml),
        automargin: true,
        showgrid: false,
      },
    },
  };
}
