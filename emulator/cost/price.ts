import type { Price } from './profile.js';

/** A measured hardware fact. */
export const input = (value: number, source: string): Price => ({ value, kind: 'input', source });

/** Fitted so that a figure of the paper comes out. */
export const calibrated = (value: number, source: string): Price => ({ value, kind: 'calibrated', source });

/** Neither measured nor fitted: a plausible figure, to be changed freely. */
export const guess = (value: number, source: string): Price => ({ value, kind: 'guess', source });
