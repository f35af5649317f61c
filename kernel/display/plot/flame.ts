/** One box of a flame graph, with the boxes that stand on it; theirs are at most as much together. */
export interface FlameBox {
  name: string;
  value: number;
  children: readonly FlameBox[];
}

export interface FlameFigure {
  title: string;
  /** What a width is. */
  unit: string;
  /** What the levels are, from the root up. */
  levels: readonly string[];
  root: FlameBox;
}

/** A box where it is drawn: `from` and `value` in the figure's unit. */
export interface PlacedBox {
  name: string;
  /** Names from the root to the box. */
  path: string;
  from: number;
  value: number;
  level: number;
}

/** @throws RangeError when boxes are wider than what they stand on, or deeper than the levels. */
export function checkFlame({ title, levels, root }: FlameFigure): void {
  const check = ({ name, value, children }: FlameBox, depth: number): void => {
    if (depth >= levels.length)
      throw new RangeError(`plot '${title}': '${name}' stands above the ${levels.length} levels`);
    const sum = children.reduce((total, child) => total + child.value, 0);
    if (!(value >= 0) || sum > value * (1 + 1e-9) + 1e-9)
      throw new RangeError(`plot '${title}': ${sum} stand on '${name}', which has ${value}`);
    for (const child of children) check(child, depth + 1);
  };
  check(root, 0);
}

/** Boxes below this share of the whole are not told one by one. */
const LEAST_SHARE = 0.005;

/** The tree with the smaller ones of those that stand on the same box in one box, which is named by how many they are. */
export function folded(root: FlameBox): FlameBox {
  const whole = root.value || 1;
  const fold = ({ name, value, children }: FlameBox): FlameBox => {
    const shown = children.filter((child) => child.value / whole >= LEAST_SHARE);
    const rest = children.length - shown.length;
    const sum = children.reduce((total, child) => total + (shown.includes(child) ? 0 : child.value), 0);
    const others = rest > 0 ? [{ name: `(${rest} smaller)`, value: sum, children: [] }] : [];
    return { name, value, children: [...shown.map(fold), ...others] };
  };
  return fold(root);
}

/** Every box of the folded tree with its place, level by level as they are met from the left. */
export function placed({ root }: FlameFigure): PlacedBox[] {
  const boxes: PlacedBox[] = [];
  const place = (box: FlameBox, from: number, level: number, below: string): void => {
    const path = below === '' ? box.name : `${below} → ${box.name}`;
    boxes.push({ name: box.name, path, from, value: box.value, level });
    let left = from;
    for (const child of box.children) {
      place(child, left, level + 1, level === 0 ? '' : path);
      left += child.value;
    }
  };
  place(folded(root), 0, 0, '');
  return boxes;
}

/** The same name has the same look wherever it stands on its level. */
export function looksOf(boxes: readonly PlacedBox[]): ReadonlyMap<string, number> {
  const looks = new Map<string, number>();
  for (const { name } of boxes) if (!looks.has(name)) looks.set(name, looks.size);
  return looks;
}
