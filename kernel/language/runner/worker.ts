import type { MessagePort } from 'node:worker_threads';
import { parentPort, workerData } from 'node:worker_threads';
import { inspect } from 'node:util';
import { collectWhenIdle } from '../collect-when-idle.js';
import { serve } from '../rpc.js';
import { TextWriter } from '../text-ring.js';
import { connect } from './front-end-port.js';
import { RemoteFiles } from './files.js';
import { RemoteFrontEnd } from './front-end.js';
import { INTERRUPT_FLAG, progresses, provideHold } from './interruptible.js';
import { Output } from './output.js';
import { provideProgress } from './progress.js';
import type { RunnerData } from './protocol.js';
import { Runner } from './runner.js';
import { install } from './stacks.js';
import { provideWait } from './wait.js';

function start(port: MessagePort) {
  const data = workerData as RunnerData;
  const flags = new Int32Array(data.interruptFlag);
  const output = new Output(port, new TextWriter(data.texts), flags);
  const frontEnd = new RemoteFrontEnd(output);
  const files = new RemoteFiles(output);
  const runner = new Runner(data, files.compile);
  (globalThis as Record<symbol, unknown>)[INTERRUPT_FLAG] = flags;
  provideHold(flags);
  provideWait(flags);
  provideProgress(output);
  install();
  output.capture();
  connect(frontEnd);

  // What a cell left running fails on its own: that is told where the cell's output goes, and ends nothing.
  const report = (error: unknown) => output.write('stderr', `Uncaught ${inspect(error)}\n`);
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);

  const methods = {
    run: runner.run.bind(runner),
    comm: runner.comm.bind(runner),
    interrupt: runner.interrupt.bind(runner),
    abandon: runner.abandon.bind(runner),
    answer: frontEnd.answer.bind(frontEnd),
    answerFile: files.answer.bind(files),
    /** Answers when cells can run: until then, terminated JavaScript would be the thread's own. */
    ready: () => runner.ready,
    /** Answers when the thread is free. */
    ping: () => true,
  };
  port.on('message', progresses);
  serve(port, methods);
  const asked = collectWhenIdle();
  asked();
  port.on('message', asked);
  return methods;
}

export type RunnerMethods = ReturnType<typeof start>;

if (parentPort !== null) start(parentPort);
