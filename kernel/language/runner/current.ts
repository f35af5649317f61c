import { AsyncLocalStorage } from 'node:async_hooks';

/** The run that the current code belongs to, also in what it left behind: timers, promises, events. */
const owner = new AsyncLocalStorage<number>();
let latest = 0;

/** Runs a cell so that all it starts, now and later, is known to be its own. */
export function runAs<T>(cell: number, work: () => T): T {
  latest = cell;
  return owner.run(cell, work);
}

/** Cell whose code is running; code that no cell is known to have started counts as the latest one's. */
export function currentCell(): number {
  return owner.getStore() ?? latest;
}
