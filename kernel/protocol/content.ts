import type { Message } from './messages.js';

/** A request's content lacks a field or has it with the wrong type. Answered with an error reply. */
export class ContentError extends Error {
  override readonly name = 'ContentError';
}

type Content = Message['content'];

export function textOf(content: Content, field: string): string {
  const value = content[field];
  if (typeof value === 'string') return value;
  throw new ContentError(`${field} must be a string, found ${JSON.stringify(value)}`);
}

export function integerOf(content: Content, field: string, fallback?: number): number {
  const value = content[field] ?? fallback;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new ContentError(`${field} must be an integer, found ${JSON.stringify(value)}`);
}

/** A flag that is absent has its default, as old clients leave out what newer protocols added. */
export function flagOf(content: Content, field: string, fallback: boolean): boolean {
  const value = content[field];
  return typeof value === 'boolean' ? value : fallback;
}

export function textsOf(content: Content, field: string): Record<string, string> {
  const value = content[field];
  if (typeof value !== 'object' || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, text]) => [name, String(text)]));
}
