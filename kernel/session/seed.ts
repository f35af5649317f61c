/**
 * Numbers from a seed, 32 bits each: sfc32 of PractRand (Chris Doty-Humphrey).
 * @throws RangeError unless the seed is an integer
 */
export function numbersFrom(seed: number): () => number {
  if (!Number.isSafeInteger(seed))
    throw new RangeError(`a seed is an integer, found ${String(seed)}: %seed 1`);
  const state = Uint32Array.of(0, seed, seed / 2 ** 32, 1);
  const next = () => {
    const [a, b, c, counter] = state;
    const sum = (a + b + counter) >>> 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    state[3] = counter + 1;
    return sum;
  };
  // As PractRand does, so that near seeds give sequences that have nothing in common.
  for (let round = 0; round < 12; round++) next();
  return next;
}

/** Makes `Math.random()` of this thread a function of the seed. @throws RangeError unless that is an integer. */
export function seedRandom(seed: number): void {
  const next = numbersFrom(seed);
  Math.random = () => next() / 2 ** 32;
}
