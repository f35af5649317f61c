/**
 * Moves labels apart along one axis: each keeps its order and gets at least `spacing`, as near to where it
 * belongs as that allows, within [low, high].
 * @param wanted where each label belongs, in any order. @returns where each goes, in the same order.
 */
export function spread(wanted: readonly number[], spacing: number, low: number, high: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b]);
  const placed = new Array<number>(wanted.length).fill(low);
  let floor = low;
  for (const index of order) {
    placed[index] = Math.max(wanted[index], floor);
    floor = placed[index] + spacing;
  }
  let ceiling = high;
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index], ceiling);
    ceiling = placed[index] - spacing;
  }
  return placed;
}

/** A label's place by its centre, in pixels. */
export interface LabelBox {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Which of the labels can be written without one upon another; those that come first have precedence.
 * @returns for each label whether it is written
 */
export function withoutOverlap(labels: readonly LabelBox[]): boolean[] {
  const written: LabelBox[] = [];
  return labels.map((box) => {
    const free = written.every(
      (other) =>
        Math.abs(box.x - other.x) >= (box.width + other.width) / 2 ||
        Math.abs(box.y - other.y) >= (box.height + other.height) / 2,
    );
    if (free) written.push(box);
    return free;
  });
}

/** Of a title, what fits in the narrowest figure at its size. */
const TITLE_CHARACTERS = 62;
const TITLE_LINES = 2;

/** A title in as many lines as a figure has room for; what is longer ends with an ellipsis. */
export function titleLines(title: string): string[] {
  const lines: string[] = [];
  for (const word of title.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= TITLE_CHARACTERS)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const shown = lines.slice(0, TITLE_LINES).map(shortened);
  if (lines.length > TITLE_LINES) shown[TITLE_LINES - 1] = shortened(`${shown[TITLE_LINES - 1]} …`);
  return shown;
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length <= TITLE_CHARACTERS
    ? text
    : `${characters.slice(0, TITLE_CHARACTERS - 1).join('')}…`;
}
