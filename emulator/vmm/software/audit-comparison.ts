import { ATTR_DB } from '../../arch/descriptors.js';
import { FLAG_IOPL, FLAG_RF } from '../../arch/flags.js';
import { ESP, SEGMENT_NAMES, SS } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import { VECTOR_NAMES } from '../../arch/vectors.js';
import type { Operation } from '../../isa/operation.js';
import type { Event, GuestState, Machine } from '../../machine.js';
import { operandLinear } from './operand.js';

/** Memory that a sensitive instruction may write. */
export interface Window {
  name: string;
  linear: number;
  lengthBytes: number;
}

/** What there is to see after an instruction. */
export interface Sight {
  state: GuestState;
  /** By window; bytes without a page are 0. */
  memory: readonly Uint8Array[];
  /** That the instruction raised, delivered to the guest, or the shutdown to which it led. */
  event: Event | 'shutdown' | null;
}

/** Both sides as text, with only what differs; null when nothing does. */
export type Difference = { saw: string; should: string } | null;

const TABLE_REGISTER_BYTES = 6;
const SELECTOR_BYTES = 2;
const TABLE_STORES: ReadonlySet<string> = new Set(['sgdt', 'sidt']);
const PUSHES: ReadonlySet<string> = new Set(['push', 'pushf', 'call']);
/** A far call pushes two. */
const MOST_SLOTS = 2;
const HIGHEST_RPL = 3;

/** @param op at the guest's eip, with the guest's registers as they are before it. */
export function windowsOf({ cpu }: Machine, op: Operation): Window[] {
  const { row, operandBytes } = op;
  const windows: Window[] = [];
  if (op.rm < 0 && (row.memory === 'write' || row.memory === 'modify')) {
    const lengthBytes = TABLE_STORES.has(row.mnemonic) ? TABLE_REGISTER_BYTES : SELECTOR_BYTES;
    windows.push({ name: 'memory', linear: operandLinear(cpu, op), lengthBytes });
  }
  if (PUSHES.has(row.mnemonic)) {
    const stack = cpu.segment(SS);
    const mask = stack.attributes & ATTR_DB ? 0xffff_ffff : 0xffff;
    for (let slot = 1; slot <= MOST_SLOTS; slot++) {
      const below = slot * operandBytes;
      const offset = ((cpu.gpr(ESP) - below) & mask) >>> 0;
      windows.push({
        name: `[esp-${below}]`,
        linear: (stack.base + offset) >>> 0,
        lengthBytes: operandBytes,
      });
    }
  }
  return windows;
}

export function readWindow(guest: Machine, { linear, lengthBytes }: Window): Uint8Array {
  return Uint8Array.from({ length: lengthBytes }, (_, at) => {
    const gpa = byteAddress(guest, linear + at);
    return gpa === null ? 0 : guest.memory.read8(gpa);
  });
}

export function writeWindow(guest: Machine, { linear }: Window, bytes: Uint8Array): void {
  bytes.forEach((byte, at) => {
    const gpa = byteAddress(guest, linear + at);
    if (gpa !== null && guest.memory.read8(gpa) !== byte) guest.memory.write8(gpa, byte);
  });
}

/** Of a byte in memory, by the guest's own tables; null for what is not there, and for devices, which are not looked at. */
function byteAddress({ cpu, memory }: Machine, linear: number): number | null {
  const gpa = cpu.translate(linear >>> 0, { write: false, user: false, fetch: false });
  return gpa !== null && gpa < memory.sizeBytes ? gpa : null;
}

/** Compares what a deprivileged guest saw with what it should have seen. */
export function compareSights(
  op: Operation,
  windows: readonly Window[],
  before: GuestState,
  saw: Sight,
  should: Sight,
): Difference {
  if (should.event) {
    // The right state is that of the handler: what the guest got instead is what it changed.
    const untouched = { ...before, eip: (before.eip + op.lengthBytes) >>> 0 };
    const changed = differences(op, windows, saw, { ...saw, state: untouched }).map(([name, value]) =>
      `${name} ${value}`.trim(),
    );
    return { saw: ['goes through', ...changed].join(', '), should: describeEvent(should.event) };
  }
  const found = differences(op, windows, saw, should);
  if (found.length === 0) return null;
  return {
    saw: found.map(([name, value]) => `${name} ${value}`).join(', '),
    should: found.map(([name, , value]) => `${name} ${value}`).join(', '),
  };
}

