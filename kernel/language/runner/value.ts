import { inspect, types } from 'node:util';
import type { DisplayData } from '../../protocol/index.js';

/** A value with a method under this key shows itself: the method returns its MIME bundle, or a promise of it. */
const DISPLAY = Symbol.for('Jupyter.display');

/**
 * Properties by which values of other JavaScript kernels show themselves, as IJavascript has them: `$$html$$` and the
 * like, each a text or a function that returns it; `$$mime$$` a whole bundle. The `$$` at the end may be left out.
 */
const PROPERTY_MIMES: Readonly<Record<string, string>> = {
  $$html: 'text/html',
  $$markdown: 'text/markdown',
  $$latex: 'text/latex',
  $$svg: 'image/svg+xml',
  $$png: 'image/png',
  $$jpeg: 'image/jpeg',
  $$json: 'application/json',
};

/**
 * What a front end is shown of a value; a promise only when the value's display method returns one.
 * @throws what that method throws, and TypeError when it returns no MIME bundle
 */
export function displayOf(value: unknown): DisplayData | Promise<DisplayData> {
  const bundle = bundleOf(value);
  if (bundle === undefined) return { data: { 'text/plain': inspected(value) }, metadata: {} };
  return bundle instanceof Promise ? bundle.then(checked) : checked(bundle);
}

/** Node's own numbers of a promise say nothing, and differ each time. */
function inspected(value: unknown): string {
  return types.isPromise(value) ? 'Promise (put `await` before it to see its value)' : inspect(value);
}

function bundleOf(value: unknown): unknown {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return undefined;
  if (types.isProxy(value) && !saysWhatItHas(value)) return undefined;
  const method = (value as Record<symbol, unknown>)[DISPLAY];
  if (typeof method === 'function') return (method as () => unknown).call(value);
  const bundle = property(value, '$$mime');
  if (bundle !== undefined) return bundle;
  const shown = Object.entries(PROPERTY_MIMES).flatMap(([name, mime]) => {
    const content = property(value, name);
    return content === undefined ? [] : [[mime, asText(content)]];
  });
  return shown.length === 0 ? undefined : { ...Object.fromEntries(shown), 'text/plain': inspect(value) };
}

/** Name that nothing has: a proxy that gives something for it, as one of a remote object does, or throws, has no hooks. */
const NOTHING = Symbol('nothing');

function saysWhatItHas(proxy: object): boolean {
  try {
    return (proxy as Record<symbol, unknown>)[NOTHING] === undefined;
  } catch {
    return false;
  }
}

/** Value of a hook's property, under its short or its long name, called when it is a function. */
function property(value: object, name: string): unknown {
  const fields = value as Record<string, unknown>;
  const content = fields[name] ?? fields[`${name}$$`];
  return typeof content === 'function' ? (content as () => unknown).call(value) : content;
}

/** Bytes travel as base64. */
function asText(content: unknown): unknown {
  return content instanceof Uint8Array ? Buffer.from(content).toString('base64') : content;
}

function checked(bundle: unknown): DisplayData {
  if (typeof bundle !== 'object' || bundle === null || Array.isArray(bundle)) {
    throw new TypeError(
      `[Symbol.for('Jupyter.display')]() must return an object of MIME types, got ${inspect(bundle)}`,
    );
  }
  const texts = Object.entries(bundle).map(([mime, content]) => [mime, asText(content)]);
  // As JSON, because it will be: what JSON cannot say should fail here, where the cell can be told.
  return {
    data: JSON.parse(JSON.stringify(Object.fromEntries(texts))) as Record<string, unknown>,
    metadata: {},
  };
}
