import { readFileSync, statSync } from 'node:fs';

/** The five sockets of a kernel, by the names the connection file gives their ports (`shell_port`, ...). */
export const SOCKETS = ['shell', 'control', 'iopub', 'stdin', 'hb'] as const;
export type SocketName = (typeof SOCKETS)[number];

/** Where a kernel listens and how its messages are signed. */
export interface Connection {
  readonly transport: 'tcp' | 'ipc';
  readonly ip: string;
  readonly ports: Readonly<Record<SocketName, number>>;
  /** HMAC-SHA256 key; empty means messages are not signed. */
  readonly key: string;
}

/** What is wrong with a connection file, in one sentence that names the file and the field. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** What a kernel accepts although it lets others in; nothing unless asked for. */
export interface Leniency {
  /** A connection file that other users can read: with its key they can run code as this user. */
  readonly sharedFile?: boolean;
  /** A connection without a key: whoever reaches the ports can run code as this user. */
  readonly unsigned?: boolean;
}

/** Permissions of the group and of others (stat(2), "st_mode"). */
const NOT_THE_OWNER = 0o077;

/**
 * Reads a Jupyter connection file.
 * @throws ConnectionError when the file cannot be read, is not JSON, a field is missing or of the wrong type, or the file
 * lets in others than its owner and `leniency` does not allow it
 */
export function readConnectionFile(path: string, leniency: Leniency = {}): Connection {
  let text: string;
  let mode: number;
  try {
    text = readFileSync(path, 'utf8');
    mode = statSync(path).mode;
  } catch (error) {
    throw new ConnectionError(`connection file ${path}: ${(error as Error).message}`);
  }
  // Windows has other rules, which this number does not tell.
  if ((mode & NOT_THE_OWNER) !== 0 && process.platform !== 'win32' && leniency.sharedFile !== true) {
    throw new ConnectionError(
      `connection file ${path}: others than its owner may use it (mode ${(mode & 0o777).toString(8)}), and with its key ` +
        'they could run code as you; chmod 600 it, or start the kernel with --allow-shared-connection',
    );
  }
  const connection = parseConnection(text, path);
  if (connection.key === '' && leniency.unsigned !== true) {
    throw new ConnectionError(
      `connection file ${path}: key is empty, so anybody who reaches the ports could run code as you; ` +
        'give it a key, or start the kernel with --allow-unsigned',
    );
  }
  return connection;
}

/** As {@link readConnectionFile}, from the file's text; `path` is for the messages. */
export function parseConnection(text: string, path: string): Connection {
  const fail = (what: string): never => {
    throw new ConnectionError(`connection file ${path}: ${what}`);
  };
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    return fail(`not JSON (${(error as Error).message})`);
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return fail('not a JSON object');

  const transport = fields['transport'] ?? 'tcp';
  if (transport !== 'tcp' && transport !== 'ipc') {
    return fail(`transport must be "tcp" or "ipc", found ${JSON.stringify(transport)}`);
  }
  const string = (field: string, fallback?: string): string => {
    const value = fields[field] ?? fallback;
    return typeof value === 'string'
      ? value
      : fail(`${field} must be a string, found ${JSON.stringify(value)}`);
  };
  const scheme = string('signature_scheme', 'hmac-sha256');
  if (scheme !== 'hmac-sha256') return fail(`signature_scheme must be "hmac-sha256", found "${scheme}"`);

  const port = (name: SocketName): number => {
    const value = fields[`${name}_port`];
    const valid = typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535;
    return valid
      ? value
      : fail(`${name}_port must be an integer from 1 to 65535, found ${JSON.stringify(value)}`);
  };
  const ports = Object.fromEntries(SOCKETS.map((name) => [name, port(name)])) as Record<SocketName, number>;
  return { transport, ip: string('ip', '127.0.0.1'), ports, key: string('key', '') };
}

/** ZeroMQ endpoint of one socket: `tcp://ip:port`, or `ipc://path-port` where `ip` is a path prefix. */
export function endpoint(connection: Connection, name: SocketName): string {
  const separator = connection.transport === 'tcp' ? ':' : '-';
  return `${connection.transport}://${connection.ip}${separator}${connection.ports[name]}`;
}

/** Whether only programs on this computer can reach the kernel. */
export function isLoopback({ transport, ip }: Connection): boolean {
  return transport === 'ipc' || ip === 'localhost' || ip === '::1' || /^127\./.test(ip);
}
