import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]'];

/** Why a request may not pass; null when it may. */
export type Refusal = { status: 401 | 403; message: string } | null;

/**
 * Decides who may talk to the server: whoever holds the token and comes by a loopback name. The Host check stops
 * DNS rebinding (a foreign name that resolves to 127.0.0.1); the Origin check stops other pages in the same browser.
 */
export class Access {
  readonly #tokenDigest: Buffer;

  constructor(
    token: string,
    private readonly port: number,
  ) {
    this.#tokenDigest = digest(token);
  }

  check(request: Pick<IncomingMessage, 'headers' | 'url'>): Refusal {
    const { host, origin } = request.headers;
    const hosts = LOOPBACK_NAMES.map((name) => `${name}:${this.port}`);
    if (host === undefined || !hosts.includes(host.toLowerCase()))
      return {
        status: 403,
        message: `host '${host ?? ''}' is not this server: use one of ${hosts.join(', ')}`,
      };
    if (origin !== undefined && !hosts.some((name) => origin.toLowerCase() === `http://${name}`))
      return { status: 403, message: `requests from '${origin}' are not allowed` };
    const token = presentedToken(request);
    if (token === undefined) return { status: 401, message: 'a token is required' };
    // Digests have one length, so that the comparison takes the same time whatever was sent.
    if (!timingSafeEqual(digest(token), this.#tokenDigest)) return { status: 401, message: 'wrong token' };
    return null;
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Token in `Authorization: token T` (or `Bearer T`), otherwise in the query. */
function presentedToken({ headers, url }: Pick<IncomingMessage, 'headers' | 'url'>): string | undefined {
  const header = /^(?:token|bearer)\s+(\S+)$/i.exec(headers.authorization ?? '');
  return header?.[1] ?? new URLSearchParams(url?.split('?')[1] ?? '').get('token') ?? undefined;
}
