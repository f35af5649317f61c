import { ACCOUNT_INDEX, COST_KEY_COUNT, COST_KEY_INDEX } from '../../cost/keys.js';
import type { Account, CostKey } from '../../cost/keys.js';
import type { Ledger } from '../../cost/ledger.js';

/** What one crossing is charged, as places in the ledger's rows. */
export class CrossingCounts {
  readonly ticks: number;
  private readonly places: readonly number[];
  private readonly amounts: readonly number[];

  constructor(
    private readonly ledger: Ledger,
    charges: readonly (readonly [Account, CostKey, number])[],
  ) {
    this.places = charges.map(
      ([account, key]) => ACCOUNT_INDEX[account] * COST_KEY_COUNT + COST_KEY_INDEX[key],
    );
    this.amounts = charges.map(([, , amount]) => amount);
    const { prices } = ledger;
    this.ticks = charges.reduce((sum, [, key, amount]) => sum + prices[COST_KEY_INDEX[key]] * amount, 0);
  }

  /** Adds the counts of so many crossings, whose time the clock has already. */
  add(times: number): void {
    const { ledger, places, amounts } = this;
    for (let at = 0; at < places.length; at++) ledger.rows[places[at]] += amounts[at] * times;
  }
}
