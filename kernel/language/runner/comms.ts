import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import type { CommMessage } from '../../protocol/index.js';
import { currentCell, runAs } from './current.js';
import { frontEnd } from './front-end-port.js';

/** What comes with a comm message beside its data. */
export interface CommExtras {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly buffers?: readonly Uint8Array[];
}

type Data = Readonly<Record<string, unknown>>;

/** A line between a cell and the front end (Jupyter messaging protocol, "Custom Messages"). */
export class Comm {
  /** Receives what the front end sends. What it prints goes to the cell that opened the comm. */
  onMessage: (data: Data, extras: CommExtras) => unknown = () => undefined;
  /** Called when the front end closes the comm. */
  onClose: (data: Data) => unknown = () => undefined;
  readonly #cell = currentCell();

  constructor(
    readonly id: string,
    readonly target: string,
  ) {}

  send(data: Data, extras: CommExtras = {}): void {
    this.#post('comm_msg', data, extras);
  }

  close(data: Data = {}): void {
    open.delete(this.id);
    this.#post('comm_close', data, {});
  }

  /** Runs a handler as part of the cell that opened the comm, and tells there when it fails. */
  async handle(work: () => unknown): Promise<void> {
    await runAs(this.#cell, async () => {
      // In a job of its own: when its JavaScript is terminated, what leads to here is not among what is lost.
      await undefined;
      try {
        await work();
      } catch (error) {
        process.stderr.write(`${inspect(error)}\n`);
      }
    });
  }

  #post(type: CommMessage['type'], data: Data, { metadata = {}, buffers = [] }: CommExtras): void {
    frontEnd().send({ type, commId: this.id, targetName: '', data, metadata, buffers });
  }
}

const open = new Map<string, Comm>();
const targets = new Map<string, (comm: Comm, data: Data) => unknown>();

/** Opens a comm to the front end's target of that name. */
export function openComm(target: string, data: Data = {}, extras: CommExtras & { id?: string } = {}): Comm {
  const { metadata = {}, buffers = [], id = randomUUID() } = extras;
  const comm = new Comm(id, target);
  frontEnd().send({ type: 'comm_open', commId: id, targetName: target, data, metadata, buffers });
  open.set(id, comm);
  return comm;
}

/** Takes comms that the front end opens under a target's name. The handler sets what the comm does. */
export function registerCommTarget(target: string, opened: (comm: Comm, data: Data) => unknown): void {
  targets.set(target, opened);
}

/** A message of the front end; false when it opens a comm that nobody takes. */
export async function receiveComm(message: CommMessage): Promise<boolean> {
  const { type, commId, targetName, data, metadata, buffers } = message;
  if (type === 'comm_open') {
    const opened = targets.get(targetName);
    if (opened === undefined) return false;
    const comm = new Comm(commId, targetName);
    open.set(commId, comm);
    await comm.handle(() => opened(comm, data));
    return true;
  }
  const comm = open.get(commId);
  if (comm === undefined) return false;
  if (type === 'comm_close') open.delete(commId);
  await comm.handle(() =>
    type === 'comm_close' ? comm.onClose(data) : comm.onMessage(data, { metadata, buffers }),
  );
  return true;
}
