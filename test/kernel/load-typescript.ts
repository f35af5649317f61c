import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { keepTypeScript, loadTypeScript } from '../../kernel/language/checker/typescript-cache.js';

/* A thread that loads TypeScript, uses it and keeps its code. */
loadTypeScript(workerData as string);
const ts = createRequire(import.meta.url)('typescript') as {
  transpile(code: string): string;
};
const code = ts.transpile('const x: number = 1;');
keepTypeScript();
parentPort?.postMessage(code);
