import { getRequestListener } from '@hono/node-server';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { KernelSpec } from './kernelspec.js';
import { Access } from './access.js';
import type { Refusal } from './access.js';
import { restApi } from './api.js';
import { closeChannels, joinChannels } from './channels.js';
import { ContentsStore } from './contents.js';
import { KernelRegistry } from './kernels.js';
import { SessionRegistry } from './sessions.js';
import { V1_SUBPROTOCOL } from './websocket-wire.js';

export interface ServerOptions {
  /** Folder that front ends see, and the working directory of kernels. */
  root: string;
  kernelName: string;
  kernelSpec: KernelSpec;
  version: string;
  /** 0, the default, lets the operating system choose. */
  port?: number;
  /** Random unless given. */
  token?: string;
}

export interface RunningServer {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
  readonly token: string;
  /** Ends every kernel and connection, then the server. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const WEBSOCKET_LIMIT_BYTES = 64 * 1024 * 1024;
const CHANNELS_PATH = /^\/api\/kernels\/([^/]+)\/channels$/;

/**
 * Serves the part of the Jupyter Server API that @jupyterlab/services uses, on the loopback interface only.
 * @throws Error that names the port when it is in use, or the folder when there is none.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const contents = await ContentsStore.open(options.root);
  const kernels = new KernelRegistry(options.kernelSpec, options.kernelName, options.root);
  const sessions = new SessionRegistry(kernels);
  const api = getRequestListener(restApi({ version: options.version, kernels, sessions, contents }).fetch);
  const server = createServer();
  const port = await listen(server, options.port ?? 0);
  const token = options.token ?? randomBytes(24).toString('hex');
  const access = new Access(token, port);

  server.on('request', (request, response) => {
    const refusal = access.check(request);
    if (refusal === null) return void api(request, response);
    response.writeHead(refusal.status, { 'Content-Type': 'application/json' }).end(refusalBody(refusal));
  });

  const webSockets = new WebSocketServer({
    noServer: true,
    maxPayload: WEBSOCKET_LIMIT_BYTES,
    handleProtocols: (offered) => (offered.has(V1_SUBPROTOCOL) ? V1_SUBPROTOCOL : false),
  });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '/', `http://${HOST}`);
    const id = CHANNELS_PATH.exec(url.pathname)?.[1];
    const refusal = access.check(request);
    if (refusal !== null) return refuseUpgrade(socket, refusal);
    if (id === undefined || !kernels.has(id))
      return refuseUpgrade(socket, { status: 404, message: `no kernel channels at ${url.pathname}` });
    webSockets.handleUpgrade(request, socket, head, (webSocket) =>
      joinChannels(webSocket, kernels.get(id), url.searchParams.get('session_id') ?? undefined),
    );
  });

  return {
    url: `http://${HOST}:${port}/`,
    token,
    close: async () => {
      await kernels.close();
      webSockets.clients.forEach(closeChannels);
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'EADDRINUSE' ? new Error(`port ${port} of ${HOST} is in use`) : error),
    );
    server.listen(port, HOST, () => resolve((server.address() as AddressInfo).port));
  });
}

function refusalBody({ message }: { message: string }): string {
  return JSON.stringify({ message, reason: null });
}

function refuseUpgrade(
  socket: Duplex,
  refusal: NonNullable<Refusal> | { status: 404; message: string },
): void {
  const body = refusalBody(refusal);
  const lines = [
    `HTTP/1.1 ${refusal.status} Refused`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
