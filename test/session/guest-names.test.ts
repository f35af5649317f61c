import t from 'tap';
import { GUEST_NAMES } from '../../kernel/session/guest-names.js';
import { guestNames } from '../../kernel/guests.js';

t.same([...GUEST_NAMES].sort(), guestNames(), 'names that are completed are the guests that there are');
