/*
 * The kernel program: `node main.js -f CONNECTION_FILE`, started by Jupyter, by our own server, or by hand. Until types can
 * be checked takes longest, so that thread is started before the rest of the program is even read.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { userCacheFolder } from './data-folder.js';
import { CheckerThread } from './language/checker-thread.js';
import { VERSION } from './package.js';
import { MAGICS } from './session/magics.js';

const OPTIONS = {
  folder: process.cwd(),
  banner: `Ringside ${VERSION}: TypeScript cells with a simulated x86 PC inside`,
  preludes: ['./language/runner/api.js', './session/index.js', './widgets/index.js'].map((path) => ({
    path: moduleFile(path),
  })),
  ownModules: { ringside: moduleFile('../emulator/index.js') },
  magics: MAGICS,
  asmWords: moduleFile('./session/asm-words.js'),
  codeCache: join(userCacheFolder(process.platform, process.env), 'ringside'),
};

const checker = new CheckerThread(OPTIONS);
const { runKernel, expected } = await import('./program.js');
try {
  await runKernel(process.argv.slice(2), OPTIONS, checker);
  process.exit(0);
} catch (error) {
  const message = expected(error) ? error.message : ((error as Error).stack ?? String(error));
  process.stderr.write(`ringside: ${message}\n`);
  process.exit(1);
}

function moduleFile(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
