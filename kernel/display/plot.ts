import { escapeHtml } from './bundle.js';
import type { MimeBundle } from './bundle.js';
import { barsPlotly } from './plot/bars-plotly.js';
import { barsSvg } from './plot/bars-svg.js';
import { checkBars, checkLines } from './plot/figure.js';
import { checkFlame } from './plot/flame.js';
import type { FlameFigure } from './plot/flame.js';
import { flamePlotly } from './plot/flame-plotly.js';
import { flameSvg } from './plot/flame-svg.js';
import { flameText } from './plot/flame-text.js';
import { checkLanes } from './plot/lanes.js';
import type { LaneFigure } from './plot/lanes.js';
import { lanesPlotly } from './plot/lanes-plotly.js';
import { lanesSvg } from './plot/lanes-svg.js';
import { lanesText } from './plot/lanes-text.js';
import type { Lines, StackedBars } from './plot/figure.js';
import { linesPlotly } from './plot/lines-plotly.js';
import { linesSvg } from './plot/lines-svg.js';
import type { PlotlyFigure } from './plot/plotly.js';
import { barsText, linesText } from './plot/text.js';

export type { BarSeries, Lines, LineSeries, StackedBars } from './plot/figure.js';
export type { FlameBox, FlameFigure } from './plot/flame.js';
export type { LaneFigure, LaneStretch } from './plot/lanes.js';

/**
 * Stacked bars, one a category.
 * @throws RangeError when a series does not fit the categories.
 */
export function stackedBars(figure: StackedBars): MimeBundle {
  checkBars(figure);
  return bundle(
    figure.title,
    barsPlotly(figure),
    barsSvg(figure, `rs-${fingerprint(figure)}`),
    barsText(figure),
  );
}

/**
 * Lines with markers, each named at its end.
 * @throws RangeError when a series has not one y for each x.
 */
export function lines(figure: Lines): MimeBundle {
  checkLines(figure);
  return bundle(figure.title, linesPlotly(figure), linesSvg(figure), linesText(figure));
}

/**
 * Who had what when, a row each.
 * @throws RangeError unless the figure ends after it begins.
 */
export function lanes(figure: LaneFigure): MimeBundle {
  checkLanes(figure);
  const svg = lanesSvg(figure, `rs-${fingerprint(figure)}`);
  return bundle(figure.title, lanesPlotly(figure), svg, lanesText(figure));
}

/**
 * Boxes as wide as what they take, each on what it belongs to.
 * @throws RangeError when boxes are wider than what they stand on, or deeper than the levels.
 */
export function flame(figure: FlameFigure): MimeBundle {
  checkFlame(figure);
  return bundle(figure.title, flamePlotly(figure), flameSvg(figure), flameText(figure));
}

/**
 * Plotly for front ends that draw it; an image without scripts for those that do not (classic Notebook,
 * nbconvert, GitHub); text for the terminal.
 */
function bundle(title: string, plotly: PlotlyFigure, svg: string, text: string): MimeBundle {
  const image = `data:image/svg+xml;base64,${base64(svg)}`;
  return {
    'application/vnd.plotly.v1+json': plotly,
    'text/html': `<img class="ringside-figure" style="max-width:100%;height:auto" src="${image}" alt="${escapeHtml(title)}">`,
    'text/plain': text,
  };
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}

/** FNV-1a over the figure's JSON: the same figure has the same ids everywhere, another has others. */
function fingerprint(figure: object): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(JSON.stringify(figure)))
    hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(36);
}
