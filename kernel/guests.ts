import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { assemble } from '../emulator/index.js';
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
  return readFileSync(join(guestFolder, `${name}.asm`), 'utf8');
}

/** First comment of a guest's source: what it shows. */
export function guestDescription(source: string): string {
  const lines = source.split('\n');
  const end = lines.findIndex((line) => !line.startsWith(';'));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^;\s*/, ''))
    .join(' ');
}

/** Assembles a source text; its %includes are looked for beside `fileName`, then among the guests. Diagnostics are in the result. */
export function assembleGuest(source: string, fileName: string): Assembly {
  const folders = [dirname(fileName), guestFolder];
  return assemble(source, {
    fileName,
    include: (name) => {
      const path = folders.map((folder) => join(folder, name)).find(existsSync);
      return path === undefined ? null : readFileSync(path, 'utf8');
    },
  });
}
