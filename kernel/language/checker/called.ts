import type { Surrounding } from '../cell.js';
import { SURROUNDINGS } from '../cell.js';

/** What the surroundings are called that compilation has code use. */
export type Called = Readonly<Record<Surrounding, string>>;

/** Their own names, but for those that a text uses itself: a variable of such a name would be taken for ours. */
export function calledIn(words: ReadonlySet<string>): Called {
  const other = (name: string): string => (words.has(name) ? other(`${name}_`) : name);
  return Object.fromEntries(SURROUNDINGS.map((name) => [name, other(name)])) as Record<Surrounding, string>;
}

/** Those that are not called as usual. */
export function renamed(called: Called): Partial<Called> {
  return Object.fromEntries(Object.entries(called).filter(([name, other]) => name !== other));
}
