import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A size such as 65536, 640K or 64M, in bytes. @throws InvalidArgumentError */
export function sizeBytes(text: string): number {
  const [, digits, unit] = /^(\d+)([KMG]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * UNITS[unit?.toUpperCase()];
  if (!Number.isSafeInteger(bytes) || bytes === 0)
    throw new InvalidArgumentError(`expected a size such as 65536, 640K or 64M`);
  return bytes;
}

/** A whole number above zero. @throws InvalidArgumentError */
export function count(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value) || value === 0)
    throw new InvalidArgumentError('expected a whole number above 0');
  return value;
}

/** A time in seconds above zero. @throws InvalidArgumentError */
export function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('expected a time in seconds above 0');
  return value;
}

/** Adds a value to those given before, for options that may be repeated. */
export function collect<T>(parse: (text: string) => T): (text: string, before: T[] | undefined) => T[] {
  return (text, before) => [...(before ?? []), parse(text)];
}
