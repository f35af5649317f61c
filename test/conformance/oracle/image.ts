import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble, formatDiagnostics } from '../../../emulator/asm/index.js';
import { packageRoot } from '../../../emulator/root.js';

export const suiteFolder = join(packageRoot(), 'test/conformance/oracle/suites');
export const expectedFolder = join(packageRoot(), 'test/conformance/oracle/expected');

/** Where a suite's image is loaded and entered (LOAD_GPA of harness.inc); the label of its first byte is elsewhere. */
export const LOAD_GPA = 0x10_0000;

/** Assembles a file of the suites' folder. @throws Error with the diagnostics. */
export function assembleSuite(file: string, defines: Readonly<Record<string, string>> = {}): Uint8Array {
  const include = (name: string): string => readFileSync(join(suiteFolder, name), 'utf8');
  const source = include(file);
  const { bytes, diagnostics } = assemble(source, { fileName: file, include, defines });
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(formatDiagnostics(source, errors));
  return bytes;
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
