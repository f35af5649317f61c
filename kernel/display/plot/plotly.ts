import { escapeHtml } from '../bundle.js';
import { NOTHING } from './figure.js';
import { titleLines } from './labels.js';
import { NEUTRAL_INK } from './palette.js';

/** Payload of `application/vnd.plotly.v1+json` (plotly.js figure schema). Key order is fixed by construction. */
export interface PlotlyFigure {
  data: readonly object[];
  layout: object;
}

const HEIGHT = 430;
/** Height of a legend's line in Plotly's own layout, and of what is above and below a legend. */
const LEGEND_LINE = 20;
const LEGEND_REST = 160;
const TITLE_LINE = 22;

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

/** Height of a figure with so many series, in pixels: each has a line of the legend. */
export function heightFor(series: number): number {
  return Math.max(HEIGHT, LEGEND_REST + series * LEGEND_LINE);
}
