import { ATTR_DB, ATTR_P } from '../../arch/descriptors.js';
import { EDI, ES, ESI, ESP, SS } from '../../arch/registers.js';
import type { SegmentIndex } from '../../arch/registers.js';
import { PAGE_BYTES } from '../../arch/paging.js';
import type { Operation } from '../../isa/operation.js';
import type { Machine, Processor } from '../../machine.js';
import type { ShadowMmu } from '../shadow-mmu.js';
import { AREA_LINEAR } from './area.js';
import { operandOffset } from './operand.js';
import { KERNEL_CPL, truncate } from './segments.js';
import type { Way } from './unit.js';

/** Where an instruction will access memory, by the registers as they are. */
interface Access {
  segment: SegmentIndex;
  offset: number;
  write: boolean;
}

/** What kind of memory that makes translated code trap an instruction is about to access; null for ordinary memory. */
export function wayOf(guest: Machine, shadow: ShadowMmu, operation: Operation): Way | null {
  for (const access of accessesOf(guest.cpu, operation)) {
    const way = wayOfAccess(guest, shadow, access);
    if (way) return way;
  }
  return null;
}

/**
 * Whether what an instruction is about to access makes no exit in guest mode: there the monitor keeps no linear addresses for
 * itself, and traces page tables alone.
 */
export function isFreeInGuestMode(
  { cpu, memory }: Machine,
  shadow: ShadowMmu,
  operation: Operation,
): boolean {
  return accessesOf(cpu, operation).every(({ segment, offset, write }) => {
    const linear = (cpu.segment(segment).base + offset) >>> 0;
    const gpa = cpu.translate(linear, { write, user: cpu.cpl === 3, fetch: false });
    if (gpa === null) return true;
    const page = Math.floor(gpa / PAGE_BYTES);
    if (gpa >= memory.sizeBytes) return !memory.outside.claimsPage(page);
    return !write || !shadow.holdsTables(page);
  });
}

/** How segments are cut while translated code runs. */
const TRANSLATED = { kernelRing: KERNEL_CPL, wholeSegments: false } as const;

function wayOfAccess({ cpu, memory }: Machine, shadow: ShadowMmu, access: Access): Way | null {
  const segment = cpu.segment(access.segment);
  const linear = (segment.base + access.offset) >>> 0;
  const cutOff =
    (truncate(segment, TRANSLATED).attributes & ATTR_P) === 0 && (segment.attributes & ATTR_P) !== 0;
  if (linear >= AREA_LINEAR || cutOff) return 'monitor';
  const gpa = cpu.translate(linear, { write: access.write, user: cpu.cpl === 3, fetch: false });
  if (gpa === null) return null;
  const page = gpa >>> 12;
  if (gpa >= memory.sizeBytes) return memory.outside.claimsPage(page) ? 'device' : null;
  return access.write && shadow.isTraced(page) ? 'trace' : null;
}

const STACK_WRITERS: ReadonlySet<string> = new Set(['push', 'pusha', 'enter', 'call', 'pushf']);
const STACK_READERS: ReadonlySet<string> = new Set(['pop', 'popa', 'leave', 'ret', 'popf']);

function accessesOf(cpu: Processor, operation: Operation): Access[] {
  const { row, rm, segment } = operation;
  const mask = operation.addressBytes === 2 ? 0xffff : 0xffff_ffff;
  const source = { segment, offset: (cpu.gpr(ESI) & mask) >>> 0, write: false };
  const destination: Access = { segment: ES, offset: (cpu.gpr(EDI) & mask) >>> 0, write: true };
  switch (row.mnemonic) {
    case 'movs':
      return [source, destination];
    case 'stos':
      return [destination];
    case 'lods':
      return [source];
    case 'cmps':
      return [source, { ...destination, write: false }];
    case 'scas':
      return [{ ...destination, write: false }];
  }
  const accesses: Access[] = [];
  if (row.memory !== 'none' && rm < 0)
    accesses.push({ segment, offset: operandOffset(cpu, operation), write: row.memory !== 'read' });
  if (STACK_WRITERS.has(row.mnemonic))
    accesses.push({ segment: SS, offset: stackOffset(cpu, -operation.operandBytes), write: true });
  if (STACK_READERS.has(row.mnemonic))
    accesses.push({ segment: SS, offset: stackOffset(cpu, 0), write: false });
  return accesses;
}

/** Offset in SS at a distance from the top of the stack. */
function stackOffset(cpu: Processor, distanceBytes: number): number {
  const offset = cpu.gpr(ESP) + distanceBytes;
  return cpu.segment(SS).attributes & ATTR_DB ? offset >>> 0 : offset & 0xffff;
}
