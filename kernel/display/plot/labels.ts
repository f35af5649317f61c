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
