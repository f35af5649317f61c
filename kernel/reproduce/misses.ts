import type { Row } from './row.js';

/** Why known misses miss: by the beginning of the row's name. */
const REASONS: readonly { name: string; techniques: readonly string[]; why: string }[] = [
  {
    name: 'call/ret',
    techniques: ['binary-translation'],
    why: 'the model has no branch predictor, and a return that was made an indirect jump is mispredicted on a Pentium 4',
  },
  {
    name: 'ptemod P->NP',
    techniques: ['binary-translation', 'svm-shadow'],
    why: "the appendix has less for taking a page away than figure 4 for an edit that changes nothing; the model's monitors do the same work for both",
  },
  {
    name: 'ptemod',
    techniques: ['native'],
    why: 'figure 4 has 1 cycle for a store that the appendix has 4 or 5 for; the model has one price',
  },
  {
    name: 'cr8wr',
    techniques: ['binary-translation'],
    why: 'a dozen translated instructions in the cache; the model prices them one by one, and has no latency from one to the next',
  },
  {
    name: 'boot/halt',
    techniques: ['binary-translation'],
    why: 'follows from call/ret above: 44 million of them',
  },
];

/** One line for each reason that explains some missed row, naming the rows; and one for what has no explanation. */
export function explainMisses(rows: readonly Row[]): string[] {
  const missed = rows.filter(({ met }) => met === false);
  const reasonFor = ({ name, technique }: Row) =>
    REASONS.find((reason) => name.startsWith(reason.name) && reason.techniques.includes(technique));
  return [...REASONS, undefined].flatMap((reason) => {
    const explained = missed.filter((row) => reasonFor(row) === reason);
    if (explained.length === 0) return [];
    const names = explained.map(({ name, technique }) => `${name} (${technique})`).join('; ');
    return [`${names}: ${reason?.why ?? 'not explained yet'}`];
  });
}
