/** What a cell can call. The kernel makes every export a global of the cells. */
export { audit } from './audit.js';
export { asm, assemble, guest, Guest, guests } from './guest.js';
export { machine } from './machine.js';
export { machines } from './machines.js';
export { plot, table } from './plot.js';
export { exitRoundTrip, prices, processor, profileNames } from './prices.js';
export { quiz } from './quiz.js';
export { reproduction } from './reproduction.js';
export { compare, GuestInterrupted, run } from './running.js';
export { switches } from './switches.js';
export { usableTechniques } from '../../emulator/index.js';
export { session, session as __session, Timed } from './session.js';
