import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { Header, Message } from './messages.js';

/** Separates routing identities from the signed message; the Jupyter messaging protocol, "The Wire Protocol". */
export const DELIMITER = Buffer.from('<IDS|MSG>');

/** Why a message was dropped. */
export type DropReason =
  'malformed' | 'wrong signature' | 'replayed' | 'not JSON' | 'no header' | 'unknown type';

/** A message that must be dropped. It says why; it is never fatal. */
export class WireError extends Error {
  override readonly name = 'WireError';
  constructor(readonly reason: DropReason) {
    super(reason);
  }
}

/** How many signatures are remembered to recognise a replayed message. */
const REMEMBERED_SIGNATURES = 65536;

/** Turns messages into ZeroMQ frames and back, signing and verifying with HMAC-SHA256. */
export class Wire {
  /** Nothing is signed without one. */
  readonly #key: KeyObject | undefined;
  readonly #seen = new Set<string>();
  /** The last parent header as it was sent: all messages that come of a request carry its header. */
  #parent: { readonly header: object; readonly json: Buffer } | undefined;

  /** @param key the connection file's key; with an empty one nothing is signed or verified */
  constructor(key: string) {
    this.#key = key === '' ? undefined : createSecretKey(Buffer.from(key));
  }

  /** Frames of a message: identities, delimiter, signature, header, parent header, metadata, content, buffers. */
  encode(message: Message): Buffer[] {
    const { header, parentHeader, metadata, content } = message;
    if (this.#parent?.header !== parentHeader)
      this.#parent = { header: parentHeader, json: json(parentHeader) };
    const parts = [json(header), this.#parent.json, json(metadata), json(content)];
    const buffers = message.buffers.map((buffer) => Buffer.from(buffer));
    return [...message.identities, DELIMITER, Buffer.from(this.#sign(parts)), ...parts, ...buffers];
  }

  /**
   * The message in a list of frames. The signature is compared, in constant time, before anything is parsed.
   * @throws WireError for frames that are not a message signed with our key and seen for the first time
   */
  decode(frames: readonly Buffer[]): Message {
    const delimiter = frames.findIndex((frame) => frame.equals(DELIMITER));
    const [signature, ...rest] = frames.slice(delimiter + 1);
    if (delimiter < 0 || signature === undefined || rest.length < 4) throw new WireError('malformed');
    const parts = rest.slice(0, 4);
    this.#verify(signature, parts);

    const [header, parentHeader, metadata, content] = parts.map(parseObject);
    if (!isHeader(header)) throw new WireError('no header');
    return {
      identities: frames.slice(0, delimiter),
      header,
      parentHeader: isHeader(parentHeader) ? parentHeader : {},
      metadata,
      content,
      buffers: rest.slice(4),
    };
  }

  #sign(parts: readonly Buffer[]): string {
    if (this.#key === undefined) return '';
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) hmac.update(part);
    return hmac.digest('hex');
  }

  #verify(signature: Buffer, parts: readonly Buffer[]): void {
    if (this.#key === undefined) return;
    const expected = this.#sign(parts);
    const equal = signature.length === expected.length && timingSafeEqual(signature, Buffer.from(expected));
    if (!equal) throw new WireError('wrong signature');
    // Half of it tells messages apart as well, and many are remembered.
    const half = Buffer.from(expected.slice(0, expected.length / 2), 'hex').toString('latin1');
    if (this.#seen.has(half)) throw new WireError('replayed');
    this.#seen.add(half);
    if (this.#seen.size > REMEMBERED_SIGNATURES) {
      // A Set iterates in insertion order, so the first one is the oldest.
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
  }
}

/** An escaped backslash, or half of a surrogate pair, which `JSON.stringify` escapes where the other half is not there. */
const ESCAPE = /\\(?:\\|ud[89a-f][0-9a-f]{2})/g;

/** JSON that UTF-8 can say when it is decoded: who gets half of a pair, as Python does, can neither send nor save it. */
function wellFormed(json: string): string {
  if (!json.includes('\\ud')) return json;
  return json.replace(ESCAPE, (escape) => (escape === '\\\\' ? escape : '\ufffd'));
}

function json(value: object): Buffer {
  return Buffer.from(wellFormed(JSON.stringify(value)));
}

function parseObject(frame: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(frame.toString('utf8'));
  } catch {
    throw new WireError('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError('not JSON');
  return value as Record<string, unknown>;
}

function isHeader(value: object | undefined): value is Header {
  const header = value as Partial<Header> | undefined;
  return typeof header?.msg_id === 'string' && typeof header.msg_type === 'string';
}
