import { randomUUID } from 'node:crypto';
import { objectOf, optionalString, RequestError } from './errors.js';
import type { KernelModel } from './kernel.js';
import type { KernelRegistry } from './kernels.js';

/** Jupyter's model of a document and its kernel (jupyter_server, "Sessions API"). */
export interface SessionModel {
  id: string;
  path: string;
  name: string;
  type: string;
  kernel: KernelModel;
}

interface Session {
  id: string;
  path: string;
  name: string;
  type: string;
  kernelId: string;
}

/** Which document uses which kernel. A session ends with its kernel. */
export class SessionRegistry {
  readonly #sessions = new Map<string, Session>();

  constructor(private readonly kernels: KernelRegistry) {}

  list(): SessionModel[] {
    return [...this.#sessions.values()].flatMap((session) =>
      this.kernels.has(session.kernelId) ? [this.#model(session)] : [],
    );
  }

  get(id: string): SessionModel {
    return this.#model(this.#find(id));
  }

  /** The session of the document at `path`, which is made, with a kernel, when there is none. */
  async create(body: Record<string, unknown>): Promise<SessionModel> {
    const path = optionalString(body, 'path');
    if (path === undefined) throw new RequestError(400, "a session needs a 'path'");
    const known = this.list().find((session) => session.path === path);
    if (known !== undefined) return known;
    const session = {
      id: randomUUID(),
      path,
      name: optionalString(body, 'name') ?? '',
      type: optionalString(body, 'type') ?? 'notebook',
      kernelId: await this.#kernelId(body.kernel),
    };
    this.#sessions.set(session.id, session);
    return this.#model(session);
  }

  /** Renames the document or gives it another kernel; the kernel it leaves is shut down when no session has it. */
  async update(id: string, body: Record<string, unknown>): Promise<SessionModel> {
    const session = this.#find(id);
    const left = session.kernelId;
    if (body.kernel !== undefined && body.kernel !== null)
      session.kernelId = await this.#kernelId(body.kernel);
    session.path = optionalString(body, 'path') ?? session.path;
    session.name = optionalString(body, 'name') ?? session.name;
    session.type = optionalString(body, 'type') ?? session.type;
    await this.#release(left);
    return this.#model(session);
  }

  async delete(id: string): Promise<void> {
    const { kernelId } = this.#find(id);
    this.#sessions.delete(id);
    await this.#release(kernelId);
  }

  async #release(kernelId: string): Promise<void> {
    const used = [...this.#sessions.values()].some((session) => session.kernelId === kernelId);
    if (!used && this.kernels.has(kernelId)) await this.kernels.shutdown(kernelId);
  }

  async #kernelId(kernel: unknown): Promise<string> {
    const wanted = kernel === undefined || kernel === null ? {} : objectOf(kernel, "'kernel'");
    const id = optionalString(wanted, 'id');
    if (id !== undefined) return this.kernels.get(id).id;
    return (await this.kernels.start(optionalString(wanted, 'name'))).id;
  }

  #find(id: string): Session {
    const session = this.#sessions.get(id);
    if (session === undefined || !this.kernels.has(session.kernelId))
      throw new RequestError(404, `no session '${id}'`);
    return session;
  }

  #model({ kernelId, ...session }: Session): SessionModel {
    return { ...session, kernel: this.kernels.get(kernelId).model };
  }
}
