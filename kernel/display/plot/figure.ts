/** What a figure says that has no value to show. */
export const NOTHING = 'nothing to show';

/** One colour of a stacked bar, from bottom to top in the order given. */
export interface BarSeries {
  name: string;
  /** One value a category, none negative. */
  values: readonly number[];
}

export interface StackedBars {
  title: string;
  xLabel: string;
  yLabel: string;
  categories: readonly string[];
  series: readonly BarSeries[];
}

export interface LineSeries {
  name: string;
  x: readonly number[];
  y: readonly number[];
}

export interface Lines {
  title: string;
  xLabel: string;
  yLabel: string;
  /** Logarithmic axes; what is not above zero has no place on them and is left out. */
  xLog?: boolean;
  yLog?: boolean;
  series: readonly LineSeries[];
}

/** @throws RangeError when a series has not one finite, non-negative value a category. */
export function checkBars({ title, categories, series }: StackedBars): void {
  for (const { name, values } of series) {
    if (values.length !== categories.length)
      throw new RangeError(
        `plot '${title}': series '${name}' has ${values.length} values for ${categories.length} categories`,
      );
    const wrong = values.find((value) => !Number.isFinite(value) || value < 0);
    if (wrong !== undefined)
      throw new RangeError(
        `plot '${title}': series '${name}' holds ${wrong}; a stacked bar takes finite values of at least 0`,
      );
  }
}

/** Totals of a stacked bar chart, one a category. */
export function totals({ categories, series }: StackedBars): number[] {
  return categories.map((_, index) => series.reduce((sum, { values }) => sum + values[index], 0));
}

export function isEmpty({ categories, series }: StackedBars): boolean {
  return categories.length === 0 || series.length === 0;
}

/** @throws RangeError when a series has not one y for each x. */
export function checkLines({ title, series }: Lines): void {
  for (const { name, x, y } of series)
    if (x.length !== y.length)
      throw new RangeError(`plot '${title}': series '${name}' has ${x.length} x for ${y.length} y`);
}

/** The points that have a place on the figure's axes. */
export function visiblePoints(figure: Lines, { x, y }: LineSeries): [number, number][] {
  const shows = (value: number, log?: boolean) => Number.isFinite(value) && (!log || value > 0);
  return x
    .map((value, index): [number, number] => [value, y[index]])
    .filter(([px, py]) => shows(px, figure.xLog) && shows(py, figure.yLog));
}

/** Where a line ends at the right, whichever way its points go; nothing for one without points. */
export function rightEnd(
  line: readonly (readonly [number, number])[],
): readonly [number, number] | undefined {
  if (line.length === 0) return undefined;
  return line.reduce((end, point) => (point[0] >= end[0] ? point : end));
}
