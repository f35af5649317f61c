import { ContentsManager, KernelManager, ServerConnection, SessionManager } from '@jupyterlab/services';
import type { Session } from '@jupyterlab/services';
import { WebSocket } from 'ws';
import { KERNEL_NAME, kernelSpec } from '../../kernelspec.js';
import { VERSION } from '../../package.js';
import { startServer } from '../../server/server.js';

/** A notebook opened as a front end opens it: its text by the contents API, a kernel by a session. */
export interface OpenNotebook {
  readonly content: unknown;
  readonly session: Session.ISessionConnection;
  close(): Promise<void>;
}

/**
 * Starts a server on a port of the operating system's choice, with the notebook's folder as root, and opens the
 * notebook through @jupyterlab/services.
 * @param name file in `folder`.
 */
export async function openNotebook(folder: string, name: string): Promise<OpenNotebook> {
  // @jupyterlab/services reports each WebSocket with console.debug, which Node prints to stdout.
  console.debug = () => undefined;
  const server = await startServer({
    root: folder,
    kernelName: KERNEL_NAME,
    kernelSpec: kernelSpec(),
    version: VERSION,
  });
  const serverSettings = ServerConnection.makeSettings({
    baseUrl: server.url,
    token: server.token,
    WebSocket: WebSocket as unknown as typeof globalThis.WebSocket,
  });
  const kernelManager = new KernelManager({ serverSettings });
  const sessionManager = new SessionManager({ kernelManager, serverSettings });
  const contents = new ContentsManager({ serverSettings });
  const close = async () => {
    for (const part of [sessionManager, kernelManager, contents]) part.dispose();
    await server.close();
  };
  try {
    const { content } = (await contents.get(name)) as { content: unknown };
    await sessionManager.ready;
    const session = await sessionManager.startNew(
      { path: name, name, type: 'notebook', kernel: { name: KERNEL_NAME } },
      // There is nobody here for comms to talk to; each would be reported as one that cannot be opened.
      { kernelConnectionOptions: { handleComms: false } },
    );
    return { content, session, close };
  } catch (error) {
    await close();
    throw error;
  }
}
