import { AsyncResource } from 'node:async_hooks';
import { promiseHooks } from 'node:v8';

type AnyFunction = (this: unknown, ...parameters: unknown[]) => unknown;

/**
 * Has `caught` called from the next jobs on, each time a job of a promise or of `queueMicrotask` begins, or the next tick is
 * asked for: jobs without end go by there, and each place is known to Node's stack of async ids.
 * @returns takes the traps away again
 */
export function setJobTraps(caught: () => void): () => void {
  const taken = [
    promiseHooks.onBefore(caught) as () => void,
    trap(AsyncResource.prototype, 'runInAsyncScope', caught),
    trap(process, 'nextTick', caught),
  ];
  return () => {
    for (const take of taken) take();
  };
}

function trap<K extends string>(owner: Record<K, unknown>, name: K, caught: () => void): () => void {
  const original = owner[name] as AnyFunction;
  const trapped: AnyFunction = function (...parameters) {
    caught();
    return original.apply(this, parameters);
  };
  owner[name] = trapped;
  return () => {
    // A cell may have set another one meanwhile.
    if (owner[name] === trapped) owner[name] = original;
  };
}
