import type { Header, Message } from '../protocol/messages.js';

/** The subprotocol that carries frames as they are on ZeroMQ (jupyter_server, "WebSocket kernel wire protocols"). */
export const V1_SUBPROTOCOL = 'v1.kernel.websocket.jupyter.org';

export const CHANNELS = ['shell', 'control', 'stdin', 'iopub'] as const;
export type Channel = (typeof CHANNELS)[number];

/** A kernel message and the channel it travels on. */
export interface ChannelMessage {
  channel: Channel;
  message: Message;
}

/** A WebSocket message that is none; the text says why. */
export class MalformedMessage extends Error {}

/** The message as one WebSocket message: binary under the v1 subprotocol and when it has buffers, otherwise text. */
export function encodeMessage({ channel, message }: ChannelMessage, subprotocol: string): string | Buffer {
  const { header, parentHeader, metadata, content, buffers } = message;
  if (subprotocol === V1_SUBPROTOCOL) {
    const json = [header, parentHeader, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
    return encodeV1([Buffer.from(channel), ...json, ...buffers]);
  }
  const text = JSON.stringify({ channel, header, parent_header: parentHeader, metadata, content });
  return buffers.length === 0 ? text : encodeDefaultBinary([Buffer.from(text), ...buffers]);
}

/** @throws MalformedMessage naming what is wrong. */
export function decodeMessage(data: Buffer, isBinary: boolean, subprotocol: string): ChannelMessage {
  if (subprotocol === V1_SUBPROTOCOL) {
    if (!isBinary) throw new MalformedMessage(`${V1_SUBPROTOCOL} messages are binary`);
    const [channel, header, parent_header, metadata, content, ...buffers] = decodeV1(data);
    const fields = { header, parent_header, metadata, content };
    const json = Object.fromEntries(
      Object.entries(fields).map(([name, bytes]) => [name, parseJson(bytes, name)]),
    );
    return messageOf({ ...json, channel: channel.toString('utf8') }, buffers);
  }
  const [json, ...buffers] = isBinary ? decodeDefaultBinary(data) : [data];
  const value = parseJson(json, 'message');
  return messageOf(isObject(value) ? value : {}, buffers);
}

function messageOf(fields: Readonly<Record<string, unknown>>, buffers: readonly Buffer[]): ChannelMessage {
  const channel = CHANNELS.find((known) => known === fields.channel);
  if (channel === undefined) throw new MalformedMessage(`unknown channel '${String(fields.channel)}'`);
  const { header, parent_header: parent = {}, metadata = {}, content = {} } = fields;
  if (!isHeader(header)) throw new MalformedMessage("header lacks 'msg_id', 'msg_type' or 'session'");
  if (!isObject(metadata) || !isObject(content))
    throw new MalformedMessage('metadata and content must be objects');
  return {
    channel,
    message: {
      identities: [],
      header,
      parentHeader: isHeader(parent) ? parent : {},
      metadata,
      content,
      buffers,
    },
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isHeader(value: unknown): value is Header {
  return (
    isObject(value) && ['msg_id', 'msg_type', 'session'].every((name) => typeof value[name] === 'string')
  );
}

function parseJson(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new MalformedMessage(`${what} is not JSON: ${(error as Error).message}`);
  }
}

/** Little-endian 64-bit count of offsets, the offsets, then channel, JSON parts and buffers. */
function encodeV1(blobs: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(8 * (blobs.length + 2));
  head.writeBigUInt64LE(BigInt(blobs.length + 1), 0);
  let offset = head.length;
  for (const [index, blob] of blobs.entries()) {
    head.writeBigUInt64LE(BigInt(offset), 8 * (index + 1));
    offset += blob.length;
  }
  head.writeBigUInt64LE(BigInt(offset), 8 * (blobs.length + 1));
  return Buffer.concat([head, ...blobs]);
}

function decodeV1(data: Buffer): Buffer[] {
  const count = data.length >= 8 ? Number(data.readBigUInt64LE(0)) : 0;
  // Six: the starts of channel, header, parent header, metadata and content, and the end.
  if (count < 6 || 8 * (count + 1) > data.length)
    throw new MalformedMessage(`${count} offsets in ${data.length} bytes`);
  const offsets = Array.from({ length: count }, (_, index) => Number(data.readBigUInt64LE(8 * (index + 1))));
  return slices(data, offsets);
}

/** Big-endian 32-bit count of parts, their offsets, then the message as JSON and the buffers. */
function encodeDefaultBinary(blobs: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(4 * (blobs.length + 1));
  head.writeUInt32BE(blobs.length, 0);
  let offset = head.length;
  for (const [index, blob] of blobs.entries()) {
    head.writeUInt32BE(offset, 4 * (index + 1));
    offset += blob.length;
  }
  return Buffer.concat([head, ...blobs]);
}

function decodeDefaultBinary(data: Buffer): Buffer[] {
  const count = data.length >= 4 ? data.readUInt32BE(0) : 0;
  if (count < 1 || 4 * (count + 1) > data.length)
    throw new MalformedMessage(`${count} parts in ${data.length} bytes`);
  const offsets = Array.from({ length: count }, (_, index) => data.readUInt32BE(4 * (index + 1)));
  return slices(data, [...offsets, data.length]);
}

function slices(data: Buffer, offsets: readonly number[]): Buffer[] {
  return offsets.slice(1).map((end, index) => {
    const start = offsets[index];
    if (!(start <= end && end <= data.length))
      throw new MalformedMessage(`part ${index} at ${start}..${end} of ${data.length} bytes`);
    return data.subarray(start, end);
  });
}
