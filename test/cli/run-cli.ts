import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../kernel/cli.js', import.meta.url));

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `ringside` to its end. */
export function ringside(
  words: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...words], { cwd, env: { ...process.env, ...env } });
    const finished: Finished = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => (finished.stdout += bytes.toString('utf8')));
    child.stderr.on('data', (bytes: Buffer) => (finished.stderr += bytes.toString('utf8')));
    child.on('error', reject);
    child.on('close', (code) => resolve({ ...finished, code }));
  });
}
