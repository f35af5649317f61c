/** A refused request: an HTTP status and a sentence for its author. Anything else thrown is a bug and answers 500. */
export class RequestError extends Error {
  constructor(
    readonly status: 400 | 403 | 404 | 405 | 409 | 413 | 500 | 503,
    message: string,
  ) {
    super(message);
  }
}

/** @throws RequestError 400 when `value` is not an object. */
export function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new RequestError(400, `${what} must be a JSON object`);
  return value as Record<string, unknown>;
}

/** The string at `key`, or undefined. @throws RequestError 400 when something else is there. */
export function optionalString(object: Record<string, unknown>, key: string): string | undefined {
  const value = object[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new RequestError(400, `'${key}' must be a string`);
  return value;
}
