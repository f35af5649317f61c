import { rightEnd, visiblePoints } from './figure.js';
import type { Lines } from './figure.js';
import { horizontalBase, horizontalTicks, verticalAxis } from './axes.js';
import { spread } from './labels.js';
import { look } from './palette.js';
import { valueScale } from './scales.js';
import { document, fitted, FONT_SIZE, FRAME, label, marker, nothing, polyline, textWidth } from './svg.js';
import type { Area } from './svg.js';

const LABEL_SPACING = FONT_SIZE + 5;
const LABEL_WIDTH = 240;

/** Lines with markers, each named at its right end. */
export function linesSvg(figure: Lines): string {
  const names = figure.series.map(({ name }) => fitted(name, LABEL_WIDTH));
  const most = FRAME.height - FRAME.top - FRAME.bottom;
  const bottom = FRAME.top + Math.max(most, (names.length - 1) * LABEL_SPACING);
  const height = bottom + FRAME.bottom;
  const area: Area = {
    left: FRAME.left,
    right: FRAME.width - Math.max(0, ...names.map((name) => textWidth(name))) - 44,
    top: FRAME.top,
    bottom,
  };
  const points = figure.series.map((series) => visiblePoints(figure, series));
  const all = points.flat();
  const [xs, ys] = [all.map(([value]) => value), all.map(([, value]) => value)];
  const x = valueScale(xs, [area.left + 8, area.right], { log: figure.xLog });
  const y = valueScale(ys, [area.bottom, area.top], { log: figure.yLog, fromZero: true });
  const drawn = points.map((line) => line.map(([px, py]): [number, number] => [x(px), y(py)]));
  const ends = drawn.map((line) => rightEnd(line)?.[1] ?? area.bottom);
  const labelY = spread(ends, LABEL_SPACING, area.top, area.bottom);
  const marks = drawn.flatMap((line, index) => [
    polyline(look(index), line),
    ...line.map(([px, py]) => marker(look(index), px, py)),
    // The marker is repeated beside the name: a label that had to move still says which line it means.
    marker(look(index), area.right + 20, labelY[index]),
    label(names[index], { class: 'ink', x: area.right + 31, y: labelY[index] + 4.5 }),
  ]);
  return document(
    figure.title,
    `${figure.yLabel} over ${figure.xLabel}: ${figure.series.map(({ name }) => name).join(', ')}`,
    [],
    [
      verticalAxis(y, figure.yLabel, area, figure.yLog),
      horizontalBase(figure.xLabel, area, height),
      horizontalTicks(x, area, figure.xLog),
      ...marks,
      ...(all.length === 0 ? [nothing(area)] : []),
    ],
    height,
  );
}
