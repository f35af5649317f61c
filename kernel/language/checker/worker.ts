import { parentPort, workerData } from 'node:worker_threads';
import { collectWhenIdle } from '../collect-when-idle.js';
import { serve } from '../rpc.js';
import type { ProjectOptions } from './project.js';
import { keepTypeScript, loadTypeScript } from './typescript-cache.js';

/** What the checker's thread is given. */
export interface CheckerData extends ProjectOptions {
  /** Folder where code that V8 has made of TypeScript is kept. */
  readonly codeCache: string;
}

const options = workerData as CheckerData;
loadTypeScript(options.codeCache);
// These require TypeScript, which has to be there by then.
const { Checker } = await import('./checker.js');
const { completenessOf } = await import('./completeness.js');
const checker = new Checker(options);

/** What the checker's thread serves. */
const methods = {
  compile: checker.compile.bind(checker),
  commit: checker.commit.bind(checker),
  compileFile: checker.compileFile.bind(checker),
  complete: checker.complete.bind(checker),
  inspect: checker.inspect.bind(checker),
  isComplete: (code: string) => completenessOf(code, options.magics),
  warmUp: checker.warmUp.bind(checker),
  keepCode: keepTypeScript,
};
export type CheckerMethods = typeof methods;

if (parentPort !== null) {
  serve(parentPort, methods);
  const asked = collectWhenIdle();
  asked();
  parentPort.on('message', asked);
}
