import { CONTROL_GUESTS } from './control-guests.js';
import type { TestGuest } from './guest-parts.js';
import { CROSSING_GUESTS } from './crossing-guests.js';
import { INTERRUPT_GUESTS } from './interrupt-guests.js';
import { MEMORY_GUESTS } from './memory-guests.js';
import { PRIVILEGE_GUESTS } from './privilege-guests.js';
export { PAGING, tables } from './guest-parts.js';
export type { TestGuest } from './guest-parts.js';

/** Guests for the equivalence of translated and native execution, one subject each. */
export const GUESTS: readonly TestGuest[] = [
  ...CONTROL_GUESTS,
  ...CROSSING_GUESTS,
  ...INTERRUPT_GUESTS,
  ...PRIVILEGE_GUESTS,
  ...MEMORY_GUESTS,
];
