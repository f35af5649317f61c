import { RequestError } from './errors.js';
import { Kernel } from './kernel.js';
import type { KernelLaunch } from './kernel-process.js';
import type { KernelSpec } from './kernelspec.js';

/** The running kernels. */
export class KernelRegistry {
  readonly #kernels = new Map<string, Kernel>();
  readonly #starting = new Set<Promise<unknown>>();
  #closed = false;

  constructor(
    readonly spec: KernelSpec,
    readonly specName: string,
    private readonly cwd: string,
  ) {}

  list(): Kernel[] {
    return [...this.#kernels.values()];
  }

  has(id: string): boolean {
    return this.#kernels.has(id);
  }

  get(id: string): Kernel {
    const kernel = this.#kernels.get(id);
    if (kernel === undefined) throw new RequestError(404, `no kernel '${id}'`);
    return kernel;
  }

  async start(name = this.specName): Promise<Kernel> {
    if (name !== this.specName)
      throw new RequestError(404, `no kernel is called '${name}'; there is '${this.specName}'`);
    if (this.#closed) throw new RequestError(503, 'the server is shutting down');
    const { argv, env = {} } = this.spec;
    const launch: KernelLaunch = { name, argv, env, cwd: this.cwd };
    const starting = Kernel.start(launch).then((kernel) => this.#kernels.set(kernel.id, kernel) && kernel);
    this.#starting.add(starting);
    try {
      return await starting;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async shutdown(id: string): Promise<void> {
    const kernel = this.get(id);
    this.#kernels.delete(id);
    await kernel.shutdown();
  }

  /** Ends every kernel, those still starting too. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting);
    await Promise.all([...this.#kernels.keys()].map((id) => this.shutdown(id)));
  }
}
