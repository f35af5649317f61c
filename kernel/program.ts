import { join } from 'node:path';
import { userDataFolder } from './data-folder.js';
import type { CheckerThread, InterpreterOptions } from './language/index.js';
import { collectWhenIdle, TypeScriptInterpreter } from './language/index.js';
import { VERSION } from './package.js';
import {
  BindError,
  ConnectionError,
  HistoryStore,
  isLoopback,
  Kernel,
  readConnectionFile,
} from './protocol/index.js';

/** Names that an argument before the connection file may have. Others are ignored: `jupyter run` adds a file name. */
const CONNECTION_OPTIONS = ['-f', '--ringside-connection'];
const PARENT_CHECK_MS = 1000;

/**
 * Runs the kernel until it is told to end.
 * @param words of the command line @param checker that was started for these options
 * @throws ConnectionError, BindError
 */
export async function runKernel(
  words: readonly string[],
  options: InterpreterOptions,
  checker: CheckerThread,
): Promise<void> {
  const connection = readConnectionFile(connectionFile(words), {
    // jupyter_core writes files that others can read when this variable says so ("secure_write").
    sharedFile:
      words.includes('--allow-shared-connection') || process.env['JUPYTER_ALLOW_INSECURE_WRITES'] === 'true',
    unsigned: words.includes('--allow-unsigned'),
  });
  if (!isLoopback(connection)) {
    process.stderr.write(`ringside: listening on ${connection.ip}, which other computers may reach\n`);
  }
  const interpreter = new TypeScriptInterpreter(options, checker);
  const kernel = new Kernel(connection, interpreter, { name: 'ringside', version: VERSION }, historyStore());

  const ended = new Promise<void>((resolve) => {
    void kernel.shutdownRequested.then(() => resolve());
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve());
    watchParent(resolve);
  });
  process.on('SIGINT', () => void kernel.interrupt());
  kernel.onMessage = collectWhenIdle();
  kernel.onMessage();
  await kernel.start();
  await ended;
  await kernel.stop();
}

/** Where executed cells are kept for later kernels; `RINGSIDE_HISTORY` names another file, or `off`. */
function historyStore(): HistoryStore | undefined {
  const chosen = process.env['RINGSIDE_HISTORY'];
  if (chosen === 'off') return undefined;
  return new HistoryStore(
    chosen || join(userDataFolder(process.platform, process.env), 'ringside', 'history.jsonl'),
  );
}

function connectionFile(words: readonly string[]): string {
  for (const [index, word] of words.entries()) {
    if (CONNECTION_OPTIONS.includes(word) && words[index + 1] !== undefined) return words[index + 1];
    const [, option, path] = /^(--?[\w-]+)=(.+)$/.exec(word) ?? [];
    if (option !== undefined && CONNECTION_OPTIONS.includes(option)) return path;
  }
  throw new ConnectionError(
    `no connection file: start the kernel with ${CONNECTION_OPTIONS[0]} CONNECTION_FILE`,
  );
}

/** Whether it is the user's to mend, and its message says all there is to know. */
export function expected(error: unknown): error is Error {
  return error instanceof ConnectionError || error instanceof BindError;
}

/** Ends with the process that started us, if that says it is one to follow (jupyter_client, `JPY_PARENT_PID`). */
function watchParent(end: () => void): void {
  const parent = Number(process.env['JPY_PARENT_PID'] ?? 0);
  if (!Number.isInteger(parent) || parent <= 1) return;
  const first = process.ppid;
  const isGone = () => {
    if (process.ppid !== first) return true;
    try {
      process.kill(parent, 0);
      return false;
    } catch {
      return true;
    }
  };
  setInterval(() => isGone() && end(), PARENT_CHECK_MS).unref();
}
