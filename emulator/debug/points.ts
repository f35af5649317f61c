import { CR0_PE, CR0_PG, CR4_PAE } from '../arch/control.js';
import { EXIT_REASONS } from '../arch/exits.js';
import type { ExitReason } from '../arch/exits.js';
import { FLAG_VM } from '../arch/flags.js';
import { VECTOR_NAMES } from '../arch/vectors.js';
import { NO_POINTS } from '../machine.js';
import type { OwnerHit, OwnerPoints, Processor } from '../machine.js';

/** Where a run is to stop. Addresses are linear. */
export type BreakPoint =
  /** Before the instruction at an address. */
  | { address: number }
  /** After an instruction that writes, reads, or does either to one of `bytes` bytes (default 4) from an address. */
  | { write: number; bytes?: number }
  | { read: number; bytes?: number }
  | { access: number; bytes?: number }
  /** After an instruction that reads or writes a port, or one of `ports` from it. */
  | { port: number; ports?: number }
  /** At the first instruction of the handler of an exception or interrupt: its vector, or its name as '#PF'. */
  | { exception: number | string }
  /** When the processor has entered another mode: any, or one of {@link processorMode}'s. */
  | { mode: string }
  /** After an exit that a monitor has handled. */
  | { exit: ExitReason };

/** What can be a {@link BreakPoint}'s only key besides its size. */
const KINDS = ['address', 'write', 'read', 'access', 'port', 'exception', 'mode', 'exit'] as const;

export const PROCESSOR_MODES = [
  'real',
  'virtual-8086',
  'protected',
  'protected, paging',
  'protected, PAE paging',
] as const;

/** The mode that a processor is in. */
export function processorMode({ cr0, cr4, eflags }: Processor): (typeof PROCESSOR_MODES)[number] {
  if ((cr0 & CR0_PE) === 0) return 'real';
  if ((eflags & FLAG_VM) !== 0) return 'virtual-8086';
  if ((cr0 & CR0_PG) === 0) return 'protected';
  return (cr4 & CR4_PAE) === 0 ? 'protected, paging' : 'protected, PAE paging';
}

const DEFAULT_WATCH_BYTES = 4;
const LINEAR_END = 2 ** 32;
const PORT_END = 2 ** 16;

/** Techniques under which the guest's instructions run at their own addresses, as all points but exits need. */
const WITH_ADDRESSES: readonly string[] = ['native', 'svm-shadow', 'svm-nested'];

/** @throws TypeError, RangeError saying what of the point is wrong, or impossible under the technique, and what would be right. */
export function checkPoint(point: BreakPoint, technique: string): void {
  const given = KINDS.filter((kind) => kind in point);
  if (given.length !== 1) {
    throw new TypeError(
      `a breakpoint names one of ${KINDS.join(', ')}; this one names ${given.join(', ') || 'none'}`,
    );
  }
  if ('exit' in point) requireOneOf('exit reason', point.exit, EXIT_REASONS);
  else if ('mode' in point) requireOneOf('mode', point.mode, [...PROCESSOR_MODES, 'any']);
  else if ('exception' in point) vectorOf(point.exception);
  else if ('port' in point) requireRange('port', point.port, point.ports ?? 1, PORT_END);
  else if ('address' in point) requireRange('address', point.address, 1, LINEAR_END);
  else {
    const { first, bytes } = watched(point);
    requireRange('address', first, bytes, LINEAR_END);
  }
  if ('exit' in point) {
    if (technique === 'native')
      throw new RangeError(`there are no exits under 'native': use a technique with a monitor`);
    return;
  }
  const able = 'mode' in point ? ['native'] : WITH_ADDRESSES;
  if (!able.includes(technique)) {
    throw new RangeError(
      `a breakpoint on { ${given[0]} } does not work under '${technique}', where the guest's instructions do not all ` +
        `run as they are: break on { exit }, or use '${able.join("' or '")}'`,
    );
  }
}

