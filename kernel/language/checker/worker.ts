import { parentPort, workerData } from 'node:worker_threads';
import { collectWhenIdle } from '../collect-when-idle.js';
import { serve } from '../rpc.js';
import { Checker } from './checker.js';
import { completenessOf } from './completeness.js';
import type { ProjectOptions } from './project.js';

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
  const asked = collectWhenIdle();
  asked();
  parentPort.on('message', asked);
}
