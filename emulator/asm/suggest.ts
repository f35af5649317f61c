/** Edit distance with adjacent transpositions, given up (as `bound + 1`) once it must exceed `bound`. */
function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) > bound) return bound + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const substitution = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(substitution, last[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2] + 1);
      }
      row.push(cost);
      best = Math.min(best, cost);
    }
    if (best > bound) return bound + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

/** Longest word a suggestion is looked for; longer ones are not slips of the hand. */
const longestWord = 32;

/** Words up to this long are suggested for one slip only: two would turn `start` into `sar`. */
const shortWord = 6;

/** `; did you mean 'x'?` for the closest of `candidates`, or an empty string when none is close. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const lower = word.toLowerCase();
  if (lower.length < 2 || lower.length > longestWord) return '';
  let bound = lower.length <= shortWord ? 1 : 2;
  let found: string | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(lower, candidate.toLowerCase(), bound);
    if (distance > bound) continue;
    found = candidate;
    if (distance === 0) break;
    bound = distance - 1;
  }
  return found === undefined ? '' : `; did you mean '${found}'?`;
}
