import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Dealer } from 'zeromq';
import type { TestKernel } from './client.js';

/*
 * Mutated messages and frames on every socket of a kernel.
 */

/** What a fuzz run found. */
export interface FuzzReport {
  readonly sent: number;
  /**
   * Resident memory that was gained after the first tenth, which fills tables of fixed size. Measured when the kernel
   * has had nothing to do for a while, so that what V8 has not collected yet does not count.
   */
  readonly grownMb: number;
  readonly answers: boolean;
}

const CHANNELS = ['shell', 'control', 'stdin'] as const;
/** Requests that end the kernel are left out, and one that interrupts: it would hide what others do. */
const TYPES = [
  'execute_request',
  'complete_request',
  'inspect_request',
  'is_complete_request',
  'history_request',
  'comm_info_request',
  'comm_open',
  'comm_msg',
  'comm_close',
  'kernel_info_request',
  'debug_request',
  'input_reply',
  'status',
  '__proto__',
  'constructor',
  '',
];
const FIELDS = [
  ...['code', 'cursor_pos', 'detail_level', 'silent', 'store_history', 'user_expressions', 'allow_stdin'],
  ...['hist_access_type', 'pattern', 'n', 'session', 'start', 'stop', 'unique', 'output', 'raw'],
  ...['comm_id', 'target_name', 'data', 'value', '__proto__'],
];
const TEXTS = [
  '',
  'kept',
  '1',
  '%',
  '%%asm',
  'kept?',
  '`',
  '${',
  'tail',
  'search',
  '*a*a*a*a*b',
  '\ud800',
  '\0',
  '😀',
];
/** Messages between two checks that the kernel keeps up. */
const BATCH = 200;

export async function fuzz(kernel: TestKernel, count: number, seed: number): Promise<FuzzReport> {
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const bytes = (most: number) => Buffer.from(Array.from({ length: random() * most }, () => random() * 256));
  const value = (depth = 0): unknown => {
    const simple = [null, true, -1, 0, 1e9, 1.5, 2 ** 53, pick(TEXTS), 'x'.repeat(random() * 2000)];
    if (depth > 2 || random() < 0.8) return pick(simple);
    if (random() < 0.5) return Array.from({ length: random() * 4 }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: random() * 4 }, () => [pick(FIELDS), value(depth + 1)]));
  };

  const message = (): Buffer[] => {
    const type = pick(TYPES);
    const header: unknown =
      random() < 0.05 ? value() : { msg_id: randomUUID(), msg_type: type, session: 'fuzz', version: '5.5' };
    const content = Object.fromEntries(Array.from({ length: random() * 8 }, () => [pick(FIELDS), value()]));
    if (typeof content['code'] === 'string' && random() < 0.9) content['code'] = pick(TEXTS);
    const parts = [
      header,
      random() < 0.1 ? value() : {},
      random() < 0.1 ? value() : {},
      random() < 0.1 ? value() : content,
    ];
    const texts = parts.map((part) => Buffer.from(JSON.stringify(part)));
    if (random() < 0.1) texts[Math.floor(random() * 4)] = bytes(50);
    const signature = createHmac('sha256', kernel.key).update(Buffer.concat(texts)).digest('hex');
    const frames = [Buffer.from('<IDS|MSG>'), Buffer.from(signature), ...texts];
    if (random() < 0.1) frames.push(bytes(100));
    return frames;
  };
  const mutated = (frames: Buffer[]): Buffer[] => {
    const at = Math.floor(random() * frames.length);
    switch (Math.floor(random() * 6)) {
      case 0:
        return frames;
      case 1:
        return frames.filter((_, index) => index !== at);
      case 2:
        return [...frames.slice(0, at), frames[at], ...frames.slice(at)];
      case 3:
        return frames.map((frame, index) => (index === at ? bytes(80) : frame));
      case 4:
        return frames.map((frame, index) => (index === at ? flipped(frame, random) : frame));
      default:
        return Array.from({ length: 1 + random() * 8 }, () => bytes(40));
    }
  };

  const heartbeat = new Dealer({ linger: 0, sendHighWaterMark: 0 });
  heartbeat.connect(`tcp://127.0.0.1:${kernel.ports['hb']}`);
  const echoes = drain(heartbeat);
  let base = 0;
  let last: Buffer[] = message();
  try {
    for (let sent = 0; sent < count; sent++) {
      const channel = pick(CHANNELS);
      // Now and then the same message again: a replay.
      if (random() > 0.05) last = mutated(message());
      if (last.length > 0) await kernel.sockets[channel].send(last);
      if (sent % 20 === 0)
        await heartbeat.send(random() < 0.5 ? [Buffer.alloc(0), bytes(30)] : [bytes(30), bytes(30)]);
      if (sent % 50 === 0) kernel.iopub.subscribe(bytes(20));
      if (sent % 500 === 0)
        await noise(kernel, pick(['shell', 'control', 'stdin', 'iopub', 'hb']), bytes(300));
      if (sent % BATCH === 0) {
        await keepsUp(kernel);
        kernel.published.length = 0;
        kernel.stderr = '';
      }
      if (base === 0 && sent >= count / 10) base = await idleMb(kernel);
    }
    await keepsUp(kernel);
    const { reply } = await kernel.execute('2 + 3', { store_history: false });
    return { sent: count, grownMb: (await idleMb(kernel)) - base, answers: reply.status === 'ok' };
  } finally {
    heartbeat.close();
    await echoes;
  }
}

/** Longer than a kernel's threads wait until they collect garbage; and how long memory may take to go back after that. */
const IDLE_MS = 3000;
const RETURN_MS = 500;

/** Resident memory when the kernel has answered everything and collected garbage: when it does not shrink any more. */
export async function idleMb(kernel: TestKernel): Promise<number> {
  const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await keepsUp(kernel);
  await sleep(IDLE_MS);
  for (let before = Infinity; ; await sleep(RETURN_MS)) {
    const now = residentMb(kernel);
    if (now > before - 1) return now;
    before = now;
  }
}

/** Waits until shell and control have answered all that was sent. */
async function keepsUp(kernel: TestKernel): Promise<void> {
  for (const channel of ['shell', 'control'] as const)
    await kernel.request('kernel_info_request', {}, channel);
}

/** Bytes that are no ZeroMQ at all, on a connection of their own. */
async function noise(kernel: TestKernel, name: string, bytes: Buffer): Promise<void> {
  const port = kernel.ports[name];
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    // What ZeroMQ greets us with has to be read, or the end is never seen.
    socket.resume();
    socket.setTimeout(200, () => socket.destroy());
    socket.once('error', () => resolve()).once('close', () => resolve());
  });
}

async function drain(socket: Dealer): Promise<void> {
  for await (const frames of socket) void frames;
}

function flipped(frame: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(frame);
  if (copy.length > 0) copy[Math.floor(random() * copy.length)] ^= 1 << Math.floor(random() * 8);
  return copy;
}

export function residentMb(kernel: TestKernel): number {
  const [, kilobytes] =
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${kernel.process.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

/** mulberry32 (Tommy Ettinger): the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
