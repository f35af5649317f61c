import { escapeHtml } from '../bundle.js';
import { NOTHING } from './figure.js';
import { titleLines } from './labels.js';
import type { Look } from './palette.js';

/** Size of a figure in CSS pixels and the room around its plotting area. */
export const FRAME = { width: 760, height: 430, top: 48, bottom: 62, left: 78 } as const;
export const FONT_SIZE = 13;

/** Room on the page for marks, in pixels. */
export interface Area {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One SVG element; attributes are escaped, `children` is markup already made here. Numbers keep two decimals. */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const text = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        ` ${key}="${typeof value === 'number' ? Number(value.toFixed(2)) : escapeHtml(value ?? '')}"`,
    )
    .join('');
  return children.length === 0 ? `<${name}${text}/>` : `<${name}${text}>${children.join('')}</${name}>`;
}

export function label(text: string, attributes: Attributes): string {
  return element('text', attributes, escapeHtml(text));
}

/** Width of text in pixels, estimated for a sans-serif face: there is no font to ask. */
export function textWidth(text: string, size: number = FONT_SIZE): number {
  const wide = text.match(/[A-Z_MWmw@%]/g)?.length ?? 0;
  return ([...text].length * 0.58 + wide * 0.15) * size;
}

/** Text on a plate, centred at a place: legible on any hatch. */
export function plate(text: string, x: number, y: number): string {
  const width = textWidth(text) + 6;
  return (
    element('rect', {
      class: 'ground',
      x: x - width / 2,
      y: y - 8,
      width,
      height: 16,
      rx: 3,
      'fill-opacity': 0.88,
    }) + label(text, { class: 'ink', x, y: y + 4.5, 'text-anchor': 'middle', 'font-size': 12 })
  );
}

/** As much of a text as fits, with an ellipsis; empty when that would say nothing. */
export function fitted(text: string, width: number, size: number = FONT_SIZE): string {
  if (textWidth(text, size) <= width) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, size) > width) characters.pop();
  return characters.length < 3 ? '' : `${characters.join('')}…`;
}

const HATCHES: Readonly<Record<Look['hatch'], string>> = {
  '': '',
  '/': 'M-2,2l4,-4M0,8l8,-8M6,10l4,-4',
  '\\': 'M-2,6l4,4M0,0l8,8M6,-2l4,4',
  x: 'M0,0l8,8M0,8l8,-8',
  '-': 'M0,4h8',
  '|': 'M4,0v8',
  '+': 'M0,4h8M4,0v8',
  '.': 'M3,3h2v2h-2z',
};

/** Definition of the fill of one series: its colour, hatched. */
export function hatchPattern(id: string, { colour, hatch }: Look): string {
  return element(
    'pattern',
    { id, width: 8, height: 8, patternUnits: 'userSpaceOnUse' },
    element('rect', { width: 8, height: 8, fill: colour }),
    ...(hatch === ''
      ? []
      : [
          element('path', {
            d: HATCHES[hatch],
            stroke: '#fff',
            'stroke-width': 1.4,
            'stroke-opacity': 0.75,
            fill: 'none',
          }),
        ]),
  );
}

const MARKERS: Readonly<Record<Look['marker'], string>> = {
  circle: 'M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z',
  square: 'M-4,-4h8v8h-8z',
  diamond: 'M0,-5l5,5l-5,5l-5,-5z',
  'triangle-up': 'M0,-5l5,9h-10z',
  'triangle-down': 'M0,5l5,-9h-10z',
  cross: 'M-1.5,-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z',
  x: 'M-4,-5l4,4l4,-4l1,1l-4,4l4,4l-1,1l-4,-4l-4,4l-1,-1l4,-4l-4,-4z',
  star: 'M0,-6l1.5,4h4l-3.2,2.6l1.2,4.2l-3.5,-2.5l-3.5,2.5l1.2,-4.2l-3.2,-2.6h4z',
};

export function marker({ marker: shape, colour }: Look, x: number, y: number): string {
  return element('path', {
    d: MARKERS[shape],
    transform: `translate(${x.toFixed(2)},${y.toFixed(2)})`,
    fill: colour,
  });
}

const DASHES: Readonly<Record<Look['dash'], string | undefined>> = {
  solid: undefined,
  dash: '8 4',
  dot: '2 3',
  dashdot: '8 3 2 3',
};

export function polyline({ colour, dash }: Look, points: readonly (readonly [number, number])[]): string {
  return element('polyline', {
    points: points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' '),
    fill: 'none',
    stroke: colour,
    'stroke-width': 2,
    'stroke-dasharray': DASHES[dash],
  });
}

// The figure brings its own ground: in an <img> it sees the reader's system preference, not the page's colours.
const STYLE =
  '.ground{fill:#fff}.ink{fill:#1f2328}.grid{stroke:#d8dee4}.axis{stroke:#59636e}' +
  '.edge{stroke:#fff}.halo{stroke:#fff;stroke-width:3px;paint-order:stroke}' +
  '@media(prefers-color-scheme:dark){.ground{fill:#14181d}.ink{fill:#e6edf3}.grid{stroke:#313840}' +
  '.axis{stroke:#9198a1}.edge,.halo{stroke:#14181d}}';

const TITLE_SIZE = 16;
const TITLE_LINE = 19;

/** Baselines of a title's lines above the plotting area. */
function titleTexts(title: string): string[] {
  const lines = titleLines(title);
  const first = 27 - (lines.length - 1) * (TITLE_LINE / 2);
  return lines.map((line, index) =>
    label(line, {
      class: 'ink',
      x: 16,
      y: first + index * TITLE_LINE,
      'font-size': TITLE_SIZE,
      'font-weight': 600,
    }),
  );
}

/** Said in the middle of a figure that has nothing to show. */
export function nothing({ left, right, top, bottom }: Area): string {
  return label(NOTHING, {
    class: 'ink',
    x: (left + right) / 2,
    y: (top + bottom) / 2,
    'text-anchor': 'middle',
  });
}

/** A whole document: ground, title and `parts`. Script-free; scales with its container. */
export function document(
  title: string,
  description: string,
  definitions: readonly string[],
  parts: readonly string[],
  height: number = FRAME.height,
): string {
  const { width } = FRAME;
  return element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      'font-family': 'system-ui,-apple-system,Segoe UI,Helvetica,Arial,sans-serif',
      'font-size': FONT_SIZE,
    },
    element('title', {}, escapeHtml(title)),
    element('desc', {}, escapeHtml(description)),
    element('style', {}, STYLE),
    element('defs', {}, ...definitions, ''),
    element('rect', { class: 'ground', width, height, rx: 6 }),
    ...titleTexts(title),
    ...parts,
  );
}
