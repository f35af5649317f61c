import type { WebSocket } from 'ws';
import type { FrontEnd, Kernel } from './kernel.js';
import { decodeMessage, encodeMessage, MalformedMessage } from './websocket-wire.js';
import type { ChannelMessage } from './websocket-wire.js';

/** RFC 6455, section 7.4.1: "Invalid frame payload data". */
const INVALID_PAYLOAD = 1007;
/** RFC 6455, section 7.4.1: "The endpoint is going away". */
const GOING_AWAY = 1001;
const PING_MS = 30_000;

/** One open WebSocket between a front end and a kernel. */
class Connection implements FrontEnd {
  readonly #sessions = new Set<string>();

  constructor(
    private readonly socket: WebSocket,
    session: string | undefined,
  ) {
    if (session !== undefined) this.#sessions.add(session);
  }

  owns(session: string | undefined): boolean {
    return session !== undefined && this.#sessions.has(session);
  }

  deliver(message: ChannelMessage): void {
    this.socket.send(encodeMessage(message, this.socket.protocol));
  }

  /** Decodes what the front end sent and remembers its session, so that the replies find back. */
  read(data: Buffer, isBinary: boolean): ChannelMessage {
    const message = decodeMessage(data, isBinary, this.socket.protocol);
    this.#sessions.add(message.message.header.session);
    return message;
  }
}

/** Joins a WebSocket to a kernel until it closes. @param session the `session_id` of the query. */
export function joinChannels(socket: WebSocket, kernel: Kernel, session: string | undefined): void {
  const connection = new Connection(socket, session);
  kernel.attach(connection);
  const ping = setInterval(() => socket.ping(), PING_MS);
  socket.on('message', (data: Buffer, isBinary) => {
    try {
      kernel.send(connection.read(data, isBinary));
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      // A reason has at most 123 bytes (RFC 6455, section 5.5).
      socket.close(
        INVALID_PAYLOAD,
        Buffer.from(error.message)
          .subarray(0, 120)
          .toString('utf8')
          .replace(/\uFFFD/g, ''),
      );
    }
  });
  // An error is followed by 'close'.
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    clearInterval(ping);
    kernel.detach(connection);
  });
}

/** Tells a front end that the server ends. */
export function closeChannels(socket: WebSocket): void {
  socket.close(GOING_AWAY, 'the server is shutting down');
}
