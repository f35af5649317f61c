import { AsyncLocalStorage } from 'node:async_hooks';

/** The run that the current code belongs to, also in what it left behind: timers, promises, events. */
const owner = new AsyncLocalStorage<number>();
let latest = 0;

/** Runs code so that all it starts, now and later, is known to be that run's own: a cell, or a comm message (negative). */
export function runAs<T>(run: number, work: () => T): T {
  if (run > latest) latest = run;
  return owner.run(run, work);
}

/** Run whose code is running; code that none is known to have started counts as the latest cell's. */
export function currentCell(): number {
  return owner.getStore() ?? latest;
}
