import { VECTOR_BP, VECTOR_OF } from '../../arch/vectors.js';
import {
  EVENT_ERROR_CODE_VALID,
  EVENT_TYPE,
  EVENT_TYPE_EXCEPTION,
  EVENT_TYPE_EXTERNAL,
  EVENT_TYPE_NMI,
  EVENT_TYPE_SHIFT,
  EVENT_VALID,
  EVENT_VECTOR,
} from '../../arch/vmcb.js';
import type { Event } from '../../machine.js';

/** Both halves of EVENTINJ or EXITINTINFO (AMD64 APM vol. 2, rev. 3.44, section 15.20 "Event Injection"). */
export interface EventField {
  low: number;
  high: number;
}

/** Exceptions that INT3 and INTO raise. */
const SOFTWARE_EXCEPTIONS: ReadonlySet<number> = new Set([VECTOR_BP, VECTOR_OF]);

/** An exception, NMI or external interrupt as the monitor injects it. */
export function injection({ vector, kind, errorCode }: Event): EventField {
  const type =
    kind === 'external' ? EVENT_TYPE_EXTERNAL : kind === 'nmi' ? EVENT_TYPE_NMI : EVENT_TYPE_EXCEPTION;
  const code = errorCode === null ? 0 : EVENT_ERROR_CODE_VALID;
  return { low: (EVENT_VALID | (type << EVENT_TYPE_SHIFT) | code | vector) >>> 0, high: errorCode ?? 0 };
}

/**
 * The event whose delivery an exit has interrupted, as the virtual processor takes it; null when there was none.
 * Neither is there one for INT n, INT3 and INTO: their exit leaves rIP at the instruction, which is executed again.
 */
export function interruptedEvent({ low, high }: EventField): Event | null {
  if ((low & EVENT_VALID) === 0) return null;
  const vector = low & EVENT_VECTOR;
  const errorCode = low & EVENT_ERROR_CODE_VALID ? high : null;
  switch ((low & EVENT_TYPE) >> EVENT_TYPE_SHIFT) {
    case EVENT_TYPE_EXTERNAL:
      return { vector, kind: 'external', errorCode };
    case EVENT_TYPE_NMI:
      return { vector, kind: 'nmi', errorCode };
    case EVENT_TYPE_EXCEPTION:
      return SOFTWARE_EXCEPTIONS.has(vector) ? null : { vector, kind: 'exception', errorCode };
    default:
      return null;
  }
}