function watched(point: { write: number } | { read: number } | { access: number }): {
  first: number;
  bytes: number;
} {
  const { bytes = DEFAULT_WATCH_BYTES } = point as { bytes?: number };
  const first = 'write' in point ? point.write : 'read' in point ? point.read : point.access;
  return { first, bytes };
}

function requireOneOf(what: string, value: string, known: readonly string[]): void {
  if (!known.includes(value))
    throw new RangeError(`no ${what} is called '${value}'; there are: ${known.join(', ')}`);
}

function requireRange(what: string, first: number, count: number, end: number): void {
  const isRight = Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 1;
  if (!isRight || first + count > end) {
    throw new RangeError(
      `${what} ${first}, ${count} long: expected whole numbers from 0, ending below ${end}`,
    );
  }
}

function vectorOf(exception: number | string): number {
  const named = Object.entries(VECTOR_NAMES).find(([, name]) => name === exception);
  const vector = named ? Number(named[0]) : exception;
  if (typeof vector !== 'number' || !Number.isInteger(vector) || vector < 0 || vector > 255) {
    throw new RangeError(
      `no exception is called '${exception}'; expected a vector from 0 to 255 or one of ${Object.values(VECTOR_NAMES).join(', ')}`,
    );
  }
  return vector;
}

/** What a machine is to be told, for those of the points that are about its processor. */
export function ownerPoints(points: readonly BreakPoint[], processor: Processor): OwnerPoints | null {
  const code = new Set<number>();
  const data: { first: number; last: number; reads: boolean; writes: boolean }[] = [];
  const ports: { first: number; last: number }[] = [];
  const vectors = new Set<number>();
  const modes = new Set<string>();
  for (const point of points) {
    if ('address' in point) code.add(point.address);
    else if ('exception' in point) vectors.add(vectorOf(point.exception));
    else if ('port' in point) ports.push({ first: point.port, last: point.port + (point.ports ?? 1) - 1 });
    else if ('mode' in point) modes.add(point.mode);
    else if (!('exit' in point)) {
      const { first, bytes } = watched(point);
      data.push({ first, last: first + bytes - 1, reads: !('write' in point), writes: !('read' in point) });
    }
  }
  if (code.size + data.length + ports.length + vectors.size + modes.size === 0) return null;
  const base = { ...NO_POINTS, code, data, ports, vectors };
  return modes.size === 0 ? base : { ...base, mode: modeWatch(modes, processor) };
}

/** Tells a change of mode once, against the mode that the processor is in now. */
function modeWatch(modes: ReadonlySet<string>, processor: Processor): (cpu: Processor) => string | null {
  let last = processorMode(processor);
  return (cpu) => {
    const mode = processorMode(cpu);
    if (mode === last) return null;
    last = mode;
    return modes.has('any') || modes.has(mode) ? mode : null;
  };
}

export function exitPoints(points: readonly BreakPoint[]): ReadonlySet<ExitReason> | null {
  const reasons = points.flatMap((point) => ('exit' in point ? [point.exit] : []));
  return reasons.length > 0 ? new Set(reasons) : null;
}

/** A stop in words. */
export function describeHit(hit: OwnerHit): string {
  switch (hit.kind) {
    case 'address':
      return `before the instruction at ${hex(hit.linear)}`;
    case 'memory':
      return `after ${hit.write ? 'a write to' : 'a read of'} ${hit.bytes} bytes at ${hex(hit.linear)}`;
    case 'port':
      return `after ${hit.direction} of ${hit.bytes} bytes at port ${hex(hit.port)}`;
    case 'event':
      return `at the handler of ${VECTOR_NAMES[hit.vector] ?? `interrupt ${hit.vector}`}`;
    case 'mode':
      return `in the mode '${hit.mode}'`;
    case 'exit':
      return `after the exit ${hit.reason} of the guest at eip ${hex(hit.eip)}`;
  }
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}
