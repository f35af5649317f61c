import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Runs the `nasm` on PATH in a folder of its own. */
export class Nasm {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ringside-nasm-'));

  constructor(readonly includeFolder?: string) {}

  /** The bytes of a source in hexadecimal, or `error: ` and what NASM says. */
  assemble(source: string): string {
    const output = join(this.#folder, 'out.bin');
    const failure = this.#run(source, output);
    return failure === undefined ? readFileSync(output).toString('hex') : `error: ${failure.split('\n')[0]}`;
  }

  /** The lines of a source NASM finds errors in. It stops at the first pass with errors, so it is asked again. */
  wrongLines(source: string): Set<number> {
    const lines = source.split('\n');
    const wrong = new Set<number>();
    for (;;) {
      const failure = this.#run(lines.join('\n'), join(this.#folder, 'out.bin')) ?? '';
      const found = [...failure.matchAll(/^[^\n:]*:(\d+): error:/gm)].map(([, line]) => Number(line));
      if (found.length === 0) return wrong;
      for (const line of found) {
        wrong.add(line);
        lines[line - 1] = '';
      }
    }
  }

  version(): string {
    return execFileSync('nasm', ['-v'], { encoding: 'utf8' }).trim();
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #run(source: string, output: string): string | undefined {
    const input = join(this.#folder, 'in.asm');
    writeFileSync(input, source);
    const includes = this.includeFolder === undefined ? [] : [`-I${this.includeFolder}/`];
    try {
      execFileSync('nasm', ['-f', 'bin', '-w-all', ...includes, '-o', output, input], { stdio: 'pipe' });
      return undefined;
    } catch (error) {
      const { stderr } = error as { stderr?: Buffer };
      if (stderr === undefined) throw error;
      return stderr.toString();
    }
  }
}
