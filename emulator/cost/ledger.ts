import { ACCOUNTS, ACCOUNT_INDEX, COST_KEYS, COST_KEY_COUNT, COST_KEY_INDEX } from './keys.js';
import type { Account, CostKey } from './keys.js';
import type { CpuProfile, Price } from './profile.js';

/** Clock resolution. A price may be a fraction of a cycle; ticks keep sums exact. */
export const TICKS_PER_CYCLE = 1000;

/** Prices in ticks, in the order of COST_KEYS. @throws RangeError when a price is missing, negative, not finite or finer than a tick. */
export function priceTicks(profile: CpuProfile): Float64Array {
  return Float64Array.from(COST_KEYS, (key) => {
    const price = profile.prices[key] as Price | undefined;
    if (!price)
      throw new RangeError(
        `${profile.name}: '${key}' has no price; a profile prices all of ${COST_KEYS.join(', ')}`,
      );
    const { value } = price;
    const ticks = Math.round(value * TICKS_PER_CYCLE);
    if (!Number.isFinite(value) || value < 0 || Math.abs(ticks - value * TICKS_PER_CYCLE) > 1e-6) {
      throw new RangeError(
        `${profile.name}: price of '${key}' is ${value}; expected a non-negative multiple of 1/${TICKS_PER_CYCLE} cycle`,
      );
    }
    return ticks;
  });
}

/** Counts per account and key: all that a run's cost depends on. */
export type Counts = Readonly<Record<Account, Readonly<Partial<Record<CostKey, number>>>>>;

/**
 * Counts what is charged and keeps the clock: the clock is by construction the dot product of counts and
 * prices. One per machine.
 */
export class Ledger {
  /** Row-major [account][key]. The run loop adds to it directly, and late: read {@link counts}. */
  readonly rows = new Float64Array(ACCOUNTS.length * COST_KEY_COUNT);
  /** Brings the rows up to date with the clock, before anything reads them. */
  settle: (() => void) | null = null;
  readonly prices: Float64Array;
  /** Time since reset, in ticks; an integer below 2^53 (27 days at 3.8 GHz would overflow it, no run comes near). */
  ticks = 0;

  constructor(readonly profile: CpuProfile) {
    this.prices = priceTicks(profile);
  }

  /** Counts `count` events of `key` against `account` and advances the clock by their price. */
  charge(account: Account, key: CostKey, count = 1): void {
    this.chargeAt(ACCOUNT_INDEX[account] * COST_KEY_COUNT, COST_KEY_INDEX[key], count);
  }

  /** As {@link charge}, for what is charged often: positions of the account's row and of the key in it. */
  chargeAt(row: number, column: number, count: number): void {
    this.rows[row + column] += count;
    this.ticks += this.prices[column] * count;
  }

  /** The rows, up to date with the clock. */
  get counts(): Float64Array {
    this.settle?.();
    return this.rows;
  }

  /** Whole cycles since reset, rounded down: what RDTSC shows. */
  get cycles(): number {
    return Math.floor(this.ticks / TICKS_PER_CYCLE);
  }

  /** Cycles since reset, fractions kept. */
  get cyclesExact(): number {
    return this.ticks / TICKS_PER_CYCLE;
  }

  /** Cycles per account, fractions kept. They sum to `ticks / TICKS_PER_CYCLE`. */
  accounts(): Record<Account, number> {
    return accountCycles(this.counts, this.prices);
  }

  /** What one account of the monitor's has been charged so far, in ticks. */
  accountTicks(account: 'translate' | 'vmm' | 'transition'): number {
    const { rows, prices } = this;
    const row = ACCOUNT_INDEX[account] * COST_KEY_COUNT;
    let ticks = 0;
    for (let column = 0; column < COST_KEY_COUNT; column++) ticks += rows[row + column] * prices[column];
    return ticks;
  }

  /** A copy of the counts without the zeros. */
  snapshot(): Counts {
    const { counts } = this;
    return Object.fromEntries(
      ACCOUNTS.map((account, row) => [
        account,
        Object.fromEntries(
          COST_KEYS.map((key, column) => [key, counts[row * COST_KEY_COUNT + column]] as const).filter(
            ([, count]) => count !== 0,
          ),
        ),
      ]),
    ) as unknown as Counts;
  }
}

function accountCycles(counts: Float64Array, prices: Float64Array): Record<Account, number> {
  return Object.fromEntries(
    ACCOUNTS.map((account, row) => {
      let ticks = 0;
      for (let column = 0; column < COST_KEY_COUNT; column++)
        ticks += counts[row * COST_KEY_COUNT + column] * prices[column];
      return [account, ticks / TICKS_PER_CYCLE];
    }),
  ) as Record<Account, number>;
}

/**
 * What counts taken under one profile would have cost under another. Exact as long as the run did not read
 * time; a run that did says so (see RunResult.timeDependent).
 * @returns cycles per account.
 */
export function repriceCounts(counts: Counts, profile: CpuProfile): Record<Account, number> {
  const dense = new Float64Array(ACCOUNTS.length * COST_KEY_COUNT);
  for (const account of ACCOUNTS) {
    for (const [key, count] of Object.entries(counts[account])) {
      dense[ACCOUNT_INDEX[account] * COST_KEY_COUNT + COST_KEY_INDEX[key as CostKey]] = count;
    }
  }
  return accountCycles(dense, priceTicks(profile));
}
