import { Session } from 'node:inspector';
import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { serve } from '../rpc.js';
import { Checker } from './checker.js';
import { completenessOf } from './completeness.js';
import type { ProjectOptions } from './project.js';

const IDLE_MS = 2000;

const options = workerData as ProjectOptions;
const checker = new Checker(options);

/** What the checker's thread serves. */
const methods = {
  compile: checker.compile.bind(checker),
  commit: checker.commit.bind(checker),
  complete: checker.complete.bind(checker),
  inspect: checker.inspect.bind(checker),
  isComplete: (code: string) => completenessOf(code, options.magics),
  warmUp: checker.warmUp.bind(checker),
};
export type CheckerMethods = typeof methods;

if (parentPort !== null) {
  serve(parentPort, methods);
  collectWhenIdle(parentPort);
}

/** With nothing asked of it for so long, this thread gives back what TypeScript's last programs have left. */
function collectWhenIdle(port: MessagePort): void {
  const session = new Session();
  session.connect();
  const timer = setTimeout(() => session.post('HeapProfiler.collectGarbage'), IDLE_MS);
  port.on('message', () => timer.refresh());
  timer.unref();
}