type Pair = [name: string, one: string, other: string];

function differences(op: Operation, windows: readonly Window[], one: Sight, other: Sight): Pair[] {
  const pairs: Pair[] = [];
  const add = (name: string, a: number, b: number) => {
    if (a !== b) pairs.push([name, hex(a), hex(b)]);
  };
  for (const name of Object.keys(one.state.gprs) as (keyof GuestState['gprs'])[])
    add(name, one.state.gprs[name], other.state.gprs[name]);
  add('eip', one.state.eip, other.state.eip);
  const flags = (one.state.eflags ^ other.state.eflags) & ~FLAG_RF;
  if (flags) pairs.push(['flags', flagText(one.state.eflags, flags), flagText(other.state.eflags, flags)]);
  for (const name of SEGMENT_NAMES) {
    const [a, b] = [one.state.segments[name], other.state.segments[name]];
    add(name, a.selector, b.selector);
    if (a.selector !== b.selector || a.selector <= HIGHEST_RPL) continue;
    add(`${name} base`, a.base, b.base);
    add(`${name} limit`, a.limit, b.limit);
  }
  windows.forEach(({ name }, index) => {
    const [a, b] = [one.memory[index], other.memory[index]];
    if (a.every((byte, at) => byte === b[at])) return;
    const text = (bytes: Uint8Array, others: Uint8Array) => bytesText(op, bytes, others);
    pairs.push([name, text(a, b), text(b, a)]);
  });
  return pairs;
}

/** Which segment registers {@link restoreGuest} puts back. */
const SEGMENTS = SEGMENT_NAMES.map((name, index) => [name, index as SegmentIndex] as const);

/** Puts back what a deprivileged instruction can have changed. */
export function restoreGuest({ cpu }: Machine, state: GuestState, cpl: number): void {
  Object.values(state.gprs).forEach((value, register) => cpu.setGpr(register, value));
  cpu.eip = state.eip;
  cpu.eflags = state.eflags;
  for (const [name, index] of SEGMENTS) cpu.setSegment(index, state.segments[name]);
  cpu.cpl = cpl;
}

function bytesText({ row }: Operation, bytes: Uint8Array, others: Uint8Array): string {
  if (TABLE_STORES.has(row.mnemonic)) {
    return `base ${hex(number(bytes.subarray(SELECTOR_BYTES)))} limit ${hex(number(bytes.subarray(0, SELECTOR_BYTES)))}`;
  }
  const value = number(bytes);
  return row.mnemonic === 'pushf' ? `${hex(value)} (${flagText(value, value ^ number(others))})` : hex(value);
}

/** Little-endian. */
function number(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

/** EFLAGS, bit 0 first (AMD64 APM vol. 2, section 3.1.6 "RFLAGS Register"). The two bits of IOPL are one field. */
const FLAG_NAMES = 'CF,,PF,,AF,,ZF,SF,TF,IF,DF,OF,IOPL,,NT,,RF,VM,AC,VIF,VIP,ID'.split(',');
const IOPL_SHIFT = 12;

/** The flags of `which`, with their values. */
function flagText(flags: number, which: number): string {
  const shown = which & FLAG_IOPL ? which | (1 << IOPL_SHIFT) : which;
  return FLAG_NAMES.flatMap((name, bit) => {
    if (name === '' || !(shown & (1 << bit))) return [];
    return [`${name}=${bit === IOPL_SHIFT ? (flags & FLAG_IOPL) >> bit : (flags >> bit) & 1}`];
  }).join(' ');
}

function describeEvent(event: Event | 'shutdown'): string {
  if (event === 'shutdown') return 'a triple fault';
  const { vector, errorCode } = event;
  const name = VECTOR_NAMES[vector] ?? `vector ${hex(vector)}`;
  return errorCode === null ? name : `${name}(${hex(errorCode)})`;
}
