import {
  SYS_CALL_GATE16,
  SYS_CALL_GATE32,
  SYS_LDT,
  SYS_TASK_GATE,
  SYS_TSS16_AVAILABLE,
  SYS_TSS16_BUSY,
  SYS_TSS32_AVAILABLE,
  SYS_TSS32_BUSY,
} from '../arch/descriptors.js';
import { CPL_I32 } from '../arch/state.js';
import type { Cpu } from './cpu.js';
import * as descriptors from './descriptor.js';
import type { Descriptor } from './descriptor.js';

/** System types with a limit, for LSL; LAR takes gates that code can name besides (APM vol. 3, "LAR" and "LSL"). */
const LIMIT_TYPES: ReadonlySet<number> = new Set([
  SYS_TSS16_AVAILABLE,
  SYS_LDT,
  SYS_TSS16_BUSY,
  SYS_TSS32_AVAILABLE,
  SYS_TSS32_BUSY,
]);
const RIGHTS_TYPES: ReadonlySet<number> = new Set([
  ...LIMIT_TYPES,
  SYS_CALL_GATE16,
  SYS_TASK_GATE,
  SYS_CALL_GATE32,
]);

const ACCESS_RIGHTS = 0x00ff_ff00;

/** LAR. @returns the second word's rights, or null when the selector is not accessible. */
export function accessRights(cpu: Cpu, selector: number): number | null {
  const descriptor = accessible(cpu, selector, RIGHTS_TYPES);
  return descriptor && descriptor.high & ACCESS_RIGHTS;
}

/** LSL. @returns the limit in bytes, unsigned, or null. */
export function segmentLimit(cpu: Cpu, selector: number): number | null {
  const descriptor = accessible(cpu, selector, LIMIT_TYPES);
  return descriptor && descriptor.limit;
}

/** VERR and VERW. */
export function verifySegment(cpu: Cpu, selector: number, forWriting: boolean): boolean {
  const descriptor = accessible(cpu, selector, null);
  if (!descriptor) return false;
  return forWriting
    ? descriptors.isWritableData(descriptor.attributes)
    : descriptors.isReadable(descriptor.attributes);
}

function accessible(cpu: Cpu, selector: number, systemTypes: ReadonlySet<number> | null): Descriptor | null {
  if (descriptors.isNull(selector)) return null;
  const descriptor = descriptors.probeDescriptor(cpu, selector);
  if (!descriptor) return null;
  const { attributes } = descriptor;
  const type = descriptors.systemType(attributes);
  if (type >= 0 && !systemTypes?.has(type)) return null;
  if (descriptors.isCode(attributes) && descriptors.isConforming(attributes)) return descriptor;
  const privilege = Math.max(cpu.s32[CPL_I32], descriptors.rpl(selector));
  return descriptors.dpl(attributes) >= privilege ? descriptor : null;
}
