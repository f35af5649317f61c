import { formatNumber } from '../numbers.js';
import { tickValues } from './scales.js';
import type { Scale } from './scales.js';
import { element, FRAME, label } from './svg.js';
import type { Area } from './svg.js';

/** Horizontal grid lines, the values beside them and the axis label, written upwards. */
export function verticalAxis(scale: Scale, text: string, area: Area, log = false): string {
  const ticks = tickValues(scale, log, 6).flatMap((value) => {
    const y = scale(value);
    return [
      element('line', { class: 'grid', x1: area.left, x2: area.right, y1: y, y2: y }),
      label(formatNumber(value, 'compact'), {
        class: 'ink',
        x: area.left - 8,
        y: y + 4,
        'text-anchor': 'end',
      }),
    ];
  });
  const middle = (area.top + area.bottom) / 2;
  const title = label(text, {
    class: 'ink',
    transform: `translate(20,${middle}) rotate(-90)`,
    'text-anchor': 'middle',
  });
  return [...ticks, title].join('');
}

/** The base line and the axis label at the lower end of a figure of that height. */
export function horizontalBase(text: string, area: Area, height: number = FRAME.height): string {
  return [
    element('line', { class: 'axis', x1: area.left, x2: area.right, y1: area.bottom, y2: area.bottom }),
    label(text, {
      class: 'ink',
      x: (area.left + area.right) / 2,
      y: height - 16,
      'text-anchor': 'middle',
    }),
  ].join('');
}

/** Ticks and values along the base line. */
export function horizontalTicks(scale: Scale, area: Area, log = false): string {
  const values = tickValues(scale, log, 7);
  const texts = tickTexts(values);
  return values
    .flatMap((value, index) => {
      const x = scale(value);
      return [
        element('line', { class: 'axis', x1: x, x2: x, y1: area.bottom, y2: area.bottom + 5 }),
        label(texts[index], {
          class: 'ink',
          x,
          y: area.bottom + 20,
          'text-anchor': 'middle',
        }),
      ];
    })
    .join('');
}

/** Short where that tells them apart: not on an axis that shows a small part of something long. */
function tickTexts(values: readonly number[]): string[] {
  const short = values.map((value) => formatNumber(value, 'compact'));
  return new Set(short).size === short.length ? short : values.map((value) => formatNumber(value, 'decimal'));
}
