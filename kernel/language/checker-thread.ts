import { Worker } from 'node:worker_threads';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckerData, CheckerMethods } from './checker/worker.js';
import { Client } from './rpc.js';

/** After the warm-up: most notebooks have run their first cells by then. */
const KEEP_CODE_MS = 3000;

/** The thread that checks and compiles cells. It warms up by itself. */
export class CheckerThread {
  readonly client: Client<CheckerMethods>;

  constructor({ folder, preludes, ownModules, magics, asmWords, codeCache }: CheckerData) {
    const workerData: CheckerData = { folder, preludes, ownModules, magics, asmWords, codeCache };
    const worker = new Worker(new URL('./checker/worker.js', import.meta.url), {
      workerData,
      name: 'checker',
    });
    this.client = new Client(worker);
    void this.#warmUp().catch(() => undefined);
  }

  /** What is asked meanwhile comes before the code is kept, which only the next kernel gains from. */
  async #warmUp(): Promise<void> {
    await this.client.call('warmUp');
    await sleep(KEEP_CODE_MS, undefined, { ref: false });
    await this.client.call('keepCode');
  }

  async end(): Promise<void> {
    await this.client.worker.terminate();
  }
}
