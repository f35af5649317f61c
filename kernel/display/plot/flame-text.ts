import { stripControls } from '../bundle.js';
import { table } from '../table.js';
import { folded } from './flame.js';
import type { FlameBox, FlameFigure } from './flame.js';

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
    for (const child of children) list(child, depth + 1);
  };
  list(folded(root), 0);
  const columns = [
    { key: 'name', label: '', code: true },
    { key: 'value', label: unit, format: 'integer' },
    { key: 'share', label: 'share', format: 'percent' },
  ] as const;
  return `${stripControls(title)}\n\n${table({ columns, rows })['text/plain']}`;
}
