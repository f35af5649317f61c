import { inspect } from 'node:util';
import type { DisplayData } from '../../protocol/index.js';

/** A value with a method under this key shows itself: the method returns its MIME bundle, or a promise of it. */
const DISPLAY = Symbol.for('Jupyter.display');

/**
 * What a front end is shown of a value; a promise only when the value's display method returns one.
 * @throws what that method throws, and TypeError when it returns no MIME bundle
 */
export function displayOf(value: unknown): DisplayData | Promise<DisplayData> {
  const method = displayMethod(value);
  if (method === undefined) return { data: { 'text/plain': inspect(value) }, metadata: {} };
  const bundle = method.call(value);
  return bundle instanceof Promise ? bundle.then(checked) : checked(bundle);
}

function displayMethod(value: unknown): (() => unknown) | undefined {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  const method = (value as Record<symbol, unknown>)[DISPLAY];
  return typeof method === 'function' ? (method as () => unknown) : undefined;
}

function checked(bundle: unknown): DisplayData {
  if (typeof bundle !== 'object' || bundle === null || Array.isArray(bundle)) {
    throw new TypeError(
      `[Symbol.for('Jupyter.display')]() must return an object of MIME types, got ${inspect(bundle)}`,
    );
  }
  // As JSON, because it will be: what JSON cannot say should fail here, where the cell can be told.
  return { data: JSON.parse(JSON.stringify(bundle)) as Record<string, unknown>, metadata: {} };
}
