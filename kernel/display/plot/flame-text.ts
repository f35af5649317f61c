import { stripControls } from '../bundle.js';
import { table } from '../table.js';
import type { FlameBox, FlameFigure } from './flame.js';

/** Boxes below this share of the whole are not told one by one. */
const LEAST_SHARE = 0.005;

/** The boxes as an indented list, the widest first among those that stand on the same one. */
export function flameText({ title, unit, root }: FlameFigure): string {
  const whole = root.value || 1;
  const rows: { name: string; value: number; share: number }[] = [];
  const list = ({ name, value, children }: FlameBox, depth: number): void => {
    rows.push({
      name: `${'  '.repeat(depth)}${stripControls(name).replace(/\s+/g, ' ')}`,
      value,
      share: value / whole,
    });
    const shown = children.filter((child) => child.value / whole >= LEAST_SHARE);
    for (const child of shown) list(child, depth + 1);
    const rest = children.filter((child) => !shown.includes(child));
    const sum = rest.reduce((total, child) => total + child.value, 0);
    if (rest.length > 0)
      rows.push({
        name: `${'  '.repeat(depth + 1)}(${rest.length} smaller)`,
        value: sum,
        share: sum / whole,
      });
  };
  list(root, 0);
  const columns = [
    { key: 'name', label: '', code: true },
    { key: 'value', label: unit, format: 'integer' },
    { key: 'share', label: 'share', format: 'percent' },
  ] as const;
  return `${stripControls(title)}\n\n${table({ columns, rows })['text/plain']}`;
}
