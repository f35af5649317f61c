import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConnection, SOCKETS } from '../protocol/connection.js';
import type { Connection } from '../protocol/connection.js';
import { freePorts } from './ports.js';

/** What to start: `{connection_file}` in `argv` is replaced. */
export interface KernelLaunch {
  name: string;
  argv: readonly string[];
  /** Added to this process's environment. */
  env: Readonly<Record<string, string>>;
  cwd: string;
}

const HOST = '127.0.0.1';
/** Bytes of a kernel's stderr that are kept to explain its end. */
const STDERR_TAIL_BYTES = 4096;
const GRACE_MS = 2000;

/** One operating-system process of a kernel and its connection file. Never outlives this process. */
export class KernelProcess {
  readonly #child: ChildProcess;
  #stderr = '';
  /** Resolves with a sentence when the process is gone. */
  readonly ended: Promise<string>;
  alive = true;

  private constructor(
    launch: KernelLaunch,
    readonly connection: Connection,
    folder: string,
  ) {
    const [program, ...rest] = launch.argv.map((word) =>
      word.replaceAll('{connection_file}', connectionFile(folder)),
    );
    this.#child = spawn(program, rest, {
      cwd: launch.cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      // jupyter_client's way to tell a kernel whose end is its end too.
      env: { ...process.env, ...launch.env, JPY_PARENT_PID: String(process.pid) },
      // In a group of its own: ^C in the terminal is for the server, which then ends its kernels in order.
      detached: process.platform !== 'win32',
    });
    const killNow = () => this.#child.kill('SIGKILL');
    process.once('exit', killNow);
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#stderr = (this.#stderr + bytes.toString('utf8')).slice(-STDERR_TAIL_BYTES);
    });
    this.ended = new Promise((resolve) => {
      const end = (what: string) => {
        this.alive = false;
        process.off('exit', killNow);
        rmSync(folder, { recursive: true, force: true });
        const words = this.#stderr.trim();
        resolve(words === '' ? what : `${what}; it said: ${words}`);
      };
      this.#child.once('error', (error) => end(`kernel did not start: ${error.message}`));
      this.#child.once('close', (code, signal) =>
        end(signal === null ? `kernel ended with code ${code}` : `kernel was ended by ${signal}`),
      );
    });
  }

  static async start(launch: KernelLaunch): Promise<KernelProcess> {
    const chosen = await freePorts(SOCKETS.length, HOST);
    const ports = Object.fromEntries(SOCKETS.map((name, index) => [name, chosen[index]]));
    const key = randomBytes(32).toString('hex');
    // The connection file's fields: jupyter_client, "Connection files".
    const text = JSON.stringify({
      transport: 'tcp',
      ip: HOST,
      ...Object.fromEntries(SOCKETS.map((name) => [`${name}_port`, ports[name]])),
      signature_scheme: 'hmac-sha256',
      key,
      kernel_name: launch.name,
    });
    const folder = mkdtempSync(join(tmpdir(), 'ringside-kernel-'));
    const file = connectionFile(folder);
    await writeFile(file, text, { mode: 0o600 });
    return new KernelProcess(launch, parseConnection(text, file), folder);
  }

  signal(name: 'SIGINT'): void {
    if (this.alive) this.#child.kill(name);
  }

  /** Waits for the process to end by itself, then makes it. Resolves when it is gone. */
  async end(graceMs = GRACE_MS): Promise<void> {
    const signals = ['SIGTERM', 'SIGKILL'] as const;
    const timers = signals.map((name, index) =>
      setTimeout(() => this.#child.kill(name), graceMs * (index + 1)),
    );
    await this.ended;
    timers.forEach(clearTimeout);
  }
}

function connectionFile(folder: string): string {
  return join(folder, 'connection.json');
}
