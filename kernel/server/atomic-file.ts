import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Writes beside the file and renames: a reader sees the old file or the new one, never half of one. */
export async function writeAtomically(file: string, bytes: Uint8Array | string): Promise<void> {
  const draft = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  try {
    await fs.writeFile(draft, bytes, { flag: 'wx' });
    await fs.rename(draft, file);
  } catch (error) {
    await fs.rm(draft, { force: true });
    throw error;
  }
}
