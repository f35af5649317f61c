import { fork, spawn } from 'node:child_process';
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

const SHELL = fileURLToPath(new URL('shell.js', import.meta.url));

/** Runs command lines one after another in one process (shell.ts). */
export class Shell {
  private readonly process;

  constructor(cwd: string) {
    this.process = fork(SHELL, { cwd });
  }

  /** One at a time. */
  ringside(words: readonly string[]): Promise<Finished> {
    return new Promise((resolve, reject) => {
      const failed = (code: number) => reject(new Error(`the shell ended with ${code}`));
      this.process.once('exit', failed);
      this.process.once('message', (finished: Finished) => {
        this.process.off('exit', failed);
        resolve(finished);
      });
      this.process.send(words);
    });
  }

  close(): void {
    this.process.disconnect();
  }
}
