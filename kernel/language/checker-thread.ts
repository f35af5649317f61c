import { Worker } from 'node:worker_threads';
import type { ProjectOptions } from './checker/project.js';
import type { CheckerMethods } from './checker/worker.js';
import { Client } from './rpc.js';

/** The thread that checks and compiles cells. It warms up by itself. */
export class CheckerThread {
  readonly client: Client<CheckerMethods>;

  constructor({ folder, preludes, ownModules, magics, asmWords }: ProjectOptions) {
    const workerData: ProjectOptions = { folder, preludes, ownModules, magics, asmWords };
    const worker = new Worker(new URL('./checker/worker.js', import.meta.url), {
      workerData,
      name: 'checker',
    });
    this.client = new Client(worker);
    this.client.call('warmUp').catch(() => undefined);
  }

  async end(): Promise<void> {
    await this.client.worker.terminate();
  }
}
