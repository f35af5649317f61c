import { VECTOR_BP, VECTOR_NMI, VECTOR_OF } from '../arch/vectors.js';
import {
  EVENT_ERROR_CODE_VALID,
  EVENT_TYPE,
  EVENT_TYPE_EXCEPTION,
  EVENT_TYPE_EXTERNAL,
  EVENT_TYPE_NMI,
  EVENT_TYPE_SHIFT,
  EVENT_TYPE_SOFTWARE,
  EVENT_VALID,
  EVENT_VECTOR,
} from '../arch/vmcb.js';
import type { Event } from './processor.js';

// EVENTINJ and EXITINTINFO share a format (APM vol. 2, sections 15.20 "Event Injection", 15.7.2 "Intercepts During IDT Interrupt Delivery").

/** Vectors above it are no exceptions. */
const LAST_EXCEPTION = 31;

const TYPE_OF_KIND = {
  external: EVENT_TYPE_EXTERNAL,
  nmi: EVENT_TYPE_NMI,
  exception: EVENT_TYPE_EXCEPTION,
  int: EVENT_TYPE_SOFTWARE,
  // INT3, INTO and ICEBP raise exceptions.
  int3: EVENT_TYPE_EXCEPTION,
  into: EVENT_TYPE_EXCEPTION,
  int1: EVENT_TYPE_EXCEPTION,
} as const satisfies Record<Event['kind'], number>;

/** @returns both halves of the field. */
export function encodeEvent({ vector, kind, errorCode }: Event): { low: number; high: number } {
  const low = vector | (TYPE_OF_KIND[kind] << EVENT_TYPE_SHIFT) | EVENT_VALID;
  return errorCode === null
    ? { low: low >>> 0, high: 0 }
    : { low: (low | EVENT_ERROR_CODE_VALID) >>> 0, high: errorCode };
}

/** Whether VMRUN accepts this EVENTINJ: the type exists, and an exception has an exception's vector. */
export function isLegalInjection(low: number): boolean {
  if ((low & EVENT_VALID) === 0) return true;
  const vector = low & EVENT_VECTOR;
  switch ((low & EVENT_TYPE) >> EVENT_TYPE_SHIFT) {
    case EVENT_TYPE_EXTERNAL:
    case EVENT_TYPE_NMI:
    case EVENT_TYPE_SOFTWARE:
      return true;
    case EVENT_TYPE_EXCEPTION:
      return vector !== VECTOR_NMI && vector <= LAST_EXCEPTION;
    default:
      return false;
  }
}

/** The event to deliver, or null when the field is not valid. `low` must be legal. */
export function decodeEvent(low: number, high: number): Event | null {
  if ((low & EVENT_VALID) === 0) return null;
  const vector = low & EVENT_VECTOR;
  const errorCode = low & EVENT_ERROR_CODE_VALID ? high : null;
  switch ((low & EVENT_TYPE) >> EVENT_TYPE_SHIFT) {
    case EVENT_TYPE_NMI:
      return { vector: VECTOR_NMI, kind: 'nmi', errorCode: null };
    case EVENT_TYPE_EXCEPTION:
      // These two check the gate's DPL when injected, as their instructions do.
      if (vector === VECTOR_BP) return { vector, kind: 'int3', errorCode };
      if (vector === VECTOR_OF) return { vector, kind: 'into', errorCode };
      return { vector, kind: 'exception', errorCode };
    case EVENT_TYPE_SOFTWARE:
      return { vector, kind: 'int', errorCode: null };
    default:
      return { vector, kind: 'external', errorCode: null };
  }
}
