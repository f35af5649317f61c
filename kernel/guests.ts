import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { assemble, formatDiagnostics } from '../emulator/index.js';
import type { Assembly } from '../emulator/index.js';
import { packageRoot } from '../emulator/root.js';

/** The guest programs that come with Ringside, and what they share. */
export const guestFolder = join(packageRoot(), 'emulator', 'guests');

/** Names of the guests that come with Ringside, sorted. */
export function guestNames(): string[] {
  return readdirSync(guestFolder)
    .filter((file) => file.endsWith('.asm'))
    .map((file) => basename(file, '.asm'))
    .sort();
}

/** Source text of a guest. @throws RangeError naming the known ones. */
export function guestSource(name: string): string {
  if (!guestNames().includes(name))
    throw new RangeError(`no guest '${name}'; known: ${guestNames().join(', ')}`);
  return readFileSync(guestPath(name), 'utf8');
}

/** Where a guest's source is. */
export function guestPath(name: string): string {
  return join(guestFolder, `${name}.asm`);
}

/** First comment of a guest's source: what it shows. */
export function guestDescription(source: string): string {
  return header(source)
    .filter((line) => !COMPARED.test(line) && !DISK.test(line))
    .join(' ');
}

/**
 * What of a guest's end is the same under every technique, as the line `; compared: console` of its first comment
 * declares; without it everything a guest can see. A guest whose memory depends on when an interrupt came says so.
 */
export function guestCompared(source: string): 'everything' | 'console' {
  const declared = header(source).flatMap((line) => COMPARED.exec(line)?.[1] ?? []);
  return declared.includes('console') ? 'console' : 'everything';
}

const COMPARED = /^compared: (console)\b/;
const DISK = /^disk: (\S+)/;

/**
 * The disk that a source asks for with a line `; disk: FILE` of its first comment: the image that FILE, beside it or
 * among the guests, assembles to. Null when it asks for none.
 * @throws SyntaxError when there is no such file or it does not assemble.
 */
export function guestDisk(source: string, fileName: string): Uint8Array | null {
  const [file] = header(source).flatMap((line) => DISK.exec(line)?.[1] ?? []);
  if (file === undefined) return null;
  const path = [dirname(fileName), guestFolder].map((folder) => join(folder, file)).find(existsSync);
  if (path === undefined)
    throw new SyntaxError(`${fileName}: no file '${file}' for its disk, beside it or in ${guestFolder}`);
  const text = readFileSync(path, 'utf8');
  const { bytes, diagnostics } = assembleGuest(text, path);
  if (diagnostics.length > 0) throw new SyntaxError(`\n${formatDiagnostics(text, diagnostics)}`);
  return bytes;
}

function header(source: string): string[] {
  const lines = source.split('\n');
  const end = lines.findIndex((line) => !line.startsWith(';'));
  return lines.slice(0, end).map((line) => line.replace(/^;\s*/, ''));
}

/** Values that a guest's source lets its user choose: what it and its includes define only where nobody has. */
export function guestParameters(source: string): string[] {
  const names = [...source.matchAll(/^%ifndef +(\w+)/gm)].map(([, name]) => name);
  const included = [...source.matchAll(/^%include +"([^"]+)"/gm)].flatMap(([, file]) =>
    guestParameters(readFileSync(join(guestFolder, file), 'utf8')),
  );
  return [...new Set([...names, ...included])];
}

/** @throws RangeError for a value that the guest does not let one choose, or that is no number of things. */
export function checkParameters(
  guest: string,
  parameters: readonly string[],
  values: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(values)) {
    if (!parameters.includes(name)) {
      const known = parameters.length === 0 ? 'it has none' : `it has: ${parameters.join(', ')}`;
      throw new RangeError(`the guest '${guest}' has no parameter '${name}'; ${known}`);
    }
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw new RangeError(`${guest}: ${name} is ${value}; expected an integer from 0 to 4294967295`);
  }
}

/**
 * Assembles a source text; its %includes are looked for beside `fileName`, then among the guests. Diagnostics are in the result.
 * @param defines values for what the source leaves open (`%ifndef`), by name.
 */
export function assembleGuest(
  source: string,
  fileName: string,
  defines: Readonly<Record<string, number>> = {},
): Assembly {
  const folders = [dirname(fileName), guestFolder];
  return assemble(source, {
    fileName,
    defines: Object.fromEntries(Object.entries(defines).map(([name, value]) => [name, String(value)])),
    include: (name) => {
      const path = folders.map((folder) => join(folder, name)).find(existsSync);
      return path === undefined ? null : readFileSync(path, 'utf8');
    },
  });
}
