import { eventGuests } from './event-guests.js';
import type { GuestCase } from './guest-source.js';
import { pagingGuests } from './paging-guests.js';

export const guests: readonly GuestCase[] = [...pagingGuests, ...eventGuests];
