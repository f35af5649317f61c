import { scaleLinear } from 'd3-scale';
import { escapeHtml } from '../bundle.js';
import { formatNumber } from '../numbers.js';
import { horizontalBase, horizontalTicks } from './axes.js';
import { looksOf, placed } from './flame.js';
import type { FlameFigure, PlacedBox } from './flame.js';
import { look } from './palette.js';
import { document, element, fitted, FONT_SIZE, FRAME, label, nothing, textWidth } from './svg.js';
import type { Area } from './svg.js';

/** Narrower boxes are lines without a meaning; the text and the data have them. */
const LEAST_WIDTH = 0.4;
const SMALL = 11;

/** Boxes as wide as what they take, the root below. Every box that has room says its name and share. */
export function flameSvg(figure: FlameFigure): string {
  const { levels, root, unit } = figure;
  const boxes = placed(figure);
  const looks = looksOf(boxes);
  const area: Area = {
    left: 16 + Math.max(...levels.map((name) => textWidth(name))) + 14,
    right: FRAME.width - 24,
    top: FRAME.top,
    bottom: FRAME.height - FRAME.bottom,
  };
  const x = scaleLinear([0, root.value || 1], [area.left, area.right]);
  const pitch = (area.bottom - area.top) / levels.length;
  const marks = boxes.flatMap((box) => {
    const width = x(box.value) - x(0);
    if (width < LEAST_WIDTH) return [];
    const top = area.bottom - (box.level + 1) * pitch;
    return drawn(
      box,
      { x: x(box.from), y: top, width, height: pitch - 2 },
      looks.get(box.name) ?? 0,
      root.value,
    );
  });
  const names = levels.map((name, level) =>
    label(name, { class: 'ink', x: 16, y: area.bottom - (level + 0.5) * pitch + 4, 'font-weight': 600 }),
  );
  return document(
    figure.title,
    `${unit} by ${levels.slice(1).join(', then ')}`,
    [],
    [
      ...names,
      ...marks,
      horizontalBase(unit, area),
      horizontalTicks(x, area),
      ...(root.value > 0 ? [] : [nothing(area)]),
    ],
  );
}

interface Shape {
  x: number;
  y: number;
  width: number;
  height: number;
}

function drawn(box: PlacedBox, shape: Shape, index: number, whole: number): string[] {
  const { colour } = look(index);
  const share = formatNumber(whole === 0 ? 0 : box.value / whole, 'percent');
  // A smaller face before a shorter text.
  const size = textWidth(box.name) <= shape.width - 10 ? FONT_SIZE : SMALL;
  const name = fitted(box.name, shape.width - 6, size);
  const middle = { x: shape.x + shape.width / 2, 'text-anchor': 'middle', class: 'ink' };
  const baseline = shape.y + shape.height / 2;
  return [
    element(
      'rect',
      // A tint, so that ink is legible on it in either scheme; the outline tells boxes of one colour apart.
      {
        ...shape,
        fill: colour,
        'fill-opacity': 0.3,
        stroke: colour,
        'stroke-width': Math.min(1, shape.width / 4),
      },
      element('title', {}, escapeHtml(`${box.path}: ${share}`)),
    ),
    ...(name === '' ? [] : [label(name, { ...middle, y: baseline - 1, 'font-size': size })]),
    ...(name === '' || textWidth(share, SMALL) + 6 > shape.width
      ? []
      : [label(share, { ...middle, y: baseline + 14, 'font-size': SMALL })]),
  ];
}
