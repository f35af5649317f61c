import { COST_KEY_INDEX } from '../cost/keys.js';
import type { Ledger } from '../cost/ledger.js';
import type { Clock } from '../platform/clock.js';

/**
 * Time passes with nothing executed, in whole units of the price of 'idle', until the next deadline is due or
 * `limitTicks` is reached. The deadline is not run.
 * @returns false when there is no deadline: nothing would ever end the wait.
 */
export function passIdleTime(ledger: Ledger, clock: Clock, limitTicks: number): boolean {
  if (clock.nextTicks === Infinity) return false;
  const unitTicks = ledger.prices[COST_KEY_INDEX.idle];
  if (unitTicks <= 0)
    throw new RangeError(`${ledger.profile.name}: 'idle' is free, so time would stand still in HLT`);
  const waitTicks = Math.min(clock.nextTicks, limitTicks) - ledger.ticks;
  if (waitTicks > 0) ledger.charge('idle', 'idle', Math.ceil(waitTicks / unitTicks));
  return true;
}
