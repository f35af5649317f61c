import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of this package, where files that are not compiled (guests, notebooks) lie, in a clone as in an installation. */
export function packageRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (
      existsSync(manifest) &&
      (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'ringside'
    )
      return folder;
    if (dirname(folder) === folder)
      throw new Error(`no package.json of ringside above ${fileURLToPath(import.meta.url)}`);
  }
}
