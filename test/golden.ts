import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Test } from 'tap';
import { packageRoot } from '../emulator/root.js';

/**
 * Compares `text` with the reviewed file test/golden/NAME. With RINGSIDE_ACCEPT=1 (npm run accept) the file is
 * rewritten instead, for review in the diff.
 */
export function matchesGolden(t: Test, name: string, text: string): void {
  const path = join(packageRoot(), 'test', 'golden', name);
  if (process.env.RINGSIDE_ACCEPT === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    t.pass(`accepted ${name}`);
    return;
  }
  if (!existsSync(path)) t.fail(`test/golden/${name} does not exist: npm run accept writes it for review`);
  else t.equal(text, readFileSync(path, 'utf8'), `test/golden/${name}`);
}
