/** Shapes by Plotly's names (plotly.js 3, "marker.pattern.shape", "marker.symbol", "line.dash"). */
export interface Look {
  colour: string;
  hatch: '' | '/' | '\\' | 'x' | '-' | '|' | '+' | '.';
  marker: 'circle' | 'square' | 'diamond' | 'triangle-up' | 'cross' | 'x' | 'triangle-down' | 'star';
  dash: 'solid' | 'dash' | 'dot' | 'dashdot';
}

/**
 * No two looks differ by colour alone. The colours keep a contrast of 3:1 on white and on near-black (WCAG 2.2,
 * "Non-text Contrast") and stay apart for the common colour-vision deficiencies, after Okabe and Ito, "Color
 * Universal Design" (2008).
 */
const LOOKS: readonly Look[] = [
  { colour: '#0077bb', hatch: '', marker: 'circle', dash: 'solid' },
  { colour: '#d55e00', hatch: '/', marker: 'square', dash: 'dash' },
  { colour: '#009e73', hatch: '.', marker: 'diamond', dash: 'dot' },
  { colour: '#b3589a', hatch: '\\', marker: 'triangle-up', dash: 'dashdot' },
  { colour: '#997700', hatch: '-', marker: 'cross', dash: 'solid' },
  { colour: '#3399cc', hatch: 'x', marker: 'x', dash: 'dash' },
  { colour: '#808080', hatch: '|', marker: 'triangle-down', dash: 'dot' },
  { colour: '#cc3311', hatch: '+', marker: 'star', dash: 'dashdot' },
];

/** Look of the series at `index`. After eight, colours come again with another hatch and dash. */
export function look(index: number): Look {
  const round = Math.floor(index / LOOKS.length);
  const at = (shift: number) => LOOKS[(index + shift * round) % LOOKS.length];
  return { colour: at(0).colour, hatch: at(3).hatch, marker: at(1).marker, dash: at(1).dash };
}

/** The one of white and black that is the better to read on a colour: at least 4.5:1 on each of ours. */
export function inkOn(colour: string): string {
  // WCAG 2.2, "relative luminance" and "contrast ratio".
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 ? '#ffffff' : '#000000';
}

/** Ink on a page of either kind: 4:1 on white, 4.7:1 on near-black. */
export const NEUTRAL_INK = '#808080';
